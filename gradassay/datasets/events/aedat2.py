"""Recordings in AEDAT 2.0, as jAER writes them: CIFAR10-DVS, POKER-DVS."""

from __future__ import annotations

import numpy as np

from gradassay.core.errors import DataError
from gradassay.datasets.events.recording import Events, Sensor

MAGIC = b"#!AER-DAT2.0"
_EVENT = np.dtype([("address", ">u4"), ("time", ">u4")])
_LONGEST_HEADER = 2**16


def read_aedat2(data: bytes, sensor: Sensor = (128, 128)) -> Events:
    """Return the events of a DVS128 camera.

    Parameters
    ----------
    data : bytes
        Lines that begin with ``#``, then 32 bits of address and 32 of time in microseconds for
        each event, the largest byte first. Bit 0 of an address is 0 where the pixel became
        brighter, bits 1 to 7 are the column from the right, bits 8 to 14 the row; events with bit
        15 set are none of the camera's and passed over.
    sensor : tuple of int
        Rows and columns.

    Raises
    ------
    DataError
        If the header is missing, bytes are missing, or an event lies off the sensor.
    """
    if not data.startswith(MAGIC):
        raise DataError(f"starts with {data[:12]!r}; expected {MAGIC.decode()}.")
    body = data[_header_length(data) :]
    if len(body) % _EVENT.itemsize:
        raise DataError(
            f"has {len(body):,} bytes after its header, no multiple of {_EVENT.itemsize}; expected"
            " whole events."
        )
    events = np.frombuffer(body, dtype=_EVENT)
    events = events[(events["address"] & 0x8000) == 0]
    address = events["address"].astype(np.int64)
    columns = sensor[1]
    return Events(
        events["time"].astype(np.int64),
        columns - 1 - (address >> 1 & 0x7F),
        address >> 8 & 0x7F,
        1 - (address & 1),
        sensor,
    )


def _header_length(data: bytes) -> int:
    """Return where the lines that begin with # end."""
    place = 0
    while data[place : place + 1] == b"#":
        end = data.find(b"\n", place, _LONGEST_HEADER)
        if end < 0:
            raise DataError(
                f"has a header without an end in its first {_LONGEST_HEADER:,} bytes; expected"
                " lines."
            )
        place = end + 1
    return place
