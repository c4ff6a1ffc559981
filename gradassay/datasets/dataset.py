"""An image data set in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError
from gradassay.core.keys import Key


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images as rows, their classes, and where they came from.

    Parameters
    ----------
    name : str
        ``"digits"``, ``"mnist"`` or ``"fashion-mnist"``.
    train_inputs : array of float32, shape (N, features)
        Pixels, row by row, scaled to [0, 1].
    train_targets : array of int64, shape (N,)
        Class of each image.
    test_inputs, test_targets : arrays
        Likewise.
    classes : int
        Number of classes; targets are 0 to ``classes - 1``.
    shape : tuple of int
        Height and width of an image.
    source : str
        Where the files were found, for people.
    checksums : mapping of str to str
        File name to the sha256 of its decompressed content; for digits, of the array's bytes.
    license : str
        Short name of the license.
    """

    name: str
    train_inputs: NDArray[np.float32]
    train_targets: NDArray[np.int64]
    test_inputs: NDArray[np.float32]
    test_targets: NDArray[np.int64]
    classes: int
    shape: tuple[int, int]
    source: str
    checksums: Mapping[str, str]
    license: str

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
