"""Accuracy of a network, without noise."""

from __future__ import annotations

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.training.data import select


def evaluate(
    backend: Backend, network: Network, params: Params, data: Batch, *, batch_size: int = 2000
) -> float:
    """Return the fraction of samples whose class is predicted, in passes without noise.

    Parameters
    ----------
    backend, network, params
        The model; arrays of the backend.
    data : Batch
        All samples.
    batch_size : int
        Samples of one pass.

    Notes
    -----
    The prediction is the class with the largest sum of outputs over time. Deterministic.
    """
    total = 0
    for start in range(0, data.size, batch_size):
        numbers = backend.asarray(np.arange(start, min(start + batch_size, data.size)))
        part = select(data, numbers)
        total += count_correct(backend.forward(network, params, part).outputs, part.targets)
    return total / data.size


def count_correct(outputs: Array, targets: Array) -> int:
    """Return how many samples have their class at ``argmax_k sum_t o_k[t]``.

    Parameters
    ----------
    outputs : array, shape (T, B, m)
    targets : array of int, shape (B,)
    """
    xp = array_namespace(outputs)
    predicted = xp.argmax(xp.sum(outputs, axis=0), axis=-1)
    return int(xp.sum(xp.astype(predicted == targets, xp.int64)))
