"""Frames: against a loop by hand, and what must hold of any recording."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError, DataError, UsageError
from gradassay.datasets.events import Events, Framing, frames_of
from gradassay.datasets.events.framing import pooled

SENSOR = (5, 7)
NONE = np.zeros(0, dtype=np.int64)


@st.composite
def recordings(draw: st.DrawFn, least: int = 0) -> Events:
    count = draw(st.integers(least, 60))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    first, longest = draw(st.sampled_from([(5, 3), (5, 50), (5, 10_000), (1 - 2**62, 2**63 - 2)]))
    return Events(
        generator.integers(first, first + longest, count, endpoint=True),
        generator.integers(0, SENSOR[1], count),
        generator.integers(0, SENSOR[0], count),
        generator.integers(0, 2, count),
        SENSOR,
    )


FRAMINGS = st.builds(
    Framing,
    st.integers(1, 9),
    st.sampled_from(["time", "count"]),
    st.integers(1, 8),
    st.none() | st.integers(1, 12_000) | st.integers(2**61, 2**62),
)


def by_hand(events: Events, framing: Framing) -> NDArray[Any]:
    """Return the frames, one event after another."""
    channels, rows, columns = framing.frame_shape(events.sensor)
    frames = np.zeros((framing.steps, channels, rows, columns), dtype=int)
    times = events.time_us.tolist()
    k = framing.downsample
    order = sorted(
        range(len(events)),
        key=lambda n: (times[n], events.polarity[n], events.y[n] // k, events.x[n] // k),
    )
    if framing.window_us is not None and order:
        end = times[order[0]] + framing.window_us
        order = [n for n in order if times[n] < end]
    for rank, n in enumerate(order):
        since = times[n] - times[order[0]]
        span = framing.window_us or times[order[-1]] - times[order[0]] + 1
        step = since * framing.steps // span
        if framing.by == "count":
            step = rank * framing.steps // len(order)
        frames[step, events.polarity[n], events.y[n] // k, events.x[n] // k] += 1
    return np.minimum(frames, 255).reshape(framing.steps, -1)


@given(events=recordings(), framing=FRAMINGS)
def test_frames_are_those_of_the_loop_by_hand(events: Events, framing: Framing) -> None:
    found = frames_of(events, framing)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, by_hand(events, framing))


@given(events=recordings(least=1), steps=st.integers(1, 9), downsample=st.integers(1, 8))
def test_every_event_is_counted_once(events: Events, steps: int, downsample: int) -> None:
    for by in ("time", "count"):
        assert frames_of(events, Framing(steps, by, downsample)).sum() == len(events)


@given(events=recordings(least=1), framing=FRAMINGS, seed=st.integers(0, 2**32))
def test_the_order_in_the_file_makes_no_difference_even_of_events_at_the_same_time(
    events: Events, framing: Framing, seed: int
) -> None:
    mixed = events.chosen(np.random.default_rng(seed).permutation(len(events)))
    np.testing.assert_array_equal(frames_of(events, framing), frames_of(mixed, framing))


def test_bins_of_equal_count_hold_as_many_events_though_all_are_at_the_same_time() -> None:
    places = np.arange(12) % 5
    events = Events(0 * places, places, places, places % 2, SENSOR)
    assert frames_of(events, Framing(4, "count")).sum(axis=1).tolist() == [3, 3, 3, 3]
    assert frames_of(events, Framing(4)).sum(axis=1).tolist() == [12, 0, 0, 0]


@given(events=recordings())
def test_without_downsampling_a_frame_has_a_place_for_each_pixel_and_polarity(
    events: Events,
) -> None:
    expected = np.zeros((2, *SENSOR), dtype=int)
    np.add.at(expected, (events.polarity, events.y, events.x), 1)
    found = frames_of(events, Framing(1, downsample=1))
    np.testing.assert_array_equal(found, expected.reshape(1, -1))


def test_events_after_the_window_are_left_out_and_its_end_is_after_it() -> None:
    times = np.array([100, 109, 110, 119, 120, 500])
    events = Events(times, 0 * times, 0 * times, 0 * times, SENSOR)
    assert frames_of(events, Framing(2, window_us=20)).sum(axis=1).tolist() == [2, 2]


@given(events=recordings(), steps=st.integers(1, 5), downsample=st.integers(1, 8))
def test_downsampling_is_the_sum_over_squares_of_pixels(
    events: Events, steps: int, downsample: int
) -> None:
    full = frames_of(events, Framing(steps)).reshape(steps, 2, -1).astype(int)
    expected = pooled(full, SENSOR, downsample).reshape(steps, -1)
    np.testing.assert_array_equal(frames_of(events, Framing(steps, "time", downsample)), expected)


def test_a_recording_without_events_is_empty_frames() -> None:
    events = Events(NONE, NONE, NONE, NONE, SENSOR)
    for by in ("time", "count"):
        found = frames_of(events, Framing(3, by, 2, 10))
        assert found.shape == (3, 2 * 3 * 4)
        assert not found.any()


def test_more_than_255_events_count_as_255() -> None:
    ones = np.ones(300, dtype=np.int64)
    assert frames_of(Events(ones, ones, ones, ones, SENSOR), Framing(1)).max() == 255


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, "steps: got 0"),
        ({"steps": 2.0}, "steps: got 2.0"),
        ({"steps": 1_000_001}, "steps: got 1,000,001; expected at most 1,000,000"),
        ({"steps": 2, "downsample": 0}, "downsample: got 0"),
        ({"steps": 2, "window_us": -5}, "window_us: got -5"),
        ({"steps": 2, "window_us": 2**62 + 1}, "window_us: got 4,611,686,018,427,387,905"),
        ({"steps": 2, "by": "events"}, "by: got 'events'"),
    ],
)
def test_an_impossible_framing_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigurationError, UsageError), match=message):
        Framing(**fields)


def test_an_event_off_the_sensor_is_named() -> None:
    places = np.array([0, 3, 7])
    with pytest.raises(DataError, match=r"event 2: at row 0, column 7, polarity 0"):
        Events(places, places, 0 * places, 0 * places, SENSOR)


@pytest.mark.parametrize("time", [2**62, -(2**62)])
def test_an_event_of_no_time_that_can_be_counted_is_named(time: int) -> None:
    none = np.zeros(2, dtype=np.int64)
    with pytest.raises(DataError, match=rf"event 1: at {time:,} microseconds"):
        Events(np.array([0, time]), none, none, none, SENSOR)
