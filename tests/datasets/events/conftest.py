"""Writers of the recordings that the readers are tested with."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest

from gradassay.datasets.events import Events

Write = Callable[[Events], bytes]
SENSOR = (128, 128)


def random_events(seed: int, count: int = 200, sensor: tuple[int, int] = SENSOR) -> Events:
    """Return events in the order of their times."""
    generator = np.random.default_rng(seed)
    return Events(
        np.sort(generator.integers(0, 300_000, count)),
        generator.integers(0, sensor[1], count),
        generator.integers(0, sensor[0], count),
        generator.integers(0, 2, count),
        sensor,
    )


def require_same(found: Events, expected: Events) -> None:
    for name in ("time_us", "x", "y", "polarity"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)
    assert found.sensor == expected.sensor


def as_nmnist(events: Events) -> bytes:
    rows = zip(
        events.time_us.tolist(),
        events.x.tolist(),
        events.y.tolist(),
        events.polarity.tolist(),
        strict=True,
    )
    return b"".join(bytes([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255]) for t, x, y, p in rows)


def as_aedat2(events: Events) -> bytes:
    address = (events.sensor[1] - 1 - events.x) << 1 | events.y << 8 | (1 - events.polarity)
    body = np.stack([address, events.time_us], axis=1).astype(">u4").tobytes()
    return b"#!AER-DAT2.0\r\n# written by a test\r\n" + body


def packet(kind: int, body: bytes, size: int, number: int, overflow: int = 0) -> bytes:
    header = struct.pack("<hhiiiiii", kind, 1, size, 4, overflow, number, number, number)
    return header + body


def as_aedat3(events: Events, overflow: int = 0, length: int = 64) -> bytes:
    """Return a recording in packets of `length` events, with a packet of another kind between."""
    words = (events.x << 17 | events.y << 2 | events.polarity << 1 | 1).astype("<u4")
    pairs = np.stack([words, events.time_us.astype("<u4")], axis=1)
    parts = [b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"]
    for start in range(0, len(pairs), length):
        part = pairs[start : start + length]
        parts.append(packet(1, part.tobytes(), 8, len(part), overflow))
        parts.append(packet(0, bytes(24), 8, 3))
    return b"".join(parts)


@pytest.fixture
def gestures() -> dict[str, bytes]:
    """Return the files of a small DVS-Gesture: three recordings of two trials each."""
    files = {
        "trials_to_train.txt": b"user01_led.aedat\nuser02_lab.aedat\n\n",
        "trials_to_test.txt": b"user24_led.aedat\n",
        "README.txt": b"text",
    }
    for seed, name in enumerate(("user01_led", "user02_lab", "user24_led")):
        files[f"{name}.aedat"] = as_aedat3(random_events(seed))
        labels = f"class,startTime_usec,endTime_usec\n{seed + 1},0,100000\n11,150000,299000\n"
        files[f"{name}_labels.csv"] = labels.encode()
    return files
