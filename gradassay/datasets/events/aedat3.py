"""Recordings in AEDAT 3.1, and the labels of DVS-Gesture that cut them into trials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError
from gradassay.datasets.events.recording import Events, Sensor

MAGIC = b"#!AER-DAT3."
_END = b"#!END-HEADER\r\n"
_LONGEST_HEADER = 2**16
_PACKET = np.dtype(
    [
        ("kind", "<i2"),
        ("source", "<i2"),
        ("size", "<i4"),
        ("time_offset", "<i4"),
        ("overflow", "<i4"),
        ("capacity", "<i4"),
        ("number", "<i4"),
        ("valid", "<i4"),
    ]
)
_EVENT = np.dtype([("data", "<u4"), ("time", "<u4")])
_POLARITY = 1
LABELS = "class,startTime_usec,endTime_usec"
_MOST_DIGITS = 18


class Trial(NamedTuple):
    """A stretch of a recording, and its class from 1."""

    label: int
    start_us: int
    stop_us: int


def read_aedat3(data: bytes, sensor: Sensor = (128, 128)) -> Events:
    """Return the polarity events of a recording; other packets are passed over.

    Parameters
    ----------
    data : bytes
        A header of lines, then packets: 28 bytes that say kind, size and number of the events in
        them, and the events. Of a polarity event bit 0 says that it is valid, bit 1 is the
        polarity, bits 2 to 16 are the row, bits 17 to 31 the column; 32 bits of time in
        microseconds follow, to which the packet's overflow counter adds 2^31 each.
    sensor : tuple of int
        Rows and columns.

    Raises
    ------
    DataError
        If the header is missing, a packet is none, bytes are missing, or an event lies off the
        sensor.
    """
    if not data.startswith(MAGIC):
        raise DataError(f"starts with {data[:11]!r}; expected {MAGIC.decode()}1.")
    end = data.find(_END, 0, _LONGEST_HEADER)
    if end < 0:
        raise DataError("has a header without #!END-HEADER; expected a whole recording.")
    parts = [part for part in _packets(data, end + len(_END)) if len(part[0])]
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Events(none, none, none, none, sensor)
    words = np.concatenate([words for words, _ in parts])
    times = np.concatenate([times for _, times in parts])
    valid = (words & 1) == 1
    words, times = words[valid], times[valid]
    return Events(times, words >> 17 & 0x7FFF, words >> 2 & 0x7FFF, words >> 1 & 1, sensor)


def _packets(data: bytes, place: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield words and times of each packet of polarity events."""
    while place < len(data):
        if len(data) - place < _PACKET.itemsize:
            raise DataError(f"truncated in the header of a packet at byte {place:,}.")
        header = np.frombuffer(data, dtype=_PACKET, count=1, offset=place)[0]
        place += _PACKET.itemsize
        size, number = int(header["size"]), int(header["number"])
        if size < 1 or number < 0 or place + size * number > len(data):
            raise DataError(
                f"has a packet of {number:,} events of {size:,} bytes at byte {place:,}, of which"
                f" {len(data) - place:,} are left; expected a whole recording."
            )
        if header["kind"] == _POLARITY:
            if size != _EVENT.itemsize:
                raise DataError(f"has polarity events of {size} bytes; expected {_EVENT.itemsize}.")
            events = np.frombuffer(data, dtype=_EVENT, count=number, offset=place)
            late = int(header["overflow"]) << 31
            yield events["data"].astype(np.int64), events["time"].astype(np.int64) + late
        place += size * number


def read_trials(text: str) -> list[Trial]:
    """Return the trials that a ``_labels.csv`` file lists.

    Raises
    ------
    DataError
        If a line is none of three whole numbers, or a trial ends before it begins.
    """
    lines = text.splitlines()
    if not lines or "".join(lines[0].split()) != LABELS:
        raise DataError(f"starts with {text[:40]!r}; expected the line {LABELS}.")
    trials = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        words = [word.strip() for word in line.split(",")]
        if len(words) != 3 or not all(map(_is_number, words)):
            raise DataError(f"line {number}: got {line[:40]!r}; expected class, start and end.")
        trial = Trial(*(int(word) for word in words))
        if trial.stop_us <= trial.start_us:
            raise DataError(f"line {number}: the trial ends before it begins.")
        trials.append(trial)
    return trials


def _is_number(word: str) -> bool:
    """Whether a word is a whole number of at least 0 that fits into 64 bits."""
    return word.isascii() and word.isdecimal() and len(word) <= _MOST_DIGITS
