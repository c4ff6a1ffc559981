"""Events of still images that an ideal event camera sees while it is moved."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError, DataError
from gradassay.datasets.dataset import Dataset, array_checksum
from gradassay.datasets.events.frame_cache import Arrays, cached, made
from gradassay.datasets.events.framing import MOST, Framing, frames_of, pooled
from gradassay.datasets.events.recording import Events, Sensor
from gradassay.datasets.scaling import AS_STORED

THRESHOLD = 0.4
AMPLITUDE = 3.0
# of one saccade: there are three, back to where it began
MOMENTS = 16
MOMENT_US = 6250
_DARK = 0.05
# of a threshold: back where it began, a pixel is whole thresholds away but for rounding
_SLACK = 1e-3
_BLOCK = 256


def saccade_events(
    image: NDArray[np.uint8], *, threshold: float = THRESHOLD, amplitude: float = AMPLITUDE
) -> Events:
    """Return the events of one image.

    Parameters
    ----------
    image : array of uint8, shape (rows, columns)
        Grey.
    threshold : float
        Contrast: the change of log intensity for which a pixel sends an event, positive.
    amplitude : float
        Pixels that the camera moves down in the first saccade, up in the second and to the left in
        the third, each of 100 ms; in the first two half as many to the right.

    Notes
    -----
    Intensity between pixels is bilinear, beyond the border that of the border; its logarithm has
    5 % of white added. A pixel sends as many events as the change since its last one holds
    thresholds. All events of a moment, every 6.25 ms, have its time. Deterministic.

    References
    ----------
    Orchard, Jayawant, Cohen, Thakor, "Converting Static Image Datasets to Spiking Neuromorphic
    Datasets Using Saccades", 2015.
    """
    rows, columns = image.shape
    parts: list[NDArray[np.int64]] = []
    for moment, up, down in _changes(image[None], threshold, amplitude):
        for polarity, counts in ((1, up[0]), (0, down[0])):
            pixel = np.repeat(np.arange(rows * columns), counts)
            time, sign = np.full_like(pixel, moment * MOMENT_US), np.full_like(pixel, polarity)
            parts.append(np.stack([time, pixel % columns, pixel // columns, sign]))
    time_us, x, y, polarities = np.concatenate(parts, axis=1)
    return Events(time_us, x, y, polarities, (rows, columns))


def saccade_frames(
    images: NDArray[np.uint8],
    framing: Framing,
    *,
    threshold: float = THRESHOLD,
    amplitude: float = AMPLITUDE,
) -> NDArray[np.uint8]:
    """Return the frames of many images.

    Parameters
    ----------
    images : array of uint8, shape (N, rows, columns) or (N, channels, rows, columns)
        Of several channels the mean is seen.
    framing : Framing
        Bins of equal time are of the 300 ms that the three saccades take, not from the first event
        on; a window is not possible.
    threshold, amplitude : float
        As in `saccade_events`.

    Returns
    -------
    array of uint8, shape (N, T, 2 * rows' * columns')

    Raises
    ------
    ConfigurationError
        If the framing has a window, or threshold or amplitude are impossible.
    DataError
        If the images have another dtype or shape.
    """
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise DataError(
            f"images: got {images.dtype}, shape {images.shape}; expected uint8, (N, rows, columns)"
            " or (N, channels, rows, columns)."
        )
    if images.ndim == 4:
        images = _mean_of_channels(images)
    if framing.window_us is not None:
        raise ConfigurationError(
            f"window_us: got {framing.window_us}; expected none: saccades take 300 ms."
        )
    size = math.prod(framing.frame_shape((images.shape[1], images.shape[2])))
    found = np.empty((len(images), framing.steps, size), dtype=np.uint8)
    if framing.by == "count":
        for number, image in enumerate(images):
            events = saccade_events(image, threshold=threshold, amplitude=amplitude)
            found[number] = frames_of(events, framing)
        return found
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK]
        found[start : start + _BLOCK] = _timed(block, framing, threshold, amplitude)
    return found


def _timed(
    images: NDArray[np.uint8], framing: Framing, threshold: float, amplitude: float
) -> NDArray[np.uint8]:
    """Return the frames of a block of images, bins of equal time."""
    sensor: Sensor = (images.shape[1], images.shape[2])
    counts = np.zeros((len(images), framing.steps, 2, sensor[0] * sensor[1]), dtype=np.int32)
    for moment, up, down in _changes(images, threshold, amplitude):
        step = (moment - 1) * framing.steps // (3 * MOMENTS)
        counts[:, step, 1] += up
        counts[:, step, 0] += down
    joined = np.minimum(pooled(counts, sensor, framing.downsample), MOST)
    frames: NDArray[np.uint8] = joined.reshape(len(images), framing.steps, -1).astype(np.uint8)
    return frames


def _changes(
    images: NDArray[np.uint8], threshold: float, amplitude: float
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield each moment from 1 on, and the events of each pixel that got brighter and darker."""
    if not 0 < threshold < math.inf or not 0 <= amplitude < math.inf:
        raise ConfigurationError(
            f"threshold, amplitude: got {threshold} and {amplitude}; expected a positive number"
            " and one of at least 0."
        )
    intensity = images.astype(np.float32) / np.float32(255)
    level = _log_seen(intensity, 0.0, 0.0)
    for moment, (down, right) in enumerate(_path(amplitude), start=1):
        change = _log_seen(intensity, down, right) - level
        ratio = change / threshold
        events = np.trunc(ratio + np.copysign(_SLACK, ratio))
        level += threshold * events
        whole = events.astype(np.int64)
        yield moment, np.maximum(whole, 0), np.maximum(-whole, 0)


