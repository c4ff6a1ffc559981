"""Events of moved images: against one pixel at a time, and what must hold of any image."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError, DataError
from gradassay.core.keys import Key
from gradassay.datasets import load_dataset
from gradassay.datasets.events import Framing, frames_of, saccade_events, saccade_frames, to_events
from gradassay.datasets.events import saccades as module
from gradassay.datasets.events.saccades import MOMENT_US, MOMENTS
from tests.properties import examples


def images(seed: int, count: int = 3, shape: tuple[int, int] = (5, 6)) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def pixel_by_pixel(
    image: NDArray[np.uint8], threshold: float, amplitude: float
) -> set[tuple[int, int, int, int, int]]:
    """Return (moment, row, column, polarity, how many) of one image, in plain Python."""
    rows, columns = image.shape

    def seen(row: float, column: float) -> float:
        value = 0.0
        for r, a in ((math.floor(row), 1 - row % 1), (math.floor(row) + 1, row % 1)):
            for c, b in (
                (math.floor(column), 1 - column % 1),
                (math.floor(column) + 1, column % 1),
            ):
                r, c = min(max(r, 0), rows - 1), min(max(c, 0), columns - 1)
                value += a * b * float(image[r, c]) / 255
        return math.log(value + 0.05)

    corners = [(0, 0), (amplitude, amplitude / 2), (0, amplitude), (0, 0)]
    found = set()
    for row in range(rows):
        for column in range(columns):
            level = seen(row, column)
            for leg in range(3):
                for k in range(1, MOMENTS + 1):
                    down, right = (
                        corners[leg][i] + k / MOMENTS * (corners[leg + 1][i] - corners[leg][i])
                        for i in (0, 1)
                    )
                    ratio = (seen(row + down, column + right) - level) / threshold
                    many = math.trunc(ratio + math.copysign(1e-3, ratio))
                    level += many * threshold
                    if many:
                        moment = leg * MOMENTS + k
                        found.add((moment, row, column, int(many > 0), abs(many)))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_events_are_those_of_one_pixel_at_a_time(seed: int) -> None:
    (image,) = images(seed, 1)
    events = saccade_events(image, threshold=0.37, amplitude=2.3)
    rows = np.stack([events.time_us // MOMENT_US, events.y, events.x, events.polarity], axis=1)
    places, counts = np.unique(rows, axis=0, return_counts=True)
    found = {(*place, count) for place, count in zip(places.tolist(), counts.tolist(), strict=True)}
    assert found == pixel_by_pixel(image, 0.37, 2.3)


@pytest.mark.parametrize("steps", [1, 4, 10, 48, 100])
@pytest.mark.parametrize("downsample", [1, 2])
def test_frames_of_equal_time_count_the_events_of_each_image(steps: int, downsample: int) -> None:
    several = images(7, 4)
    found = saccade_frames(several, Framing(steps, "time", downsample))
    for image, frames in zip(several, found, strict=True):
        events = saccade_events(image)
        step = (events.time_us // MOMENT_US - 1) * steps // (3 * MOMENTS)
        expected = np.zeros((steps, 2, -(-5 // downsample), -(-6 // downsample)), dtype=int)
        np.add.at(
            expected, (step, events.polarity, events.y // downsample, events.x // downsample), 1
        )
        np.testing.assert_array_equal(frames, expected.reshape(steps, -1))


def test_frames_of_equal_count_are_those_of_the_events() -> None:
    several = images(8)
    for image, frames in zip(several, saccade_frames(several, Framing(5, "count")), strict=True):
        np.testing.assert_array_equal(frames, frames_of(saccade_events(image), Framing(5, "count")))


def test_the_size_of_the_blocks_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    several = images(9, 7)
    whole = saccade_frames(several, Framing(6))
    monkeypatch.setattr(module, "_BLOCK", 2)
    np.testing.assert_array_equal(saccade_frames(several, Framing(6)), whole)


@given(grey=st.integers(0, 255))
@settings(max_examples=examples(20))
def test_an_even_image_gives_no_event(grey: int) -> None:
    assert len(saccade_events(np.full((6, 5), grey, dtype=np.uint8))) == 0


def test_a_camera_that_rests_sees_nothing() -> None:
    assert len(saccade_events(images(1, 1)[0], amplitude=0.0)) == 0


def test_a_bright_lower_half_brightens_pixels_on_the_way_down_only() -> None:
    image = np.zeros((8, 8), dtype=np.uint8)
    image[4:] = 200
    events = saccade_events(image, amplitude=2.0)
    leg = (events.time_us // MOMENT_US - 1) // MOMENTS
    assert set(events.polarity[leg == 0]) == {1}
    assert set(events.polarity[leg == 1]) == {0}
    assert not (leg == 2).any()  # along the edge nothing changes
    assert set(events.y) == {2, 3}


def test_a_reversed_contrast_gives_the_same_events_of_the_other_polarity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (image,) = images(4, 1)
    events = saccade_events(image)
    log_seen = module._log_seen
    monkeypatch.setattr(module, "_log_seen", lambda *words: -log_seen(*words))
    reversed_events = saccade_events(image)
    assert 0 < events.polarity.sum() < len(events)
    for framing in (Framing(48), Framing(7, downsample=2)):
        half = frames_of(events, framing).shape[1] // 2
        found = frames_of(reversed_events, framing)
        swapped = np.concatenate([found[:, half:], found[:, :half]], axis=1)
        np.testing.assert_array_equal(swapped, frames_of(events, framing))


def test_a_lower_threshold_gives_more_events() -> None:
    image = images(3, 1)[0]
    counts = [len(saccade_events(image, threshold=threshold)) for threshold in (0.1, 0.3, 1.0)]
    assert counts[0] > counts[1] > counts[2] > 0


@pytest.mark.parametrize("words", [{"threshold": 0.0}, {"amplitude": -1.0}])
def test_impossible_numbers_are_refused(words: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=r"threshold, amplitude: got"):
        saccade_events(images(1, 1)[0], **words)
    with pytest.raises(ConfigurationError, match=r"window_us: got 5"):
        saccade_frames(images(1), Framing(3, window_us=5))


@pytest.mark.parametrize("several", [np.zeros((2, 5, 6)), np.zeros((5, 6), dtype=np.uint8)])
def test_images_that_are_no_bytes_or_of_another_shape_are_refused(several: NDArray[Any]) -> None:
    with pytest.raises(DataError, match=r"images: got .*; expected uint8, \(N, rows, columns\)"):
        saccade_frames(several, Framing(3))


def test_of_several_channels_the_mean_is_seen() -> None:
    grey = images(6, 2)
    colour = np.stack([grey // 2, grey, 255 - grey // 3], axis=1)
    mean = np.rint(colour.mean(axis=1)).astype(np.uint8)
    np.testing.assert_array_equal(
        saccade_frames(colour, Framing(4)), saccade_frames(mean, Framing(4))
    )


def test_events_of_a_data_set_keep_its_classes_and_come_from_the_cache(cache: Path) -> None:
    digits = load_dataset("digits")
    framing = Framing(4)
    data = load_dataset("events:digits", framing=framing)
    assert (data.name, data.shape, data.steps) == ("events:digits", (2, 8, 8), 4)
    np.testing.assert_array_equal(data.train_targets, digits.train_targets)
    image = np.rint(digits.test_inputs[5] * 255).astype(np.uint8).reshape(1, 8, 8)
    np.testing.assert_array_equal(data.test_inputs[5], saccade_frames(image, framing)[0])
    (entry,) = (cache / "frames").iterdir()
    again = load_dataset("events:digits", framing=framing)
    assert isinstance(again.train_inputs, np.memmap)
    assert again.checksums == data.checksums
    load_dataset("events:digits", framing=Framing(5))
    assert len(list((cache / "frames").iterdir())) == 2
    assert entry.is_dir()


def test_frames_of_data_named_by_a_path_stay_in_the_cache_folder(cache: Path) -> None:
    digits = load_dataset("digits").subset(3, Key(0))
    named = replace(digits, name="folder:../../../../[a]*/b c")
    to_events(named, Framing(2))
    (entry,) = (cache / "frames").iterdir()
    assert re.fullmatch(r"events-folder-[.-]+a-b-c-[0-9a-f]{20}", entry.name)
    assert {file.name for file in entry.iterdir()} >= {"train-inputs.npy", "test-inputs.npy"}
    assert isinstance(to_events(named, Framing(2)).train_inputs, np.memmap)


def test_what_is_no_still_image_is_refused() -> None:
    frames = to_events(load_dataset("digits"), Framing(2), cache=False)
    with pytest.raises(DataError, match=r"events:digits: holds no still images"):
        to_events(frames, Framing(2))
