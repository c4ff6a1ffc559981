"""Data of a training run, and batches of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch, require_batch
from gradassay.core.network import Network
from gradassay.datasets.dataset import Dataset
from gradassay.datasets.scaling import AS_STORED, Scaling

Transform = Callable[[NDArray[Any]], NDArray[Any]]
# of inputs that are looked at together when all of them are checked
MOST_NUMBERS = 2**24


@dataclass(frozen=True, eq=False)
class Samples:
    """One part of a data set, from which a backend gets batches.

    Parameters
    ----------
    backend : Backend
        Gets the arrays.
    inputs : array of uint8 or floats, shape (N, n) or (N, T, n)
        Stored numbers; they may lie in a file.
    targets : array of int, shape (N,)
        Classes.
    scaling : Scaling
        From stored numbers to inputs.
    shape : tuple of int
        Of one sample at one step, as a `Dataset` has it; not needed where nothing is cropped.
    """

    backend: Backend
    inputs: NDArray[Any]
    targets: NDArray[Any]
    scaling: Scaling = AS_STORED
    shape: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Number of samples."""
        return len(self.targets)

    def batch(self, numbers: NDArray[np.integer], transform: Transform | None = None) -> Batch:
        """Return the samples of the given numbers.

        Parameters
        ----------
        numbers : array of int
            Which samples.
        transform : callable or None
            Changes the inputs, ``(B, n)`` or ``(B, T, n)``, before they are used.
        """
        stored = self.inputs[numbers]
        if transform is None:
            inputs = self.scaling.applied(_steps_first(stored))
        else:
            inputs = _steps_first(transform(self.scaling.applied(stored)))
        place = self.backend.asarray
        return Batch(place(inputs), place(self.targets[numbers]))

    def require_fit(self, network: Network) -> None:
        """Check all samples against a network, as `gradassay.core.batch.require_batch` does.

        Of bytes, which are finite, one sample of each class stands for all.

        Raises
        ------
        DataError
            Says what does not fit.
        """
        numbers = np.arange(self.size)
        if self.inputs.dtype == np.uint8:
            numbers = np.unique(self.targets, return_index=True)[1]
        block = max(1, MOST_NUMBERS // max(1, math.prod(self.inputs.shape[1:])))
        for start in range(0, len(numbers), block):
            require_batch(network, self.batch(numbers[start : start + block]))

    def subset(self, numbers: NDArray[np.integer]) -> Samples:
        """Return the samples of the given numbers as a part of their own."""
        return replace(self, inputs=self.inputs[numbers], targets=self.targets[numbers])


def _steps_first(inputs: NDArray[Any]) -> NDArray[Any]:
    """Return sequences (B, T, n) as (T, B, n), others as they are."""
    return np.ascontiguousarray(inputs.swapaxes(0, 1)) if inputs.ndim == 3 else inputs


@dataclass(frozen=True)
class PlacedData:
    """A training and a test part for a backend; `place_data` makes it."""

    train: Samples
    test: Samples


def place_data(backend: Backend, data: Dataset) -> PlacedData:
    """Return a data set for a backend, to be used by any number of runs.

    Parameters
    ----------
    backend : Backend
        Gives dtype and device.
    data : Dataset
        Both parts.

    Notes
    -----
    Nothing is copied: bytes stay bytes, and a batch becomes floats when it is asked for.
    """
    return PlacedData(
        Samples(backend, data.train_inputs, data.train_targets, data.scaling, data.shape),
        Samples(backend, data.test_inputs, data.test_targets, data.scaling, data.shape),
    )
