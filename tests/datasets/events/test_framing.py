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
    longest = draw(st.sampled_from([3, 50, 10_000]))
    return Events(
        generator.integers(5, 5 + longest, count),
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
    st.none() | st.integers(1, 12_000),
)


def by_hand(events: Events, framing: Framing) -> NDArray[Any]:
    """Return the frames, one event after another."""
    channels, rows, columns = framing.frame_shape(events.sensor)
    frames = np.zeros((framing.steps, channels, rows, columns), dtype=int)
    order = sorted(range(len(events)), key=lambda n: events.time_us[n])
    if framing.window_us is not None and order:
        end = events.time_us[order[0]] + framing.window_us
        order = [n for n in order if events.time_us[n] < end]
    for rank, n in enumerate(order):
        since = int(events.time_us[n] - events.time_us[order[0]])
        span = framing.window_us or int(events.time_us[order[-1]] - events.time_us[order[0]]) + 1
        step = since * framing.steps // span
        if framing.by == "count":
            step = rank * framing.steps // len(order)
        place = events.y[n] // framing.downsample, events.x[n] // framing.downsample
        frames[(step, events.polarity[n], *place)] += 1
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
def test_the_order_in_the_file_of_events_at_different_times_makes_no_difference(
    events: Events, framing: Framing, seed: int
) -> None:
    _, first = np.unique(events.time_us, return_index=True)
    apart = events.chosen(first)
    mixed = apart.chosen(np.random.default_rng(seed).permutation(len(apart)))
    np.testing.assert_array_equal(frames_of(apart, framing), frames_of(mixed, framing))


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
        ({"steps": 2, "downsample": 0}, "downsample: got 0"),
        ({"steps": 2, "window_us": -5}, "window_us: got -5"),
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
