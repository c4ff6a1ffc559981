"""Confidence intervals from independent blocks.

The draws are grouped into K independent blocks of equal size; each block gives an unbiased value of
a quantity, or a vector whose squared mean is wanted. Block means of many heavy-tailed draws are far
closer to normal than the draws. Two things take care of what is left:

- quantities that cannot be negative (variances, squared errors) get their interval on the
  logarithm;
- Student's t takes Satterthwaite's degrees of freedom for the observed kurtosis of the blocks,
  ``2 (K - 1) / (2 + excess kurtosis)``, at most K - 1.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from gradassay.core.records import Interval
from gradassay.verify.statistics.moments import Float


def jackknife(value: float, left_out: Float, level: float) -> Interval:
    """Return the interval of a statistic from its values with one block left out.

    ``se^2 = (K - 1)/K sum_k (theta_(k) - mean)^2``; the interval is ``theta -+ t se``.

    Parameters
    ----------
    value : float
        theta, from all blocks.
    left_out : array, shape (K,)
        theta_(k), without block k.
    level : float
        Nominal coverage.

    References
    ----------
    Efron and Stein, "The jackknife estimate of variance", Annals of Statistics 9, 1981.
    Satterthwaite, "An approximate distribution of estimates of variance components", 1946.
    """
    blocks = len(left_out)
    deviations = left_out - left_out.mean()
    error = math.sqrt((blocks - 1) / blocks * float((deviations**2).sum()))
    half = _quantile(deviations, level) * error
    return Interval(value, value - half, value + half, level)


def _quantile(deviations: Float, level: float) -> float:
    """Return Student's t quantile for block values with these deviations from their mean."""
    spread = float((deviations**2).mean())
    freedom = float(len(deviations) - 1)
    if spread > 0:
        excess = float((deviations**4).mean()) / spread**2 - 3
        freedom *= 2 / (2 + max(excess, 0.0))
    return float(stats.t.ppf((1 + level) / 2, freedom))


def mean_interval(blocks: Float, level: float, *, positive: bool = False) -> Interval:
    """Return the interval of a mean from independent block means.

    Parameters
    ----------
    blocks : array, shape (K,)
        One unbiased value a block.
    level : float
        Nominal coverage.
    positive : bool
        The quantity cannot be negative: take the interval on the logarithm.

    Examples
    --------
    >>> import numpy as np
    >>> interval = mean_interval(np.array([1.0, 2.0, 3.0, 2.0]), 0.95, positive=True)
    >>> round(interval.value, 3), round(interval.low, 3), round(interval.high, 3)
    (2.0, 1.037, 3.858)
    """
    value = float(blocks.mean())
    if np.all(blocks == blocks[0]):
        return Interval(value, value, value, level)
    left_out = (blocks.sum() - blocks) / (len(blocks) - 1)
    if not positive or left_out.min() <= 0:
        return jackknife(value, left_out, level)
    log = jackknife(math.log(value), np.log(left_out), level)
    return Interval(value, math.exp(log.low), math.exp(log.high), level)


def squared_norm_interval(gram: Float, level: float) -> Interval:
    """Return the interval of ``theta = |E x|^2``.

    The estimate is the U-statistic ``U = sum_{j != k} x_j . x_k / (K (K - 1))``, unbiased, which
    may be negative within its error. With S the covariance of a block's x, its variance is

        4 theta v / K + 2 tr(S^2) / (K (K - 1)),      v = (E x)^T S (E x) / theta

    and the interval holds all theta with ``(U - theta)^2 <= t^2`` times that (a score interval, so
    that a mean that happens to come out small does not make it too narrow).

    Parameters
    ----------
    gram : array, shape (K, K)
        Inner products of block means of estimate minus oracle. They add over layers, so that the
        total over layers needs no longer vectors.
    level : float
        Nominal coverage.

    References
    ----------
    Hoeffding 1948 (variance of a U-statistic). Li and Chen, "Two sample tests for high-dimensional
    covariance matrices", Annals of Statistics 40, 2012 (unbiased tr(S^2)).
    """
    blocks = len(gram)
    value = (gram.sum() - np.trace(gram)) / (blocks * (blocks - 1))
    projections = gram.mean(axis=1)
    square = float(projections.mean())
    along = float(projections.var(ddof=1)) / square if square > 0 else 0.0
    deviations = projections - square
    quantile = _quantile(deviations, level)
    linear = 2 * quantile**2 * along / blocks
    constant = quantile**2 * 2 * _trace_of_square(gram) / (blocks * (blocks - 1))
    centre = float(value) + linear
    half = math.sqrt(max(centre**2 - float(value) ** 2 + constant, 0.0))
    return Interval(float(value), min(centre - half, value), max(centre + half, value), level)


def _trace_of_square(gram: Float) -> float:
    """Return the unbiased estimate of tr(S^2), not below 0, from the Gram matrix of the blocks.

    ``E (x1.x2)^2 - 2 E (x1.x2)(x2.x3) + E (x1.x2)(x3.x4)`` over distinct blocks.
    """
    k = len(gram)
    off = gram - np.diag(np.diag(gram))
    rows, squares, everything = off.sum(axis=1), float((off**2).sum()), float(off.sum())
    chains = float((rows**2).sum()) - squares
    apart = everything**2 - 2 * squares - 4 * chains
    two, three = k * (k - 1), k * (k - 1) * (k - 2)
    return max(squares / two - 2 * chains / three + apart / (three * (k - 3)), 0.0)


def between_interval(gram: Float, within: Float, level: float) -> Interval:
    """Return the interval of the variance between blocks beyond that within them.

    ``trace of the covariance of x_k  -  E within``, an unbiased component of variance, which may be
    negative within its error.

    Parameters
    ----------
    gram : array, shape (K, K)
        As in `squared_norm_interval`.
    within : array, shape (K,)
        Unbiased variance of each block mean, given its block's state.
    level : float
        Nominal coverage.
    """
    blocks = len(gram)
    squares, with_sum = np.diag(gram), gram.sum(axis=1)
    total, everything = squares.sum(), gram.sum()
    value = float(_trace(total, everything, blocks)) - float(within.mean())
    left_out = _trace(total - squares, everything - 2 * with_sum + squares, blocks - 1)
    return jackknife(value, left_out - (within.sum() - within) / (blocks - 1), level)


def _trace(squares: Float, gram: Float, count: int) -> Float:
    """Return the trace of the sample covariance from sum |x|^2 and |sum x|^2."""
    return (squares - gram / count) / (count - 1)
