"""Recordings of N-MNIST: five bytes an event."""

from __future__ import annotations

import numpy as np

from gradassay.core.errors import DataError
from gradassay.datasets.events.recording import Events

SENSOR = (34, 34)
BYTES = 5
# an event in this row says that the clock went over, and nothing else
_OVERFLOW_ROW = 240
_OVERFLOW_US = 2**13


def read_nmnist(data: bytes) -> Events:
    """Return the events of a ``.bin`` file, or of SLAYER's ``.bs2`` file.

    Parameters
    ----------
    data : bytes
        Of each event 8 bits of column, 8 of row, 1 of polarity and 23 of time in microseconds, the
        largest byte first. Row 240 stands for an overflow: later times count 8,192 more.

    Raises
    ------
    DataError
        If bytes are missing, or an event lies off the sensor.

    References
    ----------
    Orchard, Jayawant, Cohen, Thakor, "Converting Static Image Datasets to Spiking Neuromorphic
    Datasets Using Saccades", 2015.
    """
    if len(data) % BYTES:
        raise DataError(
            f"has {len(data):,} bytes, which is no multiple of {BYTES}; expected whole events."
        )
    table = np.frombuffer(data, dtype=np.uint8).reshape(-1, BYTES).astype(np.int64)
    x, y, high, middle, low = table.T
    time = (high & 0x7F) << 16 | middle << 8 | low
    overflow = y == _OVERFLOW_ROW
    time = time + _OVERFLOW_US * np.cumsum(overflow)
    seen = ~overflow
    return Events(time[seen], x[seen], y[seen], high[seen] >> 7, SENSOR)
