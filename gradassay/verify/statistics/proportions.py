"""The interval of a probability, from how often something happened."""

from __future__ import annotations

from scipy import stats

from gradassay.core.records import Interval


def proportion_interval(successes: int, trials: int, level: float) -> Interval:
    """Return Clopper and Pearson's interval of a probability: coverage at least the level.

    References
    ----------
    Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26, 1934.

    Examples
    --------
    >>> interval = proportion_interval(9, 10, 0.95)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.555, 0.997)
    """
    tail, failures = (1 - level) / 2, trials - successes
    low = float(stats.beta.ppf(tail, successes, failures + 1)) if successes else 0.0
    high = float(stats.beta.isf(tail, successes + 1, failures)) if failures else 1.0
    return Interval(successes / trials, low, high, level)
