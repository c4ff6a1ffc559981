"""The law of a squared norm's estimate: enumeration, other distributions, and its own equations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from gradassay.verify.statistics.intervals import squared_norm_interval
from gradassay.verify.statistics.moments import Float
from gradassay.verify.statistics.norm_law import NormLaw, traces_of_powers

TAIL = 0.025
LAW = NormLaw(quadratic=2.0, linear=0.5, upper=3.0, correlation=0.25, third=1.5, student=2.0)


@pytest.mark.parametrize("blocks", [4, 5, 6])
def test_traces_of_powers_have_no_bias_over_all_signs(blocks: int) -> None:
    """S has the variances 1 and 4; the blocks are symmetric about a mean that is not 0."""
    found = []
    for signs in itertools.product((1.0, -1.0), repeat=2 * blocks):
        means = np.array(signs).reshape(blocks, 2) * (1, 2) + (3, -1)
        found.append(traces_of_powers(means @ means.T))
    assert np.mean(found, axis=0) == pytest.approx([1 + 4**2, 1 + 4**3], rel=1e-12)


def u_centred(gram: Float) -> Float:
    """Szekely and Rizzo's definition, entry by entry."""
    k, off = len(gram), gram - np.diag(np.diag(gram))
    centred = np.zeros_like(gram)
    for i, j in itertools.permutations(range(k), 2):
        ends = (off[i].sum() + off[:, j].sum()) / (k - 2)
        centred[i, j] = off[i, j] - ends + off.sum() / ((k - 1) * (k - 2))
    return centred


def test_trace_of_the_square_is_the_mean_square_of_the_u_centred_products() -> None:
    means = np.random.default_rng(0).normal(size=(9, 4))
    squares = float((u_centred(means @ means.T) ** 2).sum())
    assert traces_of_powers(means @ means.T)[0] == pytest.approx(squares / (9 * 6), rel=1e-12)


def test_trace_of_the_cube_is_not_below_zero() -> None:
    # three blocks at 120 degrees to each other and one that is 0: their products of three are < 0
    turns = np.array([0, 1, 2]) * 2 * np.pi / 3
    means = np.r_[np.c_[np.cos(turns), np.sin(turns)], [[0, 0]]]
    centred = u_centred(means @ means.T)
    assert float((centred @ centred * centred).sum()) < 0
    assert traces_of_powers(means @ means.T)[1] == 0


def gram_of(spectrum: Float, blocks: int, mean: Float | float = 0.0) -> Float:
    generator = np.random.default_rng(1)
    means = mean + generator.normal(size=(blocks, len(spectrum))) * np.sqrt(spectrum)
    return means @ means.T


SPECTRA = {
    "one": np.ones(1),
    "five": np.ones(5),
    "falling": 1 / np.arange(1.0, 30.0),
    "small": np.full(5, 0.01),
    "many": np.ones(3000),
}


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA.keys())
@pytest.mark.parametrize("k", [8, 50])
@pytest.mark.parametrize("factor", [1.0, 0.5])
@pytest.mark.parametrize("mean", [0.0, 0.7])
def test_law_has_the_stated_moments_and_quantiles(
    spectrum: Float, k: int, factor: float, mean: float
) -> None:
    gram = gram_of(spectrum, k, mean)
    two, three = traces_of_powers(gram)
    law = NormLaw.estimated(gram, TAIL, kurtosis_factor=factor)
    triples = len(list(itertools.combinations(range(k), 3)))
    equal = max(two**3 / three**2, 1.0) if three else np.inf
    directions, variance = min(equal, triples), 2 * two / (k * (k - 1))
    assert law.quadratic == pytest.approx(variance, rel=1e-12)
    few = max(directions - 1, 1.0)
    quantile = stats.f.isf(TAIL, few, few * (k - 1) * factor) - 1
    widened = stats.t.isf(TAIL, k * (k - 1) / 2 * factor) / stats.norm.isf(TAIL)
    assert law.upper == pytest.approx(np.sqrt(few * variance / 2) * quantile * widened, rel=1e-9)
    assert law.correlation == pytest.approx(few**-0.5, rel=1e-12)
    assert law.student == pytest.approx(stats.t.isf(TAIL, (k - 1) * factor), rel=1e-12)
    projections = gram.mean(axis=0)
    square = float(gram.mean())
    noise = float(np.trace(gram) / k - square) / (k - 1)
    bounding = max((k * noise) ** 2 / two, directions)
    # the skewness of a chi square is sqrt(8 / degrees)
    assert law.third == pytest.approx(np.sqrt(8 / bounding) * variance**1.5, rel=1e-9)
    beyond = max(projections.var() * k / (k - 1) - two / k, 0.0)
    along = beyond + min(noise, square) * np.sqrt(two / directions)
    assert law.linear == pytest.approx(4 * along / square / k, rel=1e-9)


def test_law_of_blocks_that_are_all_zero_has_no_spread() -> None:
    law = NormLaw.estimated(np.zeros((5, 5)), TAIL, kurtosis_factor=1.0)
    assert (law.quadratic, law.linear, law.upper, law.third) == (0, 0, 0, 0)
    assert (law.low(0.0), law.high(0.0)) == (0, 0)


