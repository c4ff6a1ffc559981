"""Confidence sequences: intervals of a mean that hold at all sample sizes at once.

Whoever looks after every value, and stops when the interval says what was wanted, still errs at
most at the nominal rate. Two of the three have that guarantee for every law on a known range; the
asymptotic one needs no range, and has it in the limit only.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import lambertw

from gradassay.verify.statistics.moments import Float

# Waudby-Smith and Ramdas 2024, section 3.3 and 4: bets stay at most at this share of the largest
TRUNCATION = 0.5
# relative distance of candidate means from the running mean, and of the last end found
RESOLUTION, LAST_RESOLUTION = 5e-3, 1e-5
# capitals held in memory at once
CHUNK = 2**18


def asymptotic_sequence(
    means: Float, variances: Float, counts: Float, level: float, *, tightest_at: float
) -> tuple[Float, Float]:
    """Return the ends of the asymptotic confidence sequence of a mean.

    ``mean_n -+ sd_n sqrt(2 (n rho^2 + 1) / (n^2 rho^2) log(sqrt(n rho^2 + 1) / alpha))`` with
    alpha = 1 - level and ``rho^2 = (-W_{-1}(-alpha^2 / e) - 1) / tightest_at``, which minimises the
    width at that count; ``W_{-1}`` is the lower branch of Lambert's function.

    Parameters
    ----------
    means, variances : array, shape (...)
        Running mean and variance of the first n values.
    counts : array, shape (...)
        n.
    level : float
        Nominal coverage of the whole path.
    tightest_at : float
        Count at which the sequence is tightest.

    Notes
    -----
    Coverage is nominal for paths that start late enough for the variance to be known and the mean
    to be normal; before about a hundred values it is not. It carries no error rate by itself. Each
    interval stands for itself: there is no running intersection.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
    asymptotic confidence sequences", Annals of Statistics 52, 2024, theorem 2.2 and appendix B.2.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = asymptotic_sequence(
    ...     np.zeros(2), np.ones(2), np.array([100.0, 400.0]), 0.95, tightest_at=400
    ... )
    >>> high.round(3).tolist()
    [0.325, 0.152]
    """
    alpha = 1 - level
    precision = (-float(lambertw(-(alpha**2) / math.e, -1).real) - 1) / tightest_at
    grown = counts * precision + 1
    half = np.sqrt(variances * grown * np.log(grown / alpha**2) / precision) / counts
    return means - half, means + half


def empirical_bernstein_sequence(
    values: Float, level: float, *, low: float, high: float
) -> tuple[Float, Float]:
    """Return the ends of the empirical-Bernstein confidence sequence of a bounded mean.

    On values moved to [0, 1], with bets ``lambda_t`` that know only the values before t,

        sum lambda_i x_i / sum lambda_i
            -+ (log(2 / alpha) + sum 4 (x_i - mean_{i-1})^2 psi(lambda_i)) / sum lambda_i,
        psi(lambda) = (-log(1 - lambda) - lambda) / 4,

    intersected over the times so far.

    Parameters
    ----------
    values : array, shape (n,)
        In the order drawn: independent, or with the same mean given all before.
    level : float
        Coverage of the whole path, at least.
    low, high : float
        Range that holds every value that could come.

    Returns
    -------
    lower, upper : array, shape (n,)
        ``lower > upper`` where the intervals so far have nothing in common, which happens with
        probability 1 - level at most.

    Raises
    ------
    ValueError
        If a value is outside the range.

    References
    ----------
    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", Journal of
    the Royal Statistical Society B 86, 2024, theorem 2.

    Examples
    --------
    >>> import numpy as np
    >>> signs = np.random.default_rng(0).choice([1.0, -1.0], 1000)
    >>> low, high = empirical_bernstein_sequence(signs, 0.95, low=-1, high=1)
    >>> round(float(low[-1]), 3), round(float(high[-1]), 3)
    (-0.208, 0.039)
    """
    scaled = _scaled(values, low, high)
    before, bets = _predictable(scaled, level)
    bets = np.minimum(bets, TRUNCATION)
    total = np.cumsum(bets)
    penalty = np.cumsum((scaled - before) ** 2 * (-np.log1p(-bets) - bets))
    centre = np.cumsum(bets * scaled) / total
    half = (math.log(2 / (1 - level)) + penalty) / total
    lower = np.maximum.accumulate(np.maximum(centre - half, 0.0))
    upper = np.minimum.accumulate(np.minimum(centre + half, 1.0))
    return low + lower * (high - low), low + upper * (high - low)


def betting_sequence(
    values: Float, level: float, *, low: float, high: float
) -> tuple[Float, Float]:
    """Return the ends of the hedged-capital confidence sequence of a bounded mean.

    On values moved to [0, 1], a candidate mean m is excluded for good when half the capital of
    someone who bets that the mean is larger, or smaller, reaches ``1 / alpha``:

        K+(m) = prod (1 + min(lambda_i, 1 / (2 m)) (x_i - m)),      likewise K- of 1 - x and 1 - m.

    K+ falls with m, so that the candidates excluded by it lie below one point.

    Parameters
    ----------
    values : array, shape (n,)
        In the order drawn: independent, or with the same mean given all before.
    level : float
        Coverage of the whole path, at least.
    low, high : float
        Range that holds every value that could come.

    Returns
    -------
    lower, upper : array, shape (n,)
        The running intersection, rounded outwards to candidates: at the last time by at most 1e-5
        of the distance from the end to the mean of all values, before by at most 0.005 of it.

    Raises
    ------
    ValueError
        If a value is outside the range.

    Notes
    -----
    Usually the narrowest of the three on bounded values. 1e5 values take about a second.

    References
    ----------
    Waudby-Smith and Ramdas 2024 (see `empirical_bernstein_sequence`), theorem 3.

    Examples
    --------
    >>> import numpy as np
    >>> signs = np.random.default_rng(0).choice([1.0, -1.0], 1000)
    >>> low, high = betting_sequence(signs, 0.95, low=-1, high=1)
    >>> round(float(low[-1]), 3), round(float(high[-1]), 3)
    (-0.224, 0.027)
    """
    scaled = _scaled(values, low, high)
    _, bets = _predictable(scaled, level)
    wealth = math.log(2 / (1 - level))
    lower = _lower_ends(scaled, bets, wealth)
    upper = 1 - _lower_ends(1 - scaled, bets, wealth)
    return low + lower * (high - low), low + upper * (high - low)


def _scaled(values: Float, low: float, high: float) -> Float:
    """Return the values moved from [low, high] to [0, 1]."""
    if not (low <= values.min() and values.max() <= high):
        raise ValueError(
            f"values: range [{values.min():.6g}, {values.max():.6g}]; expected within [low, high] "
            f"= [{low:.6g}, {high:.6g}]. The bounds must hold for every value that could come."
        )
    return (values - low) / (high - low)


def _predictable(scaled: Float, level: float) -> tuple[Float, Float]:
    """Return mean and bet for each value from those before it (section 3.2, equation 15)."""
    times = np.arange(1, len(scaled) + 1)
    means = (0.5 + np.cumsum(scaled)) / (times + 1)
    variances = (0.25 + np.cumsum((scaled - means) ** 2)) / (times + 1)
    before, spread = np.r_[0.5, means[:-1]], np.r_[0.25, variances[:-1]]
    bets = np.sqrt(2 * math.log(2 / (1 - level)) / (spread * times * np.log1p(times)))
    return before, bets


def _log_capital(scaled: Float, bets: Float, candidates: Float) -> Float:
    """Return the log of each candidate's capital over time, shape (n, candidates)."""
    stakes = np.minimum(bets[:, None], TRUNCATION / candidates)
    return np.cumsum(np.log1p(stakes * (scaled[:, None] - candidates)), axis=0)


