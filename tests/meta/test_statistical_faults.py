"""Faults in the verifier's own statistics show as error rates that are not those stated.

Each test runs the statistic as it is and as it would be with a fault, on data whose truth is known,
with a fixed seed. A rate counts as kept where a one-sided binomial test does not reject it at 1e-3,
as broken where it does; the runs are so many that the fault is found at a miss rate below 1e-3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from gradassay.verify.statistics.intervals import mean_interval, squared_norm_interval
from gradassay.verify.statistics.looks import Looks, max_t, superblocks
from gradassay.verify.statistics.moments import Float, Moments

BLOCKS = 32


def exceeds(failures: int, runs: int, rate: float) -> bool:
    """Whether so many failures refute a rate."""
    return bool(stats.binomtest(failures, runs, rate, alternative="greater").pvalue < 1e-3)


def missed(interval: Callable[[Float], tuple[float, float]], runs: int, rows: int) -> int:
    """Count how often an interval of the mean of normal numbers misses 0."""
    generator = np.random.default_rng(5)
    ends = [interval(generator.standard_normal(rows)) for _ in range(runs)]
    return sum(not low <= 0 <= high for low, high in ends)


def test_squared_norm_without_the_diagonal_is_unbiased_and_with_it_is_not() -> None:
    generator = np.random.default_rng(1)
    means = generator.standard_normal((400, BLOCKS, 5))
    grams = means @ means.transpose(0, 2, 1)
    u_statistics = np.array([squared_norm_interval(gram, 0.95).value for gram in grams])
    v_statistics = grams.mean(axis=(1, 2))

    def off(values: Float) -> float:
        return float(abs(values.mean()) / (values.std() / len(values) ** 0.5))

    assert off(u_statistics) < 4
    assert off(v_statistics) > 8


def test_variance_divides_by_one_less_than_the_count() -> None:
    draws = np.random.default_rng(2).standard_normal((4000, 2, 1))
    right = Moments.of(draws).variance
    wrong = draws.var(axis=1).sum(axis=-1)
    for variance, expected in ((right, 1.0), (wrong, 0.5)):
        assert abs(variance.mean() - expected) < 5 * variance.std() / len(variance) ** 0.5
    assert abs(wrong.mean() - 1) > 5 * wrong.std() / len(wrong) ** 0.5


def test_looking_often_needs_the_correction() -> None:
    generator, looks, runs = np.random.default_rng(3), Looks(64, 4096, 0.05), 600
    corrected = uncorrected = 0
    for _ in range(runs):
        draws = generator.standard_normal(looks.counts[-1])
        groups = [superblocks(draws[:count], BLOCKS) for count in looks.counts]
        for rate, alarms in ((looks.rate(0), "corrected"), (0.05, "uncorrected")):
            failed = any(not mean_interval(group, 1 - rate).covers(0.0) for group in groups)
            if alarms == "corrected":
                corrected += failed
            else:
                uncorrected += failed
    assert not exceeds(corrected, runs, 0.05)
    assert exceeds(uncorrected, runs, 0.05)


def test_the_largest_of_many_needs_the_correction() -> None:
    generator, runs, entries = np.random.default_rng(4), 400, 20
    means = [generator.standard_normal((BLOCKS, entries)) for _ in range(runs)]
    assert not exceeds(sum(max_t(m, rate=0.05).rejected for m in means), runs, 0.05)
    ignoring = sum(max_t(m, rate=0.05 * entries).rejected for m in means)
    assert exceeds(ignoring, runs, 0.05)


def test_a_two_sided_interval_needs_both_tails() -> None:
    def right(rows: Float) -> tuple[float, float]:
        found = mean_interval(rows, 0.95)
        return found.low, found.high

    def one_sided(rows: Float) -> tuple[float, float]:
        found = mean_interval(rows, 0.90)
        return found.low, found.high

    assert not exceeds(missed(right, 3000, BLOCKS), 3000, 0.05)
    assert exceeds(missed(one_sided, 3000, BLOCKS), 3000, 0.05)


def test_dependent_replicates_are_not_independent_ones() -> None:
    def blocks_of_four(rows: Float) -> tuple[float, float]:
        found = mean_interval(rows, 0.95)
        return found.low, found.high

    def each_counted_four_times(rows: Float) -> tuple[float, float]:
        found = mean_interval(np.repeat(rows, 4), 0.95)
        return found.low, found.high

    assert not exceeds(missed(blocks_of_four, 1000, BLOCKS), 1000, 0.05)
    assert exceeds(missed(each_counted_four_times, 1000, BLOCKS), 1000, 0.05)


def test_a_coefficient_fitted_on_the_same_draws_biases_the_mean() -> None:
    """x = z^2 of skewed z, with control z of mean 0: the fitted slope moves with the mean of z."""
    z = np.random.default_rng(6).exponential(size=(20_000, 8)) - 1
    x = z**2
    slopes = ((z - z.mean(axis=1, keepdims=True)) * x).sum(axis=1) / z.var(axis=1) / 8
    fitted = x.mean(axis=1) - slopes * z.mean(axis=1)
    fixed = x.mean(axis=1) - 2 * z.mean(axis=1)

    def off(values: Float) -> float:
        return float(abs(values.mean() - 1) / (values.std() / len(values) ** 0.5))

    assert off(fixed) < 4
    assert off(fitted) > 8
