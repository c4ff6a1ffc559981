"""Planning numbers against statsmodels and by simulation of the tests that they plan."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from gradassay.verify.statistics.planning import (
    replicates_for_mean,
    replicates_for_squared_norm,
    replicates_for_variance,
    smallest_mean_detected,
    smallest_squared_norm_detected,
    smallest_variance_detected,
)

Plan = Callable[..., int]
Smallest = Callable[..., float]

every_rate = pytest.mark.parametrize(("alarm", "miss"), [(0.05, 0.2), (1e-3, 1e-3), (1e-6, 1e-2)])


# statsmodels gives no number, or a wrong one, for smaller margins at the small rates
@pytest.mark.parametrize(
    ("margin", "alarm", "miss"),
    [(0.05, 0.05, 0.2), (0.3, 0.05, 0.2), (0.3, 1e-3, 1e-3), (0.3, 1e-6, 1e-2)],
)
def test_mean_plan_is_that_of_the_t_test(margin: float, alarm: float, miss: float) -> None:
    planned = replicates_for_mean(2.0, 2 * margin, false_alarm_rate=alarm, miss_rate=miss)
    power = TTestPower().power(margin, planned, alarm)
    assert 1 - power == pytest.approx(miss, rel=0.15)


@every_rate
@pytest.mark.parametrize(
    ("plan", "smallest", "spread"),
    [
        (replicates_for_mean, smallest_mean_detected, 2.0),
        (replicates_for_squared_norm, smallest_squared_norm_detected, 5.0),
        (replicates_for_variance, smallest_variance_detected, 9.0),
    ],
)
def test_planned_replicates_detect_the_margin_and_one_less_does_not(
    plan: Plan, smallest: Smallest, spread: float, alarm: float, miss: float
) -> None:
    margin = 0.03
    replicates = plan(spread, margin, false_alarm_rate=alarm, miss_rate=miss)
    assert smallest(spread, replicates, false_alarm_rate=alarm, miss_rate=miss) <= margin
    assert smallest(spread, replicates - 1, false_alarm_rate=alarm, miss_rate=miss) > margin


def test_too_few_replicates_detect_no_mean() -> None:
    found = smallest_mean_detected(1.0, 5, false_alarm_rate=1e-3, miss_rate=0.1)
    assert found == np.inf


def test_squared_norm_plan_misses_at_its_rate() -> None:
    entries, margin, alarm, miss, runs = 50, 0.5, 1e-2, 0.05, 2000
    count = replicates_for_squared_norm(
        float(entries), margin, false_alarm_rate=alarm, miss_rate=miss
    )
    generator = np.random.default_rng(0)
    # the U-statistic from mean and trace of the covariance of n normal draws, known here
    bias = np.zeros(entries)
    bias[0] = np.sqrt(margin)
    limit = stats.norm.isf(alarm / 2) * np.sqrt(2 * entries) / count
    means = bias + generator.normal(size=(runs, entries)) / np.sqrt(count)
    missed = int(((means**2).sum(axis=1) - entries / count < limit).sum())
    # v <= sqrt(tr S^2) is taken, 7 times what it is here: fewer misses than planned
    assert missed <= stats.binom.isf(1e-3, runs, miss)
    alarms = int((((means - bias) ** 2).sum(axis=1) - entries / count > limit).sum())
    assert alarms <= stats.binom.isf(1e-3, runs, 2 * alarm)


@pytest.mark.parametrize("margin", [0.05, 0.5])
def test_variance_plan_misses_at_its_rate_for_normal_draws(margin: float) -> None:
    alarm, miss = 1e-3, 0.05
    count = replicates_for_variance(3.0, margin, false_alarm_rate=alarm, miss_rate=miss)
    limit = stats.chi2.isf(alarm / 2, count - 1)
    missed = stats.chi2.cdf(limit / (1 + margin), count - 1)
    assert missed == pytest.approx(miss, rel=0.25)


def z(alarm: float, miss: float) -> tuple[float, float]:
    return -float(stats.norm.ppf(alarm / 2)), -float(stats.norm.ppf(miss))


@every_rate
@pytest.mark.parametrize("replicates", [40, 1000])
def test_smallest_squared_norm_is_a_quantile_without_bias_and_one_with_it(
    alarm: float, miss: float, replicates: int
) -> None:
    found = smallest_squared_norm_detected(25.0, replicates, false_alarm_rate=alarm, miss_rate=miss)
    quadratic = 2 * 25.0 / replicates**2
    (upper, lower) = z(alarm, miss)
    expected = upper * np.sqrt(quadratic) + lower * np.sqrt(quadratic + 4 * found * 5 / replicates)
    assert found == pytest.approx(expected, rel=1e-10)


@every_rate
def test_smallest_mean_and_variance_are_the_quantiles_times_the_standard_error(
    alarm: float, miss: float
) -> None:
    upper, lower = z(alarm, miss)
    rates = {"false_alarm_rate": alarm, "miss_rate": miss}
    error = 3.0 / np.sqrt(50 - upper**2 / 2)
    found = smallest_mean_detected(3.0, 50, **rates)
    assert found == pytest.approx((upper + lower) * error, rel=1e-12)
    error = np.sqrt((9.0 - 1) / 50)
    found = smallest_variance_detected(9.0, 50, **rates)
    assert np.log(1 + found) == pytest.approx((upper + lower) * error, rel=1e-12)


def test_a_mean_takes_more_replicates_than_its_estimated_deviation_costs() -> None:
    """At 0.05 that is 1.92 replicates."""
    rates = {"false_alarm_rate": 0.05, "miss_rate": 0.2}
    assert smallest_mean_detected(1.0, 1, **rates) == np.inf
    assert smallest_mean_detected(1.0, 2, **rates) == pytest.approx(2.8016 / 0.2813, rel=1e-3)
