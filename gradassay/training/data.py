"""Data of a training run, once as arrays of the backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch


class Splits(Protocol):
    """What a data set offers: NumPy arrays of a training and a test part."""

    @property
    def train_inputs(self) -> np.ndarray:
        """Inputs of the training part, ``(N, n)`` or ``(T, N, n)``."""
        ...

    @property
    def train_targets(self) -> np.ndarray:
        """Classes of the training part, ``(N,)``."""
        ...

    @property
    def test_inputs(self) -> np.ndarray:
        """Inputs of the test part."""
        ...

    @property
    def test_targets(self) -> np.ndarray:
        """Classes of the test part."""
        ...


@dataclass(frozen=True)
class PlacedData:
    """A training and a test part as whole batches of a backend; `place_data` makes it."""

    train: Batch
    test: Batch


def place_data(backend: Backend, data: Splits) -> PlacedData:
    """Return a data set as arrays of the backend, to be used by any number of runs.

    Parameters
    ----------
    backend : Backend
        Gives dtype and device.
    data : Splits
        For example a `Dataset` of `gradassay.datasets`.
    """
    return PlacedData(
        _placed(backend, data.train_inputs, data.train_targets),
        _placed(backend, data.test_inputs, data.test_targets),
    )


def select(data: Batch, samples: Array) -> Batch:
    """Return the samples of the given numbers (integers, an array of the backend)."""
    xp = array_namespace(data.inputs)
    return Batch(xp.take(data.inputs, samples, axis=-2), xp.take(data.targets, samples, axis=0))


def _placed(backend: Backend, inputs: np.ndarray, targets: np.ndarray) -> Batch:
    return Batch(backend.asarray(inputs), backend.asarray(targets))
