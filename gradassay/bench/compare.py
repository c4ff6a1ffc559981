"""Training steps against their floors and against other libraries, taking turns in one process."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradassay.core.records import Interval
from gradassay.cost.timing import interleaved_seconds, median_interval

# spread of the floor's own times, which always do the same work, beyond which nothing is judged
DISTURBED = 0.25


@dataclass(frozen=True)
class Timing:
    """Times of one subject.

    Parameters
    ----------
    name : str
        For people.
    milliseconds : Interval
        Median time of a step.
    to_floor : Interval
        Median over rounds of its time over that of its floor in the same round.
    faster_than : dict from other subject to Interval
        Median over rounds of the other's time over its own.
    """

    name: str
    milliseconds: Interval
    to_floor: Interval
    faster_than: dict[str, Interval]


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Parameters
    ----------
    timings : tuple of Timing
        Floors first.
    spread : float
        Of the floor's times: the middle half's width over the median.
    fastest_other : str
        The other library's subject with the least median time; empty if there is none.
    """

    timings: tuple[Timing, ...]
    spread: float
    fastest_other: str = ""

    @property
    def disturbed(self) -> bool:
        """Whether the machine did other work beside, so that no ratio means much."""
        return self.spread > DISTURBED


def compare(
    subjects: Mapping[str, Callable[[int], object]],
    floors: Mapping[str, str],
    others: Sequence[str] = (),
    *,
    rounds: int = 25,
) -> Comparison:
    """Time subjects in turn, and return ratios of times of the same round.

    In its turn a subject makes two steps, of which the second is timed: in a training too, a step
    follows another of its kind.

    Parameters
    ----------
    subjects : mapping from name to callable
        Each takes the number of the round and makes one step; called twice a round.
    floors : mapping from subject to subject
        Which one each is compared with.
    others : sequence of str
        Subjects of other libraries.
    rounds : int
        Timed steps of each.
    """
    seconds = interleaved_seconds(subjects, rounds, before=1)  # a step follows its like
    times = {name: np.array(values) for name, values in seconds.items()}
    reference = times[next(iter(floors.values()))]
    timings = []
    for name, own in times.items():
        floor = times[floors[name]]
        ratios = {other: median_interval(list(times[other] / own)) for other in others}
        timings.append(
            Timing(
                name,
                median_interval(list(1e3 * own)),
                median_interval(list(own / floor)),
                {other: ratio for other, ratio in ratios.items() if other != name},
            )
        )
    medians = {name: float(np.median(times[name])) for name in others}
    fastest = min(medians, key=lambda name: medians[name], default="")
    return Comparison(tuple(timings), spread(list(reference)), fastest)


def spread(values: Sequence[float]) -> float:
    """Return the middle half's width over the median.

    Examples
    --------
    >>> spread([1.0, 1.0, 1.0, 1.0])
    0.0
    """
    quarters = statistics.quantiles(values, n=4)
    return (quarters[2] - quarters[0]) / quarters[1]
