"""A data set in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError, DataError
from gradassay.core.keys import Key
from gradassay.datasets.scaling import AS_STORED, Scaling, channels_of, standardising

OWN_LICENSE = "as its owner says"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples as rows, their classes, and where they came from.

    Parameters
    ----------
    name : str
        As `load_dataset` takes it.
    train_inputs : array of float32 or uint8, shape (N, features) or (N, T, features)
        Features channel by channel and row by row: the same at every time step, or T steps of each
        sample. Inputs of a network are ``scaling.applied(train_inputs)``.
    train_targets : array of int64, shape (N,)
        Class of each sample.
    test_inputs, test_targets : arrays
        Likewise.
    classes : int
        Number of classes; targets are 0 to ``classes - 1``.
    shape : tuple of int
        (rows, columns) or (channels, rows, columns) of an image; (features,) of what is none.
    source : str
        Where the files were found, for people.
    checksums : mapping of str to str
        File name to the hash of its decompressed content, or array to the sha256 of its bytes.
    license : str
        Short name of the license.
    scaling : Scaling
        From the stored numbers to inputs.
    part : str
        How many samples there are, where they are a part of the published ones; else empty.

    Raises
    ------
    DataError
        If the arrays do not belong together.
    """

    name: str
    train_inputs: NDArray[Any]
    train_targets: NDArray[np.int64]
    test_inputs: NDArray[Any]
    test_targets: NDArray[np.int64]
    classes: int
    shape: tuple[int, ...]
    source: str
    checksums: Mapping[str, str]
    license: str
    scaling: Scaling = AS_STORED
    part: str = ""

    def __post_init__(self) -> None:
        _require_part(self, "train", self.train_inputs, self.train_targets)
        _require_part(self, "test", self.test_inputs, self.test_targets)
        if self.train_inputs.shape[1:] != self.test_inputs.shape[1:]:
            raise DataError(
                f"{self.name}: training samples have shape {self.train_inputs.shape[1:]}, test"
                f" samples {self.test_inputs.shape[1:]}; expected the same."
            )

    @property
    def steps(self) -> int | None:
        """Time steps of a sample; None where it is the same at every step."""
        return self.train_inputs.shape[1] if self.train_inputs.ndim == 3 else None

    def standardised(self) -> Dataset:
        """Return the data set scaled so that each channel of the training part has variance 1."""
        return replace(self, scaling=standardising(self.train_inputs, channels_of(self.shape)))

    def subset(self, count: int, key: Key) -> Dataset:
        """Return the same data set with only `count` of its training samples; test set unchanged.

        Parameters
        ----------
        count : int
            At most the number of training samples.
        key : Key
            Names the permutation of which the first `count` are taken, so a smaller subset of the
            same key lies within a larger one.

        Raises
        ------
        ConfigurationError
            If there are not that many.
        """
        total = len(self.train_targets)
        if not 1 <= count <= total:
            raise ConfigurationError(
                f"count: got {count!r}; expected 1 to {total:,}, the training samples of"
                f" {self.name}."
            )
        chosen = key.generator().permutation(total)[:count]
        return replace(
            self,
            train_inputs=self.train_inputs[chosen],
            train_targets=self.train_targets[chosen],
            source=f"{self.source}; {count:,} of {total:,} training samples",
        )


def array_checksums(
    train_inputs: NDArray[Any],
    train_targets: NDArray[Any],
    test_inputs: NDArray[Any],
    test_targets: NDArray[Any],
) -> dict[str, str]:
    """Return the sha256 of the bytes of each array, for data without published files."""
    arrays = {
        "train-inputs": train_inputs,
        "train-targets": train_targets,
        "test-inputs": test_inputs,
        "test-targets": test_targets,
    }
    return {name: array_checksum(array) for name, array in arrays.items()}


def array_checksum(array: NDArray[Any]) -> str:
    """Return the sha256 of the bytes of an array."""
    return sha256(np.ascontiguousarray(array).data).hexdigest()


def _require_part(
    data: Dataset, part: str, inputs: NDArray[Any], targets: NDArray[np.int64]
) -> None:
    """Refuse a part whose arrays do not fit each other, the shape or the classes."""
    features = math.prod(data.shape)
    if inputs.ndim not in (2, 3) or inputs.shape[-1] != features or inputs.size == 0:
        raise DataError(
            f"{data.name}: {part} inputs have shape {inputs.shape}; expected (N, {features}) or"
            f" (N, T, {features}), N and T at least 1."
        )
    if inputs.dtype.name not in ("float32", "uint8"):
        raise DataError(
            f"{data.name}: {part} inputs have dtype {inputs.dtype}; expected float32 or uint8."
        )
    if targets.shape != inputs.shape[:1]:
        raise DataError(
            f"{data.name}: {part} targets have shape {targets.shape}; expected ({len(inputs)},),"
            " one for each sample."
        )
    if targets.min() < 0 or targets.max() >= data.classes:
        raise DataError(
            f"{data.name}: {part} targets are {targets.min()} to {targets.max()}; expected 0 to"
            f" {data.classes - 1}."
        )
