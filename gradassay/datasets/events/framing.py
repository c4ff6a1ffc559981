"""From events to frames: counts of each time bin, pixel and polarity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError, unknown_name
from gradassay.core.network import MOST_STEPS
from gradassay.datasets.events.recording import MOST_US, Events, Sensor

By = Literal["time", "count"]
# the largest count that a byte holds
MOST = 255


@dataclass(frozen=True)
class Framing:
    """How a recording becomes T frames.

    Parameters
    ----------
    steps : int
        T.
    by : {"time", "count"}
        Bins of equal time, from the first event to the last one, or of equal count of events;
        events of the same time are counted in the order of their pixels.
    downsample : int
        Side of the squares of pixels that are added up.
    window_us : int or None
        Microseconds of the recording that are used, from its first event on; None for all.

    Raises
    ------
    ConfigurationError
        If a value is impossible.
    """

    steps: int
    by: By = "time"
    downsample: int = 1
    window_us: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "downsample", "window_us"):
            value = getattr(self, name)
            if name == "window_us" and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigurationError(
                    f"{name}: got {value!r}; expected an integer of at least 1."
                )
        for name, most in (("steps", MOST_STEPS), ("window_us", MOST_US)):
            value = getattr(self, name)
            if value is not None and value > most:
                raise ConfigurationError(f"{name}: got {value:,}; expected at most {most:,}.")
        if self.by not in get_args(By):
            raise unknown_name("by", self.by, get_args(By))

    def frame_shape(self, sensor: Sensor) -> tuple[int, int, int]:
        """Return (2, rows, columns) of a frame.

        Examples
        --------
        >>> Framing(10, downsample=4).frame_shape((34, 34))
        (2, 9, 9)
        """
        rows, columns = sensor
        return 2, -(-rows // self.downsample), -(-columns // self.downsample)


def frames_of(events: Events, framing: Framing) -> NDArray[np.uint8]:
    """Return the frames of a recording.

    Parameters
    ----------
    events : Events
        In any order; without any event all frames are 0.
    framing : Framing
        How.

    Returns
    -------
    array of uint8, shape (T, 2 * rows * columns)
        Events of each bin, those of polarity 0 first; more than 255 count as 255.
    """
    if framing.window_us is not None and len(events):
        start = int(events.time_us.min())
        events = events.between(start, start + framing.window_us)
    shape = framing.frame_shape(events.sensor)
    _, rows, columns = shape
    k = framing.downsample
    pixel = (events.polarity * rows + events.y // k) * columns + events.x // k
    size = math.prod(shape)
    bins = _bins(events, pixel, framing)
    counts = np.bincount(bins * size + pixel, minlength=framing.steps * size)
    return np.minimum(counts, MOST).astype(np.uint8).reshape(framing.steps, size)


def _bins(events: Events, pixel: NDArray[np.int64], framing: Framing) -> NDArray[np.int64]:
    """Return the bin of each event."""
    if not len(events):
        return np.zeros(0, dtype=np.int64)
    if framing.by == "count":
        ranks = np.empty(len(events), dtype=np.int64)
        ranks[np.lexsort((pixel, events.time_us))] = np.arange(len(events))
        return ranks * framing.steps // len(events)
    since = events.time_us - events.time_us.min()
    span = framing.window_us or int(since.max()) + 1
    # since * steps // span, of which the product may not fit into 64 bits
    edges = [-(-step * span // framing.steps) for step in range(1, framing.steps)]
    bins: NDArray[np.int64] = np.searchsorted(np.array(edges, dtype=np.int64), since, "right")
    return bins


def pooled(frames: NDArray[Any], sensor: Sensor, downsample: int) -> NDArray[Any]:
    """Return frames whose squares of pixels are added up.

    Parameters
    ----------
    frames : array, shape (..., rows * columns)
    sensor : tuple of int
        Rows and columns.
    downsample : int
        Side of a square; squares at the end may be smaller.

    Returns
    -------
    array, shape (..., rows' * columns')
    """
    rows, columns = sensor
    maps = frames.reshape(*frames.shape[:-1], rows, columns)
    maps = np.add.reduceat(maps, np.arange(0, rows, downsample), axis=-2)
    maps = np.add.reduceat(maps, np.arange(0, columns, downsample), axis=-1)
    return maps.reshape(*frames.shape[:-1], -1)