def _lower_ends(scaled: Float, bets: Float, wealth: float) -> Float:
    """Return, at each time, the largest candidate below the mean whose capital got to `wealth`."""
    mean, last = float(scaled.mean()), _last_distance(scaled, bets, wealth)
    if last is None:
        return np.zeros(len(scaled))
    number = 2 + int(math.log(mean / last) / RESOLUTION)
    candidates = mean - np.geomspace(mean, last, number)[1:]
    capital, lower, start, end = np.zeros(number - 1), np.zeros(len(scaled)), 0, 0.0
    while start < len(scaled) and len(candidates):
        part = slice(start, start + max(CHUNK // len(candidates), 1))
        path = capital + _log_capital(scaled[part], bets[part], candidates)
        excluded = np.maximum.accumulate(path, axis=0) >= wealth
        numbers = excluded.sum(axis=1)
        lower[part] = np.r_[end, candidates][numbers]
        end, start = float(lower[part][-1]), part.stop
        capital, candidates = path[-1, numbers[-1] :], candidates[numbers[-1] :]
    lower[start:] = end
    return lower


def _last_distance(scaled: Float, bets: Float, wealth: float) -> float | None:
    """Return how far below the mean the last candidate to be excluded is, None if there is none."""
    mean = float(scaled.mean())
    near, far = math.log(1e-15), math.log(mean) if mean > 0 else -math.inf

    def excluded(distance: float) -> bool:
        candidate = np.array([max(mean - math.exp(distance), 1e-300)])
        return bool(_log_capital(scaled, bets, candidate).max() >= wealth)

    if far <= near or not excluded(far):
        return None
    while far - near > LAST_RESOLUTION:
        middle = (near + far) / 2
        near, far = (near, middle) if excluded(middle) else (middle, far)
    return math.exp(far)
