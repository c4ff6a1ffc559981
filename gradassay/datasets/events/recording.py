"""A recording of an event camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError

Sensor = tuple[int, int]
# the difference of two such times is still an integer of 64 bits
MOST_US = 2**62


@dataclass(frozen=True, eq=False)
class Events:
    """Events of one recording, in the order of its file.

    Parameters
    ----------
    time_us : array of int64, shape (n,)
        Microseconds.
    x, y : arrays of int64, shape (n,)
        Column and row, from 0.
    polarity : array of int64, shape (n,)
        1 where the pixel became brighter, 0 where darker.
    sensor : tuple of int
        Rows and columns of the camera.

    Raises
    ------
    DataError
        If an event lies off the sensor or of all time, or the arrays do not belong together.
    """

    time_us: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    polarity: NDArray[np.int64]
    sensor: Sensor

    def __post_init__(self) -> None:
        arrays = (self.time_us, self.x, self.y, self.polarity)
        if any(array.shape != self.time_us.shape or array.ndim != 1 for array in arrays):
            raise DataError("events: times, places and polarities are not as many; expected that.")
        rows, columns = self.sensor
        off = (self.x < 0) | (self.x >= columns) | (self.y < 0) | (self.y >= rows)
        off |= (self.polarity < 0) | (self.polarity > 1)
        if off.any():
            first = int(np.argmax(off))
            raise DataError(
                f"event {first:,}: at row {self.y[first]}, column {self.x[first]}, polarity"
                f" {self.polarity[first]}; expected a sensor of {rows} x {columns} and 0 or 1."
            )

        late = (self.time_us >= MOST_US) | (self.time_us <= -MOST_US)
        if late.any():
            first = int(np.argmax(late))
            raise DataError(
                f"event {first:,}: at {self.time_us[first]:,} microseconds; expected less than"
                f" {MOST_US:,} from 0."
            )

    def __len__(self) -> int:
        return len(self.time_us)

    def between(self, start_us: int, stop_us: int) -> Events:
        """Return the events of a stretch of time, its end left out."""
        inside = (start_us <= self.time_us) & (self.time_us < stop_us)
        return self.chosen(inside)

    def chosen(self, which: NDArray[Any]) -> Events:
        """Return some of the events, by mask or by number."""
        return Events(
            self.time_us[which], self.x[which], self.y[which], self.polarity[which], self.sensor
        )
