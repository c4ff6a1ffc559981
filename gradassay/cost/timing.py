"""Wall times of several subjects, interleaved, and an interval for their median."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from gradassay.core.records import Interval


def interleaved_seconds(
    runs: Mapping[str, Callable[[int], object]],
    repeats: int,
    *,
    warm_up: int = 2,
    before: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the wall times of each subject, in seconds, all subjects taking turns.

    A slow spell of the machine then meets all of them. Each round starts with another subject, so
    that none always runs after the same one.

    Parameters
    ----------
    runs : mapping from name to callable
        Called with the number of the round (negative while warming up); it has to return only when
        its work is done.
    repeats : int
        Timed rounds.
    warm_up : int
        Rounds before them, not timed.
    before : int
        Calls of the subject just before its timed one, in the same round: for work that follows
        other work of its kind, and finds its numbers in the caches.
    clock : callable
        Seconds since any fixed moment.

    Examples
    --------
    >>> ticks = iter(range(100))
    >>> interleaved_seconds({"a": str, "b": str}, 2, clock=lambda: float(next(ticks)))
    {'a': [1.0, 1.0], 'b': [1.0, 1.0]}
    """
    names = list(runs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm_up, repeats):
        first = number % len(names) if names else 0
        for name in names[first:] + names[:first]:
            for _ in range(before):
                runs[name](number)
            start = clock()
            runs[name](number)
            if number >= 0:
                seconds[name].append(clock() - start)
    return seconds


def median_interval(samples: Sequence[float], level: float = 0.95) -> Interval:
    """Return the sample median with a distribution-free interval for the median.

    The interval runs from the k-th smallest to the k-th largest sample, k as large as
    ``P(Bin(n, 1/2) < k) <= (1 - level) / 2`` allows. For independent samples of any one law it
    covers the median with probability at least `level`; where fewer than six samples (at 95 %)
    cannot give that, it is infinite.

    Parameters
    ----------
    samples : sequence of float
        At least one.
    level : float
        Nominal coverage, in (0, 1).

    References
    ----------
    David and Nagaraja, "Order Statistics", 3rd ed. 2003, section 7.1.

    Examples
    --------
    >>> median_interval(range(1, 16))
    Interval(value=8, low=4, high=12, level=0.95)
    >>> median_interval([1.0, 2.0, 3.0]).high
    inf
    """
    ordered = sorted(samples)
    rank = _rank(len(ordered), level)
    low, high = (ordered[rank - 1], ordered[-rank]) if rank else (-math.inf, math.inf)
    return Interval(statistics.median(ordered), low, high, level)


def _rank(count: int, level: float) -> int:
    """Return k, the largest rank whose tail is small enough; 0 if none is."""
    tail, rank = 0.0, 0
    while rank <= count // 2:
        tail += math.comb(count, rank) / 2**count
        if tail > (1 - level) / 2:
            break
        rank += 1
    return rank
