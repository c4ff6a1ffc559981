"""Thousands of damaged recordings and lists: frames or one DataError, in bounded memory."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import numpy as np
import pytest
from numpy.typing import NDArray

from gradassay.core.errors import DataError
from gradassay.datasets.archives import Member
from gradassay.datasets.events import Events, Framing, frames_of
from gradassay.datasets.events.aedat2 import read_aedat2
from gradassay.datasets.events.aedat3 import read_aedat3, read_trials
from gradassay.datasets.events.event_array import read_event_array
from gradassay.datasets.events.nmnist import read_nmnist
from gradassay.datasets.events.plans import digits_plan, gestures_plan
from gradassay.datasets.events.source import Source
from tests.datasets.events.conftest import (
    as_aedat2,
    as_aedat3,
    as_nmnist,
    packet,
    random_events,
)
from tests.datasets.fuzzing import outcomes

# of five kinds of damage
EACH = 400
MOST_BYTES = 4 * 2**20
FRAMINGS = (Framing(7, downsample=16), Framing(7, "count", 16), Framing(7, "time", 16, 1000))
SMALL, LARGE = random_events(0, 60, (34, 34)), random_events(0, 60)
LABELS = b"class,startTime_usec,endTime_usec\n3,0,100000\n11,150000,299000\n"


def table_of(events: Events, dtype: str) -> bytes:
    stream = io.BytesIO()
    table = np.stack([events.time_us, events.x, events.y, events.polarity], axis=1)
    np.save(stream, table.astype(dtype))
    return stream.getvalue()


FORMATS: dict[str, tuple[bytes, Callable[[bytes], Events]]] = {
    "nmnist": (as_nmnist(SMALL), read_nmnist),
    "aedat2": (as_aedat2(LARGE), read_aedat2),
    "aedat3": (as_aedat3(LARGE, length=16), read_aedat3),
    "integers": (table_of(SMALL, "i8"), lambda data: read_event_array(data, (34, 34))),
    "floats": (table_of(SMALL, "f8"), lambda data: read_event_array(data, (34, 34))),
    "milliseconds": (
        table_of(SMALL, "u4"),
        lambda data: read_event_array(data, (34, 34), microseconds=1000),
    ),
}


def damaged(data: bytes, seed: int) -> Iterator[bytes]:
    """Yield copies: cut, with flipped bits, another beginning, noise or large numbers inside."""
    generator = np.random.default_rng(seed)
    for _ in range(EACH):
        place = int(generator.integers(0, len(data)))
        yield data[:place]
        flips = bytearray(data)
        for bit in generator.integers(0, 8 * len(data), generator.integers(1, 5)):
            flips[bit // 8] ^= 1 << (bit % 8)
        yield bytes(flips)
        yield generator.bytes(place % 40) + data[place % 40 :]
        yield data[:place] + generator.bytes(8) + data[place + 8 :]
        number = int(generator.choice([-1, 2**31 - 1, -(2**31), 2**30]))
        yield data[:place] + struct.pack("<i", number) + data[place + 4 :]


def framed(events: Events) -> NDArray[np.uint8]:
    return np.concatenate([frames_of(events, framing) for framing in FRAMINGS])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_recording_becomes_frames_or_one_error(kind: str) -> None:
    data, read = FORMATS[kind]
    right, wrong = outcomes(lambda copy: framed(read(copy)), damaged(data, len(kind)), MOST_BYTES)
    assert right + wrong == 5 * EACH
    assert min(right, wrong) > EACH / 5


def test_packets_of_any_header_are_read_as_announced_or_refused() -> None:
    generator = np.random.default_rng(3)

    def copies() -> Iterator[bytes]:
        for _ in range(4 * EACH):
            kind = int(generator.choice([0, 1, 1, 1, -1]))
            size, number = (
                int(generator.integers(-(2**31), 2**31) >> generator.integers(0, 31))
                for _ in range(2)
            )
            if generator.random() < 0.5:
                size, number = 8, int(generator.integers(-1, 6))
            overflow = int(generator.integers(-(2**31), 2**31))
            # on the sensor, or the column would refuse most of them
            words = generator.integers(0, 2**31, (int(generator.integers(0, 6)), 2))
            words[:, 0] &= 127 << 17 | 127 << 2 | 3
            body = words.astype("<u4").tobytes()
            yield as_aedat3(LARGE) + packet(kind, body, size, number, overflow)

    right, wrong = outcomes(lambda copy: framed(read_aedat3(copy)), copies(), MOST_BYTES)
    assert right + wrong == 4 * EACH
    assert min(right, wrong) > EACH / 5


def test_events_of_a_damaged_recording_are_all_counted_and_no_more_than_its_bytes_hold() -> None:
    seen = 0
    for kind, (data, read) in FORMATS.items():
        for copy in damaged(data, 100 + len(kind)):
            try:
                events = read(copy)
            except DataError:
                continue
            seen += 1
            assert frames_of(events, FRAMINGS[0]).sum() == len(events) <= len(copy) // 5
    assert seen > EACH


class Told(Source):
    """Files that lie in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files_told = files

    def names(self) -> list[PurePosixPath]:
        return [PurePosixPath(name) for name in self._files_told]

    def members(self, wanted: Callable[[PurePosixPath], bool]) -> Iterator[Member]:
        return (Member(path, self._files_told[str(path)]) for path in self.names() if wanted(path))


def test_damaged_lists_are_plans_or_one_error() -> None:
    names = b"user01_led.aedat\nuser02_lab.aedat\n"
    fixed = {"trials_to_test.txt": b"", "user02_lab_labels.csv": LABELS}
    plans = {
        "labels": (LABELS, lambda text: read_trials(text.decode("ascii", "replace"))),
        "trials": (
            names,
            lambda text: gestures_plan(
                Told(fixed | {"trials_to_train.txt": text, "user01_led_labels.csv": LABELS})
            ),
        ),
        "digits": (
            b"#sample #class\n1\t5\n2\t0\n",
            lambda text: digits_plan(Told({"train1K.txt": text, "1.bs2": b"", "2.bs2": b""})),
        ),
    }
    for seed, (text, plan) in enumerate(plans.values()):
        right, wrong = outcomes(plan, damaged(text, seed), MOST_BYTES)
        assert right + wrong == 5 * EACH
        assert min(right, wrong) > EACH / 10
