"""The difference of two estimates, and how surprising it is where nothing has changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance

from scipy.special import stdtr, stdtrit

from gradassay.core.records import Interval

# Student's degrees of freedom that an interval of a record is read with: records do not say
# theirs, and fewer make a small p-value larger. 32 blocks have up to 31.
FREEDOM = 10.0


@dataclass(frozen=True)
class Difference:
    """The second estimate less the first.

    Parameters
    ----------
    interval : Interval
        Difference with its interval, for itself; NaN ends where there is none.
    p_value : float
        Two-sided, of no difference; NaN where that cannot be known.
    method : str
        How it was found.
    """

    interval: Interval
    p_value: float
    method: str


def exact_difference(first: float, second: float) -> Difference:
    """Return the difference of two values without error: p is 0 where they differ, else 1."""
    same = first == second or (math.isnan(first) and math.isnan(second))
    value = 0.0 if same else second - first
    return Difference(Interval.exact(value), float(same), "exact")


def interval_difference(first: Interval, second: Interval) -> Difference:
    """Return the difference of two independent estimates from their intervals.

    The interval recovers the variances at the ends that matter (MOVER): with d the difference,
    ``low = d - sqrt((b - low_b)^2 + (high_a - a)^2)`` and ``high = d + sqrt((high_b - b)^2 +
    (a - low_a)^2)``. The p-value reads the distance from d to the end next to 0 as Student's
    quantile, with `FREEDOM` degrees of freedom, times a standard error; on the logarithm where
    both intervals are positive and more symmetric there.

    Parameters
    ----------
    first, second : Interval
        Of the same level, which is that of the result; an exact one has any.

    References
    ----------
    Zou and Donner, "Construction of confidence limits about effect measures: a general approach",
    Statistics in Medicine 27, 2008.

    Examples
    --------
    >>> a, b = Interval(1.0, 0.7, 1.3, 0.95), Interval(2.0, 1.6, 2.4, 0.95)
    >>> found = interval_difference(a, b)
    >>> found.interval
    Interval(value=1.0, low=0.5, high=1.5, level=0.95)
    >>> round(found.p_value, 4)
    0.0012
    """
    level = min(first.level, second.level)
    value, low, high = _mover(_ends(first), _ends(second))
    ends = [_ends(first), _ends(second)]
    method = "intervals"
    if _better_on_logarithm(ends):
        ends = [tuple(math.log(end) for end in three) for three in ends]
        method = "intervals on the logarithm"
    p_value = _p_value(*_mover(*ends), level)
    return Difference(Interval(value, low, high, level), p_value, method)


def _ends(interval: Interval) -> tuple[float, ...]:
    return interval.value, interval.low, interval.high


def _mover(first: Sequence[float], second: Sequence[float]) -> tuple[float, float, float]:
    """Return difference and ends of (value, low, high) less another."""
    (a, low_a, high_a), (b, low_b, high_b) = first, second
    below, above = math.hypot(b - low_b, high_a - a), math.hypot(high_b - b, a - low_a)
    return b - a, b - a - below, b - a + above


def _p_value(value: float, low: float, high: float, level: float) -> float:
    """Read the end of an interval next to 0 as a quantile."""
    width = value - low if value > 0 else high - value
    if math.isnan(width) or math.isnan(value) or math.isinf(value):
        return math.nan
    if value == 0:
        return 1.0
    if width == 0:
        return 0.0
    statistic = abs(value) / width * float(stdtrit(FREEDOM, (1 + level) / 2))
    return 2 * float(stdtr(FREEDOM, -statistic))


def _better_on_logarithm(intervals: list[tuple[float, ...]]) -> bool:
    """Whether intervals are positive, and more symmetric on the logarithm."""
    if not all(0 < low <= value <= high < math.inf for value, low, high in intervals):
        return False
    plain = sum(_asymmetry(*three) for three in intervals)
    return sum(_asymmetry(*map(math.log, three)) for three in intervals) < plain


def _asymmetry(value: float, low: float, high: float) -> float:
    """Return how much longer one side of an interval is, in its length."""
    return abs(high + low - 2 * value) / (high - low) if high > low else 0.0


def paired_difference(first: Sequence[float], second: Sequence[float], level: float) -> Difference:
    """Return the mean difference of pairs, such as trainings from the same seeds.

    Student's t over the pairs. Pairs that all differ by the same tell nothing of their spread:
    there is no interval then, unless they do not differ at all.
    """
    gaps = [b - a for a, b in zip(first, second, strict=True)]
    if not any(gaps):
        return exact_difference(0.0, 0.0)
    if not all(math.isfinite(gap) for gap in gaps):
        return _unknown(fmean(gaps), level)
    size = len(gaps)
    error = stdev(gaps) / math.sqrt(size) if size > 1 else 0.0
    if error < 1e-12:
        return _unknown(fmean(gaps), level)
    return _student(fmean(gaps), error, size - 1, level, "pairs of the same seed")


def sample_difference(first: Sequence[float], second: Sequence[float], level: float) -> Difference:
    """Return the difference of the means of two independent samples (Welch's t)."""
    value = fmean(second) - fmean(first)
    if min(len(first), len(second)) < 2 or not math.isfinite(value):
        return _unknown(value, level)
    parts = [variance(values) / len(values) for values in (first, second)]
    if sum(parts) < 1e-24:
        return _unknown(value, level)
    squares = [
        part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True)
    ]
    freedom = sum(parts) ** 2 / sum(squares)
    return _student(value, math.sqrt(sum(parts)), freedom, level, "two samples of seeds")


def _student(value: float, error: float, freedom: float, level: float, method: str) -> Difference:
    """Return a difference with a standard error."""
    half = float(stdtrit(freedom, (1 + level) / 2)) * error
    p_value = 2 * float(stdtr(freedom, -abs(value) / error))
    return Difference(Interval(value, value - half, value + half, level), p_value, method)


def _unknown(value: float, level: float) -> Difference:
    """Return a difference whose error is not known."""
    return Difference(Interval(value, math.nan, math.nan, level), math.nan, "no interval")


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values; those at most a rate are found at that family-wise rate.

    Holds whatever the dependence between the comparisons.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, largest = [1.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted
