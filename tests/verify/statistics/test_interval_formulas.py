"""Intervals against the equations that they state, with scipy's moments and quantiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from gradassay.core.records import Interval
from gradassay.verify.statistics.intervals import (
    ALLOWANCE,
    between_interval,
    geometric_mean,
    jackknife,
    mean_interval,
    mean_ratio,
    ratio_interval,
    squared_norm_interval,
)
from gradassay.verify.statistics.moments import Float

HEAVY = np.array([0.5, 0.7, 0.9, 1.1, 0.8, 0.6, 9.0])
FLAT = np.linspace(1, 2, 9)
LEFT = 10.5 - HEAVY  # skewed to the left


def ends(interval: Interval) -> tuple[float, float, float, float]:
    return interval.low, interval.value, interval.high, interval.level


def degrees(values: Float) -> float:
    """Satterthwaite's degrees of freedom for the observed kurtosis, at most K - 1."""
    excess = max(float(stats.kurtosis(values)), 0.0)
    return 2 * (len(values) - 1) / (2 + excess)


def means_without_one(values: Float) -> Float:
    return np.array([np.delete(values, k).mean() for k in range(len(values))])


@pytest.mark.parametrize("blocks", [HEAVY, FLAT, -HEAVY])
@pytest.mark.parametrize("level", [0.9, 0.999])
def test_interval_of_a_mean_takes_satterthwaites_degrees_of_freedom(
    blocks: Float, level: float
) -> None:
    half = stats.sem(blocks) * stats.t.isf((1 - level) / 2, degrees(blocks))
    expected = (blocks.mean() - half, blocks.mean(), blocks.mean() + half, level)
    assert ends(mean_interval(blocks, level)) == pytest.approx(expected, rel=1e-12)
    assert degrees(HEAVY) < 6
    assert degrees(FLAT) == 8


def test_jackknife_is_about_the_value_given() -> None:
    left_out = means_without_one(HEAVY)
    found, moved = jackknife(1.0, left_out, 0.9), jackknife(3.0, left_out, 0.9)
    error = math.sqrt(6 / 7 * float(((left_out - left_out.mean()) ** 2).sum()))
    assert (found.value, moved.value) == (1.0, 3.0)
    half = error * stats.t.isf(0.05, degrees(left_out))
    for interval in (found, moved):
        assert interval.high - interval.value == pytest.approx(half, rel=1e-12)
        assert interval.value - interval.low == pytest.approx(half, rel=1e-12)


def transformed(t: float, a: float) -> float:
    """Hall's transformation of a studentised value, as he gives it."""
    return t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6


def log_interval(value: float, left_out: Float, level: float) -> tuple[float, float, float, float]:
    """Return the interval whose ends Hall's transformation takes to Student's quantiles."""
    logs = -np.log(left_out)
    count = len(logs)
    error = ALLOWANCE * math.sqrt((count - 1) / count * float(((logs - logs.mean()) ** 2).sum()))
    # the unbiased skewness is that of the blocks, over sqrt(K)
    a = float(stats.skew(logs, bias=False)) / math.sqrt(count)
    quantile = float(stats.t.isf((1 - level) / 2, degrees(logs)))
    low, high = (
        value * math.exp(-error * optimize.brentq(lambda t, q=q: transformed(t, a) - q, -90, 90))
        for q in (quantile, -quantile)
    )
    return low, value, high, level


@pytest.mark.parametrize("blocks", [HEAVY, FLAT, LEFT, np.array([1.0, 4.0, 2.0])])
@pytest.mark.parametrize("level", [0.9, 0.999])
def test_interval_of_a_positive_mean_is_corrected_for_skewness_on_the_logarithm(
    blocks: Float, level: float
) -> None:
    expected = log_interval(float(blocks.mean()), means_without_one(blocks), level)
    found = ends(mean_interval(blocks, level, positive=True))
    assert found == pytest.approx(expected, rel=1e-8)


def test_interval_of_two_positive_blocks_is_symmetric_on_the_logarithm() -> None:
    found = mean_interval(np.array([1.0, 4.0]), 0.9, positive=True)
    assert found.low * found.high == pytest.approx(found.value**2, rel=1e-9)
    half = ALLOWANCE * math.log(4) / 2 * stats.t.isf(0.05, 1)
    assert math.log(found.high / found.value) == pytest.approx(half, rel=1e-9)


def test_interval_of_a_mean_that_a_block_can_turn_is_not_on_the_logarithm() -> None:
    for blocks in (np.array([1.0, 0.0, 0.0, 0.0]), np.array([3.0, -1.0, -1.0, 2.0])):
        assert mean_interval(blocks, 0.9, positive=True) == mean_interval(blocks, 0.9)
    assert mean_interval(HEAVY, 0.9).low < 0 < mean_interval(HEAVY, 0.9, positive=True).low


