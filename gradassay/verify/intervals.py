"""Confidence intervals from independent blocks: delete-one jackknife with Student's t.

The draws are grouped into K independent blocks of equal size. A quantity is a function of the
block summaries; its standard error comes from leaving out one block at a time, and the interval
uses Student's t with K - 1 degrees of freedom. Block means of many heavy-tailed draws are far
closer to normal than the draws; what skewness is left in positive quantities (variances) is taken
out by working with the logarithm. For a U-statistic in its degenerate case (bias 0) the jackknife
overestimates the variance (Efron and Stein 1981), so the interval errs to the wide side.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from gradassay.core.records import Interval
from gradassay.verify.moments import Float


def jackknife(value: float, left_out: Float, level: float) -> Interval:
    """Return the interval of a statistic from its values with one block left out.

    ``se^2 = (K - 1)/K sum_k (theta_(k) - mean)^2``; the interval is ``theta -+ t_{K-1} se``.

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
    """
    blocks = len(left_out)
    spread = float(((left_out - left_out.mean()) ** 2).sum())
    error = math.sqrt((blocks - 1) / blocks * spread)
    half = float(stats.t.ppf((1 + level) / 2, blocks - 1)) * error
    return Interval(value, value - half, value + half, level)


def mean_interval(blocks: Float, level: float, *, positive: bool = False) -> Interval:
    """Return the interval of a mean from independent block means.

    Parameters
    ----------
    blocks : array, shape (K,)
        One unbiased value a block.
    level : float
        Nominal coverage.
    positive : bool
        The quantity is positive (a variance, a squared error): take the interval on the logarithm.
    """
    value = float(blocks.mean())
    if np.all(blocks == blocks[0]):
        return Interval(value, value, value, level)
    left_out = (blocks.sum() - blocks) / (len(blocks) - 1)
    if not positive or left_out.min() <= 0:
        return jackknife(value, left_out, level)
    log = jackknife(math.log(value), np.log(left_out), level)
    return Interval(value, math.exp(log.low), math.exp(log.high), level)


def pairwise_sums(means: Float) -> Float:
    """Return ``x_k . sum_j x_j`` and ``|x_k|^2`` of block means x_k, shape (2, K).

    They add over layers, so that the total over layers needs no longer vectors.

    Parameters
    ----------
    means : array, shape (K, p)
        Block means of estimate minus oracle.
    """
    return np.stack([means @ means.sum(axis=0), (means**2).sum(axis=1)])


def pairwise_interval(sums: Float, level: float) -> Interval:
    """Return the interval of ``|E x|^2``.

    The estimate is the U-statistic ``sum_{j != k} x_j . x_k / (K (K - 1))``, unbiased, which may be
    negative within its error.

    Parameters
    ----------
    sums : array, shape (2, K)
        As `pairwise_sums` gives them.
    level : float
        Nominal coverage.
    """
    with_sum, squares = sums
    blocks = len(squares)
    everything = float(with_sum.sum() - squares.sum())
    left_out = (everything - 2 * (with_sum - squares)) / ((blocks - 1) * (blocks - 2))
    return jackknife(everything / (blocks * (blocks - 1)), left_out, level)


def between_interval(sums: Float, within: Float, level: float) -> Interval:
    """Return the interval of the variance between blocks beyond that within them.

    ``trace of the covariance of x_k  -  E within``, an unbiased component of variance, which may be
    negative within its error.

    Parameters
    ----------
    sums : array, shape (2, K)
        As `pairwise_sums` gives them.
    within : array, shape (K,)
        Unbiased variance of each block mean, given its block's state.
    level : float
        Nominal coverage.
    """
    with_sum, squares = sums
    blocks = len(squares)
    total, gram = squares.sum(), with_sum.sum()
    value = float(_trace(total, gram, blocks)) - float(within.mean())
    gram_left = gram - 2 * with_sum + squares
    left_out = _trace(total - squares, gram_left, blocks - 1)
    return jackknife(value, left_out - (within.sum() - within) / (blocks - 1), level)


def _trace(squares: Float, gram: Float, count: int) -> Float:
    """Return the trace of the sample covariance from sum |x|^2 and |sum x|^2."""
    return (squares - gram / count) / (count - 1)