def test_upper_quantile_of_many_equal_blocks_is_nearly_exact() -> None:
    """|mean|^2 K / tr(S) is F for normal blocks of equal variances; one direction is given away."""
    means = np.random.default_rng(2).normal(size=(400, 40))
    law = NormLaw.estimated(means @ means.T, TAIL, kurtosis_factor=1.0)
    exact = (stats.f.isf(TAIL, 40, 40 * 399) - 1) * 40 / 400
    assert law.rise(0.0) == pytest.approx(exact, rel=0.1)


def test_upper_quantile_adds_up_both_parts_by_their_correlation() -> None:
    straight = 2.0 * np.sqrt(0.5 * 4.0)
    assert LAW.rise(0.0) == 3.0
    for correlation, expected in (
        (0.0, np.hypot(3.0, straight)),
        (1.0, 3.0 + straight),
        (0.25, np.sqrt(9 + straight**2 + 1.5 * straight)),
    ):
        law = NormLaw(2.0, 0.5, 3.0, correlation, 1.5, 2.0)
        assert law.rise(4.0) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("theta", [0.0, 3.0])
def test_lower_quantile_is_that_of_a_shifted_gamma(theta: float) -> None:
    """Wilson and Hilferty's cube errs by 1 in 500 at this skewness."""
    variance, third = 2.0 + 0.5 * theta, 1.5 + 1.5 * 0.5**2 * theta
    skewness = third / variance**1.5
    quantile = stats.pearson3.isf(stats.norm.cdf(2.0), skewness, 0.0, np.sqrt(variance))
    assert LAW.fall(theta) == pytest.approx(-quantile, rel=2e-3)


def test_lower_quantile_of_wilson_and_hilferty_is_their_cube() -> None:
    degrees = 8 * 2.0**3 / 1.5**2
    cube = (1 - 2 / (9 * degrees) - 2.0 * np.sqrt(2 / (9 * degrees))) ** 3
    assert LAW.fall(0.0) == pytest.approx(np.sqrt(degrees) * (1 - cube), rel=1e-13)


def test_lower_quantile_does_not_pass_the_end_of_the_law() -> None:
    skewed = NormLaw(2.0, 0.0, 3.0, 0.25, 100.0, 2.0)
    assert skewed.fall(0.0) == pytest.approx(2 * 2.0**2 / 100.0, rel=1e-14)
    assert NormLaw(2.0, 0.0, 3.0, 0.25, 0.0, 2.0).fall(5.0) == 0


@pytest.mark.parametrize("value", [3.5, 10.0, 1e6])
def test_lower_end_is_where_the_estimate_is_the_upper_quantile(value: float) -> None:
    low = LAW.low(value)
    assert 0 < low < value
    assert low + LAW.rise(low) == pytest.approx(value, rel=1e-12)


def test_lower_end_of_an_estimate_within_the_noise_is_below_zero() -> None:
    assert LAW.low(1.0) == 1.0 - 3.0
    assert LAW.low(3.0) == 0.0
    assert LAW.low(-1.0) == -4.0


@pytest.mark.parametrize("value", [-0.5, 0.0, 3.0, 1e6])
def test_upper_end_is_the_largest_where_the_estimate_is_the_lower_quantile(value: float) -> None:
    high = LAW.high(value)
    assert high - LAW.fall(high) == pytest.approx(value, rel=1e-9, abs=1e-9)
    above = high * np.geomspace(1 + 1e-9, 1e3, 200)
    assert all(theta - LAW.fall(theta) > value for theta in above)


def test_upper_end_is_found_however_far_the_quantile_lies() -> None:
    """Student's quantile is 100 for few blocks of large kurtosis, far in the tail."""
    law = NormLaw(quadratic=0.1, linear=1.0, upper=3.0, correlation=0.25, third=0.1, student=100.0)
    high = law.high(0.0)
    assert high > 4000
    assert high - law.fall(high) == pytest.approx(0.0, abs=1e-6)


def test_upper_end_is_zero_where_no_theta_fits() -> None:
    assert LAW.high(-1e3) == 0.0


def test_upper_end_of_an_estimate_without_error_is_the_estimate() -> None:
    exact = NormLaw(0.0, 0.0, 0.0, 0.0, 0.0, 2.0)
    assert exact.high(2.5) == pytest.approx(2.5, rel=1e-12)
    assert exact.low(2.5) == pytest.approx(2.5, rel=1e-12)


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**30])
def test_interval_of_a_squared_norm_scales_with_the_products(scale: float) -> None:
    gram = gram_of(SPECTRA["falling"], 8, 0.3)
    one, other = (squared_norm_interval(s * gram, 0.95) for s in (1.0, scale))
    assert (other.value, other.low, other.high) == (
        scale * one.value,
        scale * one.low,
        scale * one.high,
    )


def test_interval_of_a_squared_norm_comes_from_its_law() -> None:
    gram = gram_of(SPECTRA["five"], 10, 0.5)
    projections = gram.mean(axis=0)
    excess = float(stats.kurtosis(projections))
    factor = 2 / (2 + max(excess, 0.0))
    law = NormLaw.estimated(gram, 0.005, kurtosis_factor=factor)
    found = squared_norm_interval(gram, 0.99)
    assert found.low == pytest.approx(law.low(found.value), rel=1e-9)
    assert found.high == pytest.approx(law.high(found.value), rel=1e-9)
    assert found.level == 0.99
