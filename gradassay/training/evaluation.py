"""Accuracy of a network, without noise."""

from __future__ import annotations

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.training.data import Samples

# Activity of all layers and steps in one pass: 240 MB in float32.
MOST_NUMBERS = 60_000_000


def evaluate(
    backend: Backend,
    network: Network,
    params: Params,
    data: Samples,
    *,
    batch_size: int | None = None,
) -> float:
    """Return the fraction of samples whose class is predicted, in passes without noise.

    Parameters
    ----------
    backend, network, params
        The model; arrays of the backend.
    data : Samples
        For example the test part of `place_data`.
    batch_size : int or None
        Samples of one pass; None for at most 2,000, fewer where the network is large.

    Notes
    -----
    The prediction is the class with the largest sum of outputs over time. Deterministic.
    """
    fed = data.inputs.ndim == 3
    size = samples_at_once(network, sequences=fed) if batch_size is None else batch_size
    total = 0
    for start in range(0, data.size, size):
        part = data.batch(np.arange(start, min(start + size, data.size)))
        total += count_correct(backend.forward(network, params, part).outputs, part.targets)
    return total / data.size


def samples_at_once(network: Network, *, sequences: bool = False) -> int:
    """Return how many samples one pass takes: 1 to 2,000, by what all layers' activity takes up.

    Parameters
    ----------
    network : Network
    sequences : bool
        Whether inputs are of each step, which take up room too.

    Examples
    --------
    >>> from gradassay.core.builders import network_named
    >>> samples_at_once(network_named("fc-800-800", 784, 10))
    2000
    >>> samples_at_once(network_named("32C3-AP2-64C3-AP2-FC", (1, 28, 28), 10))
    79
    """
    activity = network.steps * sum(layer.outputs for layer in network.layers)
    activity += network.steps * network.inputs if sequences else 0
    return max(1, min(2000, MOST_NUMBERS // activity))


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
