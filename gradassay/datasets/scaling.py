"""From stored numbers to inputs of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError


@dataclass(frozen=True)
class Scaling:
    """``(stored - shift) * factor``, for each channel: bytes stay bytes until they are used.

    Parameters
    ----------
    shift, factor : tuple of float
        One number for all features, or one for each channel.

    Raises
    ------
    ConfigurationError
        If there are not as many of one as of the other, or none.
    """

    shift: tuple[float, ...] = (0.0,)
    factor: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if len(self.shift) != len(self.factor) or not self.shift:
            raise ConfigurationError(
                f"scaling: got {len(self.shift)} shifts and {len(self.factor)} factors; expected"
                " as many of both, at least 1."
            )

    @property
    def changes_nothing(self) -> bool:
        """Whether inputs are what is stored."""
        return set(self.shift) == {0.0} and set(self.factor) == {1.0}

    def rows(self, features: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return shift and factor of every feature, which come channel by channel.

        Raises
        ------
        ConfigurationError
            If the features are no multiple of the channels.
        """
        channels = len(self.shift)
        if features % channels:
            raise ConfigurationError(
                f"scaling: got {channels} channels for {features} features; expected a divisor."
            )
        each = features // channels
        return np.repeat(self.shift, each), np.repeat(self.factor, each)

    def applied(self, stored: NDArray[Any]) -> NDArray[np.floating]:
        """Return stored numbers, features last, as inputs: float32, or floats as they are."""
        if self.changes_nothing:
            whole = stored.dtype == np.uint8
            return stored.astype(np.float32) if whole else stored
        shift, factor = self.rows(stored.shape[-1])
        inputs = stored.astype(np.float32)
        inputs -= shift.astype(np.float32)
        inputs *= factor.astype(np.float32)
        return inputs


AS_STORED = Scaling()
BYTES = Scaling(factor=(1 / 255,))


def standardising(stored: NDArray[Any], channels: int) -> Scaling:
    """Return the scaling after which each channel has mean 0 and standard deviation 1.

    A channel that is the same everywhere keeps its size.

    Parameters
    ----------
    stored : array, shape (N, n) or (N, T, n)
        Features channel by channel.
    channels : int
        A divisor of n.

    Examples
    --------
    >>> standardising(np.array([[1, 3, 5, 5]], dtype=np.uint8), 2)
    Scaling(shift=(2.0, 5.0), factor=(1.0, 1.0))
    """
    shifts: list[float] = []
    factors: list[float] = []
    each = stored.shape[-1] // channels
    for channel in range(channels):
        mean, deviation = _moments(stored[..., channel * each : (channel + 1) * each])
        shifts.append(mean)
        factors.append(1 / deviation if deviation > 0 else 1.0)
    return Scaling(tuple(shifts), tuple(factors))


def _moments(numbers: NDArray[Any], block: int = 1000) -> tuple[float, float]:
    """Return mean and standard deviation, from sums over blocks of rows.

    Those of floats are of differences from the first one: exactly 0 where all are the same.
    """
    origin = 0.0 if numbers.dtype.kind in "iu" else float(numbers.flat[0])
    total, squares = 0.0, 0.0
    for start in range(0, len(numbers), block):
        part = numbers[start : start + block].astype(np.float64)
        part -= origin
        total += float(part.sum())
        squares += float((part * part).sum())
    mean = total / numbers.size
    return origin + mean, max(squares / numbers.size - mean * mean, 0.0) ** 0.5


def channels_of(shape: Sequence[int]) -> int:
    """Return the channels of a sample's shape: 1 unless it is (channels, rows, columns).

    Examples
    --------
    >>> channels_of((28, 28)), channels_of((3, 32, 32)), channels_of((64,))
    (1, 3, 1)
    """
    return shape[0] if len(shape) == 3 else 1
