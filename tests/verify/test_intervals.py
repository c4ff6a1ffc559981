"""Coverage of the intervals by simulation.

Each test draws 1,000 data sets from a fixed seed. It fails where the misses could come from a
coverage of 0.93 (the stated floor of the nominal 0.95 intervals on these laws) less than once in
10,000: the false-alarm rate of each test is below 1e-4.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from gradassay.verify.statistics.intervals import (
    between_interval,
    jackknife,
    mean_interval,
    squared_norm_interval,
)

LEVEL, FLOOR, RUNS, BLOCKS = 0.95, 0.93, 1000, 32
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

# forward-gradient-like: a product of two normals; single-point-like: noise times a large offset
LAWS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda g, s: g.normal(size=s), 1.0),
    "student t5": (lambda g, s: g.standard_t(5, size=s), 5 / 3),
    "forward gradient": (lambda g, s: g.normal(size=s) * g.normal(size=(*s[:-1], 1)), 1.0),
    "single point, large offset": (
        lambda g, s: g.normal(size=s) * (5 + g.normal(size=(*s[:-1], 1))) ** 2,
        778.0,
    ),
}
every_law = pytest.mark.parametrize(("draw", "variance"), LAWS.values(), ids=LAWS.keys())


def assert_covers(misses: int, floor: float = FLOOR) -> None:
    assert misses <= stats.binom.isf(1e-4, RUNS, 1 - floor), f"{misses} misses of {RUNS}"


@every_law
@pytest.mark.parametrize("entries", [1, 20])
@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_squared_norm_interval_covers(
    draw: Draw, variance: float, entries: int, shift: float
) -> None:
    generator = np.random.default_rng(1)
    offset = shift * np.sqrt(variance)
    misses = 0
    for _ in range(RUNS):
        means = draw(generator, (BLOCKS, 16, entries)).mean(axis=1) + offset
        misses += not squared_norm_interval(means @ means.T, LEVEL).covers(entries * offset**2)
    assert_covers(misses)


@every_law
@pytest.mark.parametrize("entries", [1, 20])
def test_variance_interval_covers(draw: Draw, variance: float, entries: int) -> None:
    generator = np.random.default_rng(2)
    misses = 0
    for _ in range(RUNS):
        blocks = draw(generator, (BLOCKS, 16, entries)).var(axis=1, ddof=1).sum(axis=-1)
        misses += not mean_interval(blocks, LEVEL, positive=True).covers(entries * variance)
    assert_covers(misses, 0.92 if variance == 5 / 3 and entries == 1 else FLOOR)


@pytest.mark.parametrize("between", [0.0, 0.5])
def test_between_interval_covers(between: float) -> None:
    generator = np.random.default_rng(3)
    misses = 0
    for _ in range(RUNS):
        states = generator.normal(size=(BLOCKS, 1, 3)) * np.sqrt(between)
        draws = states + generator.normal(size=(BLOCKS, 8, 3))
        means, within = draws.mean(axis=1), draws.var(axis=1, ddof=1).sum(axis=-1) / 8
        misses += not between_interval(means @ means.T, within, LEVEL).covers(3 * between)
    assert_covers(misses)


def test_squared_norm_estimate_is_the_mean_over_pairs_of_blocks() -> None:
    means = np.random.default_rng(4).normal(size=(6, 3))
    pairs = [means[j] @ means[k] for j in range(6) for k in range(6) if j != k]
    value = squared_norm_interval(means @ means.T, LEVEL).value
    assert value == pytest.approx(np.mean(pairs), rel=1e-12)


def test_squared_norm_estimate_is_unbiased_and_can_be_negative() -> None:
    generator = np.random.default_rng(5)
    values = []
    for _ in range(4000):
        means = generator.normal(size=(4, 2))
        values.append(squared_norm_interval(means @ means.T, LEVEL).value)
    assert min(values) < 0
    assert abs(np.mean(values)) < 5 * np.std(values) / np.sqrt(4000)


def test_intervals_shrink_with_the_number_of_draws() -> None:
    generator = np.random.default_rng(6)
    widths = []
    for draws in (4, 64):
        means = generator.normal(size=(BLOCKS, draws, 10)).mean(axis=1)
        interval = squared_norm_interval(means @ means.T, LEVEL)
        widths.append(interval.high - interval.low)
    assert widths[1] < widths[0] / 8  # 16 times the draws: 16 times narrower where the bias is 0


def test_jackknife_of_a_mean_of_normal_blocks_is_students_interval() -> None:
    blocks = np.linspace(-1, 1, 9)  # flat: kurtosis below the normal one, so K - 1 degrees
    left_out = (blocks.sum() - blocks) / 8
    interval = jackknife(float(blocks.mean()), left_out, LEVEL)
    expected = stats.t.interval(LEVEL, 8, loc=blocks.mean(), scale=stats.sem(blocks))
    assert (interval.low, interval.high) == pytest.approx(expected, rel=1e-12)


def test_equal_blocks_give_an_interval_of_no_width() -> None:
    interval = mean_interval(np.zeros(8), LEVEL, positive=True)
    assert (interval.low, interval.value, interval.high) == (0.0, 0.0, 0.0)


def test_blocks_that_agree_have_a_squared_norm_without_an_interval() -> None:
    means = np.tile([1.0, -2.0, 0.5], (8, 1))
    found = squared_norm_interval(means @ means.T, 0.95)
    assert (found.low, found.value, found.high) == pytest.approx((5.25, 5.25, 5.25), rel=1e-12)


def test_blocks_of_zeros_have_a_squared_norm_of_exactly_zero() -> None:
    found = squared_norm_interval(np.zeros((8, 8)), 0.95)
    assert (found.low, found.value, found.high) == (0.0, 0.0, 0.0)