@pytest.mark.parametrize(("value", "count"), [(0.0, 4), (2.5, 4), (0.1, 6), (0.1, 7)])
@pytest.mark.parametrize("positive", [False, True])
def test_equal_blocks_are_their_own_interval(value: float, count: int, positive: bool) -> None:
    """Six or seven times 0.1 has means that differ by rounding."""
    blocks = np.full(count, value)
    mean = blocks.mean()
    found = mean_interval(blocks, 0.9, positive=positive)
    assert ends(found) == (mean, mean, mean, 0.9)


def test_blocks_that_differ_by_less_than_rounding_have_an_interval_of_no_width() -> None:
    blocks = np.array([1.0, 1.0, 1.0, np.nextafter(1.0, 2.0)])
    with np.errstate(all="raise"):
        found = mean_interval(blocks, 0.9, positive=True)
    assert ends(found) == (1.0, 1.0, 1.0, 0.9)


@pytest.mark.parametrize("level", [0.9, 0.999])
def test_interval_of_a_ratio_leaves_out_pairs_of_blocks(level: float) -> None:
    above, below = HEAVY, np.array([2.0, 1.0, 1.5, 3.0, 2.5, 1.2, 4.0])
    left_out = means_without_one(above) / means_without_one(below)
    value = float(above.mean() / below.mean())
    expected = log_interval(value, left_out, level)
    assert ends(ratio_interval(above, below, level)) == pytest.approx(expected, rel=1e-8)
    error, quantile = (
        np.std(left_out) * math.sqrt(6),
        stats.t.isf((1 - level) / 2, degrees(left_out)),
    )
    expected = (value - quantile * error, value, value + quantile * error, level)
    assert ends(mean_ratio(above, below, level)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("above", "below", "value"),
    [
        ([1.0, 0.0, 0.0], [1.0, 1.0, 1.0], 1 / 3),
        ([1.0, 1.0, 1.0], [1.0, 0.0, 0.0], 3.0),
        ([3.0, -2.0, 1.0], [1.0, 1.0, 1.0], 2 / 3),
        ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0], math.nan),
    ],
)
def test_ratio_that_the_blocks_do_not_determine_lies_anywhere(
    above: list[float], below: list[float], value: float
) -> None:
    found = ratio_interval(np.array(above), np.array(below), 0.9)
    assert ends(found) == pytest.approx((0.0, value, math.inf, 0.9), nan_ok=True)


def test_ratio_of_proportional_blocks_is_exact() -> None:
    found = ratio_interval(2 * HEAVY, HEAVY, 0.9)
    assert ends(found) == (2.0, 2.0, 2.0, 0.9)


@pytest.mark.parametrize(("above", "below", "count"), [(0.1, 0.7, 3), (0.3, 0.7, 7)])
def test_ratio_of_equal_blocks_is_exact(above: float, below: float, count: int) -> None:
    """The means of all blocks but one differ by rounding."""
    found = ratio_interval(np.full(count, above), np.full(count, below), 0.9)
    assert found.low == found.value == found.high
    assert found.value == pytest.approx(above / below, rel=1e-15)


def test_ratio_of_means_of_zeros_is_exactly_zero() -> None:
    assert ends(mean_ratio(np.zeros(3), np.array([1.0, 2.0, 4.0]), 0.9)) == (0, 0, 0, 0.9)
    some = mean_ratio(np.array([0.0, 0.0, 1.0]), np.array([1.0, 2.0, 4.0]), 0.9)
    assert some.low < 0 < some.high


def test_geometric_mean_is_the_mean_of_the_logarithms() -> None:
    logs = mean_interval(np.log(HEAVY), 0.9)
    found = ends(geometric_mean(HEAVY, 0.9))
    expected = (math.exp(logs.low), stats.gmean(HEAVY), math.exp(logs.high), 0.9)
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("smallest", [0.0, -1.0])
def test_mean_of_values_that_have_no_logarithm_is_arithmetic(smallest: float) -> None:
    values = np.array([smallest, 2.0, 3.0])
    assert geometric_mean(values, 0.9) == mean_interval(values, 0.9)


def test_variance_between_blocks_is_what_is_left_of_that_of_their_means() -> None:
    means = np.random.default_rng(0).normal(2, 1, size=(7, 3))
    gram = means @ means.T

    def beyond(kept: np.ndarray) -> float:
        return float(means[kept].var(axis=0, ddof=1).sum()) - float(HEAVY[kept].mean())

    every = np.arange(7)
    left_out = np.array([beyond(np.delete(every, k)) for k in every])
    expected = jackknife(beyond(every), left_out, 0.9)
    found = between_interval(gram, HEAVY, 0.9)
    assert ends(found) == pytest.approx(ends(expected), rel=1e-11)


def test_squared_norm_of_zeros_has_the_level_asked_for() -> None:
    assert ends(squared_norm_interval(np.zeros((4, 4)), 0.9)) == (0, 0, 0, 0.9)
