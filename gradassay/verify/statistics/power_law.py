"""The exponent of a power law, fitted to points that have intervals of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gradassay.core.records import Interval

FEWEST_POINTS = 3


@dataclass(frozen=True)
class PowerLaw:
    """A fitted line through logarithms.

    Parameters
    ----------
    exponent : Interval
        Its slope.
    chi_square : float
        Weighted sum of squared deviations of the points from the line.
    freedom : int
        Its degrees of freedom where the points lie on a line: points less 2.
    """

    exponent: Interval
    chi_square: float
    freedom: int

    @property
    def points(self) -> int:
        """Points that were fitted."""
        return self.freedom + 2

    @property
    def p_value(self) -> float:
        """Probability of a larger `chi_square` where the points lie on a line."""
        return float(stats.chi2.sf(self.chi_square, self.freedom))


def fit_power_law(
    at: Sequence[float], found: Sequence[Interval], level: float = 0.95
) -> PowerLaw | None:
    """Return the exponent p of ``value ~ at^p``, None where fewer than three points can be fitted.

    Least squares of log value on log at, each point weighted by ``1 / s^2``, s the standard error
    of its logarithm, which its interval tells:

        s = (log high - log low) / (2 z),     p = sum w (x - x_w) y / sum w (x - x_w)^2,
        standard error of p = 1 / sqrt(sum w (x - x_w)^2)

    with z the normal quantile of the interval's level and x_w the weighted mean of x.

    Parameters
    ----------
    at : sequence of float
        Values of the variable, positive.
    found : sequence of Interval
        Independent estimates there. Those whose interval reaches 0, or is not finite, are left out;
        exact ones are left out too, unless all are exact: then the fit is unweighted and exact.
    level : float
        Nominal coverage of the exponent's interval.

    Notes
    -----
    Intervals of few blocks are wider than z standard errors, so that the exponent's interval is a
    little conservative and the chi-square a little small. Simulated with 8 and 32 log-normal blocks
    a point, 4 points and 4,000 runs: intervals of 0.95 cover 0.966 and 0.964; of right power laws
    0.008 and 0.009 have a p-value below 0.01. Where the p-value is small the points are on no line:
    the exponent, whose interval still holds for the slope of the points, is only their trend.

    Examples
    --------
    >>> points = [Interval(v, 0.9 * v, 1.1 * v, 0.95) for v in (8.0, 4.0, 2.0)]
    >>> law = fit_power_law([1, 2, 4], points)
    >>> round(law.exponent.value, 6), round(law.exponent.low, 3), round(law.exponent.high, 3)
    (-1.0, -1.102, -0.898)
    """
    pairs = [(x, one) for x, one in zip(at, found, strict=True) if x > 0 and _positive(one)]
    exact = all(one.low == one.high for _, one in pairs)
    pairs = [(x, one) for x, one in pairs if exact or one.low < one.high]
    if len({x for x, _ in pairs}) < FEWEST_POINTS:
        return None
    places = np.log([x for x, _ in pairs])
    logs = np.log([one.value for _, one in pairs])
    weights = np.ones(len(pairs)) if exact else np.array([_weight(one) for _, one in pairs])
    apart = places - float(weights @ places) / float(weights.sum())
    spread = float(weights @ apart**2)
    slope = float((weights * apart) @ logs) / spread
    mean = float(weights @ logs) / float(weights.sum())
    chi_square = float(weights @ (logs - mean - slope * apart) ** 2)
    if exact:
        return PowerLaw(Interval.exact(slope), chi_square, len(pairs) - 2)
    half = _quantile(level) / math.sqrt(spread)
    return PowerLaw(Interval(slope, slope - half, slope + half, level), chi_square, len(pairs) - 2)


def _positive(one: Interval) -> bool:
    return 0 < one.low <= one.value <= one.high < math.inf


def _weight(one: Interval) -> float:
    """Return the inverse square of the standard error of the logarithm."""
    return (2 * _quantile(one.level) / math.log(one.high / one.low)) ** 2


def _quantile(level: float) -> float:
    return float(stats.norm.ppf((1 + level) / 2))