def _path(amplitude: float) -> Iterator[tuple[float, float]]:
    """Yield where the camera is at each moment: rows down and columns to the right."""
    corners = ((0.0, 0.0), (amplitude, amplitude / 2), (0.0, amplitude), (0.0, 0.0))
    for (row, column), (next_row, next_column) in itertools.pairwise(corners):
        for moment in range(1, MOMENTS + 1):
            part = moment / MOMENTS
            yield row + part * (next_row - row), column + part * (next_column - column)


def _log_seen(intensity: NDArray[np.float32], down: float, right: float) -> NDArray[np.float64]:
    """Return the log intensity at each pixel of a camera that was moved, (N, rows * columns)."""
    seen = _between(_between(intensity, down, 1), right, 2)
    log: NDArray[np.float64] = np.log(seen.reshape(len(seen), -1).astype(np.float64) + _DARK)
    return log


def _between(images: NDArray[Any], shift: float, axis: int) -> NDArray[np.float32]:
    """Return images at places that lie further along an axis, between pixels in proportion."""
    whole = math.floor(shift)
    part = np.float32(shift - whole)
    size = images.shape[axis]
    first = np.clip(np.arange(size) + whole, 0, size - 1)
    second = np.clip(first + 1, 0, size - 1)
    near, far = images.take(first, axis=axis), images.take(second, axis=axis)
    found: NDArray[np.float32] = near + part * (far - near)
    return found


def to_events(data: Dataset, framing: Framing, *, cache: bool = True) -> Dataset:
    """Return events made of a data set of still images, named ``events:NAME``.

    Parameters
    ----------
    data : Dataset
        Images as bytes or in [0, 1]; of those in colour the mean of the channels is seen.
    framing : Framing
        How events become frames.
    cache : bool
        Whether to keep the frames in the user's cache folder, and to take them from there.

    Raises
    ------
    DataError
        If the data are no still images.
    """
    if len(data.shape) < 2 or data.steps is not None:
        raise DataError(f"{data.name}: holds no still images; expected some to make events of.")
    told = {
        "framing": framing,
        "images": sorted(data.checksums.items()),
        "saccades": (THRESHOLD, AMPLITUDE, MOMENTS, MOMENT_US),
    }

    def make() -> Arrays:
        return {
            f"{part}-inputs": saccade_frames(_grey(data, inputs), framing)
            for part, inputs in (("train", data.train_inputs), ("test", data.test_inputs))
        }

    name = f"events:{data.name}"
    arrays, checksums = cached(name, told, make) if cache else made(make)
    train, test = arrays["train-inputs"], arrays["test-inputs"]
    sensor: Sensor = (data.shape[-2], data.shape[-1])
    return replace(
        data,
        name=name,
        train_inputs=train,
        test_inputs=test,
        shape=framing.frame_shape(sensor),
        checksums={
            "train-inputs": checksums["train-inputs"],
            "train-targets": array_checksum(data.train_targets),
            "test-inputs": checksums["test-inputs"],
            "test-targets": array_checksum(data.test_targets),
        },
        scaling=AS_STORED,
    )


def _grey(data: Dataset, inputs: NDArray[Any]) -> NDArray[np.uint8]:
    """Return images as bytes, (N, rows, columns)."""
    maps = inputs.reshape(len(inputs), -1, *data.shape[-2:])
    return _mean_of_channels(maps, 1 if maps.dtype == np.uint8 else 255)


def _mean_of_channels(images: NDArray[Any], white: int = 1) -> NDArray[np.uint8]:
    """Return grey images as bytes; `white` makes bytes of the numbers."""
    mean: NDArray[np.float32] = images.mean(axis=1, dtype=np.float32) * np.float32(white)
    return np.rint(np.clip(mean, 0, 255)).astype(np.uint8)
