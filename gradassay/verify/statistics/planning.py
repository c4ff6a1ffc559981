"""How many replicates a question needs, and what a number of replicates can answer.

Each plan is for one test of fixed size, two-sided at the false-alarm rate, that misses a difference
as large as the margin at the miss rate. ``z`` stands for the sum of the two normal quantiles.
Looking several times costs what a smaller rate at each look costs; few blocks cost the square of
the ratio of Student's to the normal quantile.
"""

from __future__ import annotations

import math

from scipy import stats


def replicates_for_mean(
    deviation: float, margin: float, *, false_alarm_rate: float, miss_rate: float
) -> int:
    """Return the replicates at which a mean that is off by `margin` is found.

    ``n = (z deviation / margin)^2 + z_alpha^2 / 2``, the last term for the estimated deviation.

    Parameters
    ----------
    deviation : float
        Standard deviation of one replicate, from a pilot.
    margin : float
        The difference that matters, in the same unit.
    false_alarm_rate, miss_rate : float
        Of the test.

    References
    ----------
    Guenther, "Sample size formulas for normal theory t tests", American Statistician 35, 1981.

    Examples
    --------
    >>> replicates_for_mean(1.0, 0.1, false_alarm_rate=0.05, miss_rate=0.2)
    787
    """
    alarm, miss = _quantiles(false_alarm_rate, miss_rate)
    return math.ceil(((alarm + miss) * deviation / margin) ** 2 + alarm**2 / 2)


def smallest_mean_detected(
    deviation: float, replicates: int, *, false_alarm_rate: float, miss_rate: float
) -> float:
    """Return the smallest difference that so many replicates find, infinite if they find none.

    The inverse of `replicates_for_mean`.

    Examples
    --------
    >>> round(smallest_mean_detected(1.0, 787, false_alarm_rate=0.05, miss_rate=0.2), 4)
    0.1
    """
    alarm, miss = _quantiles(false_alarm_rate, miss_rate)
    free = replicates - alarm**2 / 2
    return (alarm + miss) * deviation / math.sqrt(free) if free > 0 else math.inf


def replicates_for_squared_norm(
    trace_of_square: float, margin: float, *, false_alarm_rate: float, miss_rate: float
) -> int:
    """Return the replicates at which a squared bias as large as `margin` is found.

    The U-statistic of ``theta = |E x|^2`` from n replicates with covariance S has variance
    ``2 tr(S^2) / n^2 + 4 theta v / n``, with v the variance along the bias: unknown before, and at
    most ``sqrt(tr(S^2))``, which is taken. n solves

        margin = z_alpha sd(theta = 0) + z_beta sd(theta = margin).

    Parameters
    ----------
    trace_of_square : float
        ``tr(S^2)``, from a pilot.
    margin : float
        The squared norm that matters.
    false_alarm_rate, miss_rate : float
        Of the test.

    Notes
    -----
    With the variance in one direction only, the U-statistic at theta = 0 is far from normal, and a
    right subject fails more often than planned.

    Examples
    --------
    >>> replicates_for_squared_norm(100.0, 0.5, false_alarm_rate=1e-3, miss_rate=1e-2)
    613
    """
    alarm, miss = _quantiles(false_alarm_rate, miss_rate)
    # in u = 1 / n: a u^2 - b u + c = 0, divided by the square of the margin
    spread, along = math.sqrt(2 * trace_of_square) / margin, math.sqrt(trace_of_square) / margin
    a = spread**2 * (alarm**2 - miss**2)
    b = 2 * alarm * spread + 4 * miss**2 * along
    return math.ceil((b + math.sqrt(b**2 - 4 * a)) / 2)


def smallest_squared_norm_detected(
    trace_of_square: float, replicates: int, *, false_alarm_rate: float, miss_rate: float
) -> float:
    """Return the smallest squared norm that so many replicates find.

    The inverse of `replicates_for_squared_norm`.

    Examples
    --------
    >>> found = smallest_squared_norm_detected(100.0, 613, false_alarm_rate=1e-3, miss_rate=1e-2)
    >>> round(found, 2)
    0.5
    """
    alarm, miss = _quantiles(false_alarm_rate, miss_rate)
    spread = math.sqrt(2 * trace_of_square) / replicates
    half = alarm * spread + 2 * miss**2 * math.sqrt(trace_of_square) / replicates
    return half + math.sqrt(half**2 - (alarm**2 - miss**2) * spread**2)


def replicates_for_variance(
    kurtosis: float, margin: float, *, false_alarm_rate: float, miss_rate: float
) -> int:
    """Return the replicates at which a variance that is `margin` times too large is found.

    ``n = (z / log(1 + margin))^2 (kurtosis - 1)``: the logarithm of a variance estimate has
    variance ``(kurtosis - 1) / n``.

    Parameters
    ----------
    kurtosis : float
        ``E |x - mean|^4 / (E |x - mean|^2)^2``, from a pilot; 3 for one normal number. A pilot of a
        heavy-tailed law gives too little.
    margin : float
        The relative difference that matters: 0.1 for a variance 10 % too large.
    false_alarm_rate, miss_rate : float
        Of the test.

    Examples
    --------
    >>> replicates_for_variance(3.0, 0.1, false_alarm_rate=0.05, miss_rate=0.2)
    1729
    """
    alarm, miss = _quantiles(false_alarm_rate, miss_rate)
    return math.ceil(((alarm + miss) / math.log1p(margin)) ** 2 * (kurtosis - 1))


def smallest_variance_detected(
    kurtosis: float, replicates: int, *, false_alarm_rate: float, miss_rate: float
) -> float:
    """Return the smallest relative difference of a variance that so many replicates find.

    The inverse of `replicates_for_variance`.

    Examples
    --------
    >>> round(smallest_variance_detected(3.0, 1729, false_alarm_rate=0.05, miss_rate=0.2), 3)
    0.1
    """
    alarm, miss = _quantiles(false_alarm_rate, miss_rate)
    return math.expm1((alarm + miss) * math.sqrt((kurtosis - 1) / replicates))


def _quantiles(false_alarm_rate: float, miss_rate: float) -> tuple[float, float]:
    """Return the normal quantiles at half the false-alarm rate and at the miss rate."""
    return float(stats.norm.isf(false_alarm_rate / 2)), float(stats.norm.isf(miss_rate))
