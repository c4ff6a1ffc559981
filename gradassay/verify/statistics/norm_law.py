"""The law of the U-statistic of a squared norm.

``U = sum_{j != k} x_j . x_k / (K (K - 1))``, an unbiased estimate of ``theta = |E x|^2``, errs in
two ways. One part is linear in the error of the mean and nearly normal. The other is a quadratic
form, a weighted sum of chi squares less its mean, and skewed to the right: with all variance in one
direction it is more than 4.9 standard deviations above 0 once in 200, not once in a million. Taking
it as normal would fail right subjects.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gradassay.verify.statistics.moments import Float


@dataclass(frozen=True)
class NormLaw:
    """Quantiles of ``U - theta``, as functions of theta.

    Parameters
    ----------
    quadratic, linear : float
        ``quadratic + linear theta`` is the variance of U.
    upper : float
        Upper quantile of the quadratic part.
    correlation : float
        Of the two parts, for the upper quantile.
    third : float
        Third moment of the quadratic part, for the lower quantile.
    student : float
        Upper quantile of Student's t.

    References
    ----------
    Pearson, "Note on an approximation to the distribution of non-central chi square", Biometrika
    46, 1959 (three moments). Wilson and Hilferty, "The distribution of chi-square", PNAS 17, 1931.
    """

    quadratic: float
    linear: float
    upper: float
    correlation: float
    third: float
    student: float

    @classmethod
    def estimated(cls, gram: Float, tail: float, *, kurtosis_factor: float) -> NormLaw:
        """Return the law that the Gram matrix of block means tells.

        With S the covariance of a block, the quadratic part has variance ``2 tr(S^2) / (K (K -
        1))`` and the third moment of ``f = tr(S^2)^3 / tr(S^3)^2`` directions of equal variance.
        For those and normal blocks its upper quantile is exactly that of F with f and f (K - 1)
        degrees; f - 1 is taken, at least 1, for the far tail belongs to the largest variance. For
        the lower quantile, ``tr(S)^2 / tr(S^2)`` directions give the right lower bound.

        The linear part has variance ``4 theta v / K``, with v that along the mean. Of the observed
        mean only the part beyond noise shows where the true one points; for the rest, v is
        ``tr(S^3) / tr(S^2)``, close to the largest variance.

        Parameters
        ----------
        gram : array, shape (K, K)
            K at least 4.
        tail : float
            Probability beyond each quantile.
        kurtosis_factor : float
            Degrees of freedom for blocks with this kurtosis, over those for normal blocks.
        """
        k = len(gram)
        pairs, triples = k * (k - 1) / 2, k * (k - 1) * (k - 2) / 6
        two, three = traces_of_powers(gram)
        # more directions than triples of blocks cannot be told apart
        directions = min(max(two**3 / three**2, 1.0), triples) if three > 0 else triples
        few = max(directions - 1, 1.0)
        projections = gram.mean(axis=1)
        square = float(projections.mean())
        noise = (float(np.trace(gram)) / k - square) / (k - 1)  # tr(S) / K
        many = max((k * noise) ** 2 / two, directions) if two > 0 else directions
        signal = max(float(projections.var(ddof=1)) - two / k, 0.0)
        along = signal + min(noise, square) * math.sqrt(two / directions)
        quantile = stats.f.isf(tail, few, few * (k - 1) * kurtosis_factor) - 1
        # tr(S^2) is estimated from pairs of blocks
        quantile *= stats.t.isf(tail, pairs * kurtosis_factor) / stats.norm.isf(tail)
        return cls(
            quadratic=two / pairs,
            linear=4 * along / square / k if square > 0 else 0.0,
            upper=math.sqrt(few / 2 * two / pairs) * float(quantile),
            correlation=1 / math.sqrt(few),
            third=math.sqrt(8 / many) * (two / pairs) ** 1.5,
            student=float(stats.t.isf(tail, (k - 1) * kurtosis_factor)),
        )

    def rise(self, theta: float) -> float:
        """Return the upper quantile: both parts', combined by their correlation."""
        straight = self.student * math.sqrt(self.linear * theta)
        both = 2 * self.correlation * self.upper * straight
        return math.sqrt(self.upper**2 + straight**2 + both)

    def fall(self, theta: float) -> float:
        """Return minus the lower quantile: a shifted gamma's, by Wilson and Hilferty's cube."""
        variance = self.quadratic + self.linear * theta
        third = self.third + 1.5 * self.linear**2 * theta
        if third == 0:
            return 0.0
        degrees = 8 * variance**3 / third**2
        part = 2 / (9 * degrees)
        cube = max(1 - part - self.student * math.sqrt(part), 0.0) ** 3
        return math.sqrt(variance * degrees / 2) * (1 - cube)

    def low(self, value: float) -> float:
        """Return the smallest theta that this U is not too large for; negative: theta = 0."""
        if value <= self.rise(0.0):
            return value - self.rise(0.0)
        return _root(lambda theta: theta + self.rise(theta) - value, 0.0, value)

    def high(self, value: float) -> float:
        """Return the largest theta that this U is not too small for, at least 0."""

        def excess(theta: float) -> float:
            return theta - value - self.fall(theta)

        spread = self.student * math.sqrt(self.quadratic) + self.student**2 * self.linear
        high = 10 * (abs(value) + spread)
        for _ in range(200):  # downwards, for there may be two roots
            if excess(0.9 * high) <= 0:
                return _root(excess, 0.9 * high, high)
            high *= 0.9
        return max(value, 0.0)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return a root between a point where the function is not positive and one where it is."""
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if function(middle) > 0 else (middle, high)
    return (low + high) / 2


def traces_of_powers(gram: Float) -> tuple[float, float]:
    """Return estimates of tr(S^2) and tr(S^3), not below 0, from the Gram matrix of the blocks.

    The Gram matrix without its diagonal is centred so that its rows sum to zero (U-centring); the
    sums over pairs and over triples of its entries are then unbiased but for a factor, for blocks
    that are symmetric about their mean.

    References
    ----------
    Szekely and Rizzo, "Partial distance correlation with methods for dissimilarities", Annals of
    Statistics 42, 2014 (U-centring).

    Examples
    --------
    >>> import numpy as np
    >>> means = np.random.default_rng(0).normal(size=(400, 5))
    >>> two, three = traces_of_powers(means @ means.T)
    >>> round(two, 1), round(three, 1)
    (5.0, 5.0)
    """
    k = len(gram)
    centred = gram - np.diag(np.diag(gram))
    rows = centred.sum(axis=1)
    centred = centred - (rows[:, None] + rows) / (k - 2) + rows.sum() / ((k - 1) * (k - 2))
    np.fill_diagonal(centred, 0.0)
    cubes = float((centred @ centred * centred).sum())
    triples = k * (k - 3) * (k**4 - 8 * k**3 + 19 * k**2 - 4 * k - 16) / ((k - 1) * (k - 2) ** 2)
    return float((centred**2).sum()) / (k * (k - 3)), max(cubes / triples, 0.0)
