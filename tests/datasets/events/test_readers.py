"""Recordings in each format: what was written is read, and what is damaged is named."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import DataError
from gradassay.datasets.events import Events
from gradassay.datasets.events.aedat2 import read_aedat2
from gradassay.datasets.events.aedat3 import read_aedat3, read_trials
from gradassay.datasets.events.event_array import read_event_array
from gradassay.datasets.events.nmnist import read_nmnist
from tests.datasets.events.conftest import (
    as_aedat2,
    as_aedat3,
    as_nmnist,
    packet,
    random_events,
    require_same,
)


def test_nmnist_events_are_those_of_the_five_bytes() -> None:
    events = random_events(1, sensor=(34, 34))
    require_same(read_nmnist(as_nmnist(events)), events)
    one = read_nmnist(bytes([33, 2, 0b1000_0001, 0x02, 0x03]))
    assert (one.x[0], one.y[0], one.polarity[0], one.time_us[0]) == (33, 2, 1, 0x010203)
    assert len(read_nmnist(b"")) == 0


def test_an_overflow_of_nmnist_adds_8192_to_all_later_times_and_is_no_event() -> None:
    event, overflow = bytes([1, 2, 0, 0, 100]), bytes([0, 240, 0, 0, 0])
    found = read_nmnist(event + overflow + event + overflow + event)
    assert found.time_us.tolist() == [100, 100 + 8192, 100 + 2 * 8192]


def test_aedat2_columns_come_from_the_right_and_bit_0_is_set_where_it_got_darker() -> None:
    events = random_events(2)
    require_same(read_aedat2(as_aedat2(events)), events)
    word = (127 << 1 | 5 << 8 | 1).to_bytes(4, "big") + (77).to_bytes(4, "big")
    one = read_aedat2(b"#!AER-DAT2.0\n" + word)
    assert (one.x[0], one.y[0], one.polarity[0], one.time_us[0]) == (0, 5, 0, 77)


def test_special_events_of_aedat2_are_passed_over() -> None:
    special = (0x8000).to_bytes(4, "big") + bytes(4)
    assert len(read_aedat2(b"#!AER-DAT2.0\n" + special)) == 0


@pytest.mark.parametrize("overflow", [0, 2])
def test_aedat3_polarity_packets_are_read_and_others_passed_over(overflow: int) -> None:
    events = random_events(3)
    late = Events(
        events.time_us + (overflow << 31), events.x, events.y, events.polarity, events.sensor
    )
    require_same(read_aedat3(as_aedat3(events, overflow)), late)


def test_invalid_events_of_aedat3_are_passed_over() -> None:
    words = np.array([[1 | 3 << 17, 10], [0 | 4 << 17, 20]], dtype="<u4")
    data = b"#!AER-DAT3.1\r\n#!END-HEADER\r\n" + packet(1, words.tobytes(), 8, 2)
    assert read_aedat3(data).x.tolist() == [3]
    assert len(read_aedat3(b"#!AER-DAT3.1\r\n#!END-HEADER\r\n")) == 0


def saved(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("names", [("t", "p"), ("ts", "pol"), ("timestamp", "polarity")])
def test_records_are_read_by_the_names_of_their_fields(names: tuple[str, str]) -> None:
    events = random_events(4, sensor=(35, 35))
    fields = [("y", "u2"), (names[1], "u1"), ("x", "i4"), (names[0], "i8")]
    records = np.zeros(len(events), dtype=fields)
    records["x"], records["y"] = events.x, events.y
    records[names[0]], records[names[1]] = events.time_us, events.polarity
    require_same(read_event_array(saved(records), (35, 35)), events)


def test_columns_are_time_column_row_polarity() -> None:
    events = random_events(5, sensor=(35, 35))
    table = np.stack([events.time_us, events.x, events.y, events.polarity], axis=1)
    for dtype in (np.int32, np.float64):
        require_same(read_event_array(saved(table.astype(dtype)), (35, 35)), events)


BAD = {
    "nmnist cut": (read_nmnist, bytes(7), "no multiple of 5"),
    "nmnist off": (read_nmnist, bytes([34, 0, 0, 0, 0]), "event 0: at row 0, column 34"),
    "aedat2 magic": (read_aedat2, b"#!AER-DAT3.1\n", "expected #!AER-DAT2.0"),
    "aedat2 cut": (read_aedat2, b"#!AER-DAT2.0\nabc", "no multiple of 8"),
    "aedat2 header": (read_aedat2, b"#!AER-DAT2.0 and no end", "a header without an end"),
    "aedat3 magic": (read_aedat3, b"#!AER-DAT2.0\r\n", "expected #!AER-DAT3.1"),
    "aedat3 header": (read_aedat3, b"#!AER-DAT3.1\r\n", "without #!END-HEADER"),
    "aedat3 cut": (
        read_aedat3,
        b"#!AER-DAT3.1\r\n#!END-HEADER\r\nabc",
        "truncated in the header of a packet",
    ),
    "aedat3 more": (
        read_aedat3,
        b"#!AER-DAT3.1\r\n#!END-HEADER\r\n" + packet(1, b"", 8, 2**30),
        "a packet of 1,073,741,824 events",
    ),
    "aedat3 below 0": (
        read_aedat3,
        b"#!AER-DAT3.1\r\n#!END-HEADER\r\n" + packet(1, b"", 8, -1),
        "a packet of -1 events",
    ),
    "aedat3 size": (
        read_aedat3,
        b"#!AER-DAT3.1\r\n#!END-HEADER\r\n" + packet(1, bytes(12), 12, 1),
        "polarity events of 12 bytes",
    ),
    "aedat3 off": (
        read_aedat3,
        b"#!AER-DAT3.1\r\n#!END-HEADER\r\n"
        + packet(1, np.array([1 | 128 << 17, 0], dtype="<u4").tobytes(), 8, 1),
        "column 128",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_recording_says_what_is_wrong(name: str) -> None:
    reader, data, message = BAD[name]
    with pytest.raises(DataError, match=message):
        reader(data)


def records(**kinds: Any) -> Any:
    """Return three records, some of their fields of another kind than integers."""
    fields = [(name, np.dtype(kinds.get(name, "i8"))) for name in "txyp"]
    return np.zeros(3, dtype=np.dtype(fields))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 5)), "expected numbers"),
        (np.zeros(3, dtype=[("t", int), ("x", int)]), "has the fields t, x"),
        (np.full((2, 4), np.nan), "not finite"),
        (np.full((2, 4), 40), "at row 40, column 40"),
        (np.full((2, 4), "a"), "expected numbers"),
        (np.zeros((2, 4), dtype=complex), "expected numbers"),
        (np.full((2, 4), 1.5), "x with fractions"),
        (np.full((2, 4), 1e30), "t of more than 4,611,686,018,427,387,904"),
        (np.full((2, 4), 2**64 - 1, dtype=np.uint64), "t of more than"),
        (np.full((2, 4), 2**62), "times of 4,611,686,018,427,387,904 microseconds"),
        (np.full((2, 4), np.inf, dtype=np.float16), "not finite"),
        (np.full((2, 4), np.finfo(np.longdouble).max), "not finite|more than"),
        (records(x="S1"), r"t, x, y and p of int64, \|S1, int64, int64; expected numbers"),
        (records(t="datetime64[us]"), r"t, x, y and p of datetime64"),
        (records(p="c8"), "expected numbers"),
        (records(y=("i4", (2,))), "expected numbers"),
        (records().reshape(1, 3), r"shape \(1, 3\)"),
    ],
)
def test_an_array_of_another_form_says_what_is_wrong(array: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_event_array(saved(array), (35, 35))


def test_milliseconds_of_any_number_type_become_microseconds() -> None:
    for dtype in (np.uint8, np.int16, np.float16, np.float64):
        table = np.array([[3, 4, 1, 200]], dtype=dtype)
        found = read_event_array(saved(table), (35, 35), columns="xypt", microseconds=1000)
        assert (found.time_us[0], found.x[0], found.y[0], found.polarity[0]) == (200_000, 3, 4, 1)


def test_pickled_arrays_are_refused() -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([None]), allow_pickle=True)
    with pytest.raises(DataError, match="holds Python objects"):
        read_event_array(stream.getvalue(), (35, 35))


def test_trials_are_the_lines_of_the_table() -> None:
    text = "class,startTime_usec,endTime_usec\n2,100,200\n11,300,400\n\n"
    assert [tuple(trial) for trial in read_trials(text)] == [(2, 100, 200), (11, 300, 400)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the line class,startTime_usec,endTime_usec"),
        ("a,b,c\n1,2,3", "expected the line"),
        ("class,startTime_usec,endTime_usec\n1,2", "line 2: got"),
        ("class,startTime_usec,endTime_usec\n1,x,3", "line 2: got"),
        ("class,startTime_usec,endTime_usec\n1,30,3", "ends before it begins"),
        (f"class,startTime_usec,endTime_usec\n1,2,{'9' * 5000}", "line 2: got '1,2,99"),
        (f"class,startTime_usec,endTime_usec\n{'a' * 200_000}", "line 2: got 'aa"),
        ("class,startTime_usec,endTime_usec\n\u0661,2,3", "line 2: got"),
        ('class,startTime_usec,endTime_usec\n"1,2,3', "line 2: got"),
    ],
)
def test_another_table_of_trials_is_refused(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_trials(text)
