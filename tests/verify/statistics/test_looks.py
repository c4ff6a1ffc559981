"""Looks, tests and verdicts: identities, other packages' numbers, and error rates by simulation."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multivariate import test_mvmean as mean_test

from gradassay.core.records import Interval
from gradassay.verify.statistics.intervals import squared_norm_interval
from gradassay.verify.statistics.looks import (
    Looks,
    Outcome,
    equivalence,
    hotelling,
    max_t,
    superblocks,
)
from gradassay.verify.statistics.moments import Float

BLOCKS = 32


def assert_not_above(alarms: int, runs: int, rate: float) -> None:
    """Fails by chance less than once in 1,000 where the rate is nominal."""
    probability = stats.binomtest(alarms, runs, rate, alternative="greater").pvalue
    assert probability > 1e-3, f"{alarms} alarms in {runs} runs at a nominal rate of {rate}"


def test_looks_double_up_to_the_budget_and_spend_the_rate_once() -> None:
    looks = Looks(first=100, most=1600, false_alarm_rate=1e-3)
    assert looks.counts == (100, 200, 400, 800, 1600)
    assert sum(looks.rate(look) for look in range(5)) == pytest.approx(1e-3, rel=1e-12)
    assert Looks(100, 1599, 1e-3).counts == (100, 200, 400, 800)
    assert Looks(100, 100, 1e-3).counts == (100,)


@pytest.mark.parametrize("number", range(3, 13))
def test_equal_shares_are_tighter_than_a_schedule_without_end_from_the_third_look_on(
    number: int,
) -> None:
    looks = Looks(first=1, most=2 ** (number - 1), false_alarm_rate=1.0)
    endless = [1 / ((look + 1) * (look + 2)) for look in range(number)]
    assert len(looks.counts) == number
    assert all(looks.rate(look) >= endless[look] * (1 - 1e-12) for look in range(2, number))
    assert looks.rate(number - 1) / endless[-1] == pytest.approx(number + 1)


def test_a_look_that_is_not_planned_is_refused() -> None:
    with pytest.raises(IndexError, match="expected 0 to 1"):
        Looks(10, 20, 0.01).rate(2)
    with pytest.raises(ValueError, match="expected at least 1 and at most 5"):
        Looks(10, 5, 0.01)


def test_superblocks_are_means_of_consecutive_blocks() -> None:
    means = np.random.default_rng(0).normal(size=(24, 3))
    merged = superblocks(means, 4)
    np.testing.assert_allclose(merged[1], means[6:12].mean(axis=0), rtol=1e-14)
    np.testing.assert_array_equal(superblocks(means, 24), means)
    with pytest.raises(ValueError, match="24 blocks"):
        superblocks(means, 5)


def test_superblocks_of_superblocks_are_superblocks() -> None:
    means = np.random.default_rng(1).normal(size=(64, 2))
    np.testing.assert_allclose(superblocks(superblocks(means, 16), 4), superblocks(means, 4))


def test_max_t_is_the_largest_of_scipys_t() -> None:
    means = np.random.default_rng(2).normal(size=(BLOCKS, 7))
    expected = np.linspace(0, 0.1, 7)
    theirs = stats.ttest_1samp(means, expected)
    test = max_t(means, expected, rate=0.01)
    assert test.statistic == pytest.approx(np.abs(theirs.statistic).max(), rel=1e-12)
    assert test.index == np.abs(theirs.statistic).argmax()
    at_critical = 2 * stats.t.sf(test.critical, BLOCKS - 1)
    assert 7 * at_critical == pytest.approx(0.01, rel=1e-9)


def test_max_t_of_an_entry_without_spread_is_none_or_infinite() -> None:
    means = np.random.default_rng(3).normal(size=(BLOCKS, 3))
    means[:, 1] = 0.1
    expected = np.array([0.0, 0.1, 0.0])
    assert not max_t(means, expected, rate=1e-3).rejected
    expected[1] += 1e-15
    off = max_t(means, expected, rate=1e-3)
    assert off.rejected
    assert (off.statistic, off.index) == (np.inf, 1)
    assert not max_t(means, expected, rate=1e-3, rounding=1e-14).rejected


def test_max_t_finds_a_fault_in_one_entry_of_many_and_alarms_at_its_rate() -> None:
    generator = np.random.default_rng(4)
    alarms, runs = 0, 1000
    for _ in range(runs):
        alarms += max_t(generator.normal(size=(BLOCKS, 50)), rate=0.05).rejected
    assert_not_above(alarms, runs, 0.05)
    assert alarms > 20  # Bonferroni costs little for independent entries
    means = generator.normal(size=(BLOCKS, 50))
    means[:, 17] += 2
    test = max_t(means, rate=1e-4)
    assert test.rejected
    assert test.index == 17


@pytest.mark.parametrize("entries", [2, 10, 15])
def test_hotelling_agrees_with_statsmodels(entries: int) -> None:
    means = np.random.default_rng(5).normal(0.2, 1, size=(BLOCKS, entries))
    theirs = mean_test(means, np.zeros(entries))
    test = hotelling(means, rate=0.02)
    assert test.statistic == pytest.approx(theirs.statistic, rel=1e-10)
    assert test.rejected == (theirs.pvalue < 0.02)
    assert float(stats.f.sf(test.critical, *theirs.df)) == pytest.approx(0.02, rel=1e-9)


def test_hotelling_of_one_entry_is_the_square_of_students_t() -> None:
    means = np.random.default_rng(8).normal(0.2, 1, size=(BLOCKS, 1))
    test = hotelling(means, rate=0.02)
    assert test.statistic == pytest.approx(stats.ttest_1samp(means[:, 0], 0).statistic ** 2)
    assert test.critical == pytest.approx(stats.t.isf(0.01, BLOCKS - 1) ** 2)


def test_hotelling_refuses_what_it_cannot_test() -> None:
    means = np.random.default_rng(6).normal(size=(BLOCKS, 16))
    with pytest.raises(ValueError, match="p < K / 2"):
        hotelling(means, rate=0.01)
    means[:, 1] = means[:, 0]
    with pytest.raises(ValueError, match="linearly independent"):
        hotelling(means[:, :3], rate=0.01)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: Looks(10, 20, 0.01).rate(2),
            IndexError,
            "look: got 2; expected 0 to 1.",
        ),
        (
            lambda: Looks(10, 20, 0.01).rate(-1),
            IndexError,
            "look: got -1; expected 0 to 1.",
        ),
        (
            lambda: Looks(0, 5, 0.01),
            ValueError,
            "first: got 0; expected at least 1 and at most 5 replicates. Raise `most` to allow one"
            " look.",
        ),
        (
            lambda: superblocks(np.ones((24, 3)), 5),
            ValueError,
            "means: 24 blocks; expected a multiple of number = 5.",
        ),
        (
            lambda: hotelling(np.ones((4, 2)), rate=0.1),
            ValueError,
            "means: shape (4, 2); expected (K, p) with p < K / 2 and linearly independent entries."
            " Project the vectors on fewer directions, or use max_t.",
        ),
        (
            lambda: equivalence(Interval.exact(0), margin_low=1.0, margin_high=2.0, null=3.0),
            ValueError,
            "null: got 3.0; expected within [1.0, 2.0].",
        ),
    ],
)
def test_what_cannot_be_looked_at_is_said_in_full(
    call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_a_budget_of_one_replicate_allows_one_look() -> None:
    looks = Looks(first=1, most=1, false_alarm_rate=0.25)
    assert looks.counts == (1,)
    assert looks.rate(0) == 0.25


def test_a_statistic_at_its_critical_value_is_not_rejected() -> None:
    assert not Outcome(2.0, 2.0).rejected
    assert Outcome(np.nextafter(2.0, 3), 2.0).rejected
    assert Outcome(1.0, 2.0).index == -1
    assert hotelling(np.random.default_rng(0).normal(size=(9, 2)), rate=0.1).index == -1


def test_max_t_counts_from_where_rounding_ends() -> None:
    means = np.array([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0], [2.0, 5.0]])
    error = stats.sem(means[:, 0])
    for expected, rounding, index, statistic in (
        ([1.0, 5.0], 0.25, 0, 0.75 / error),
        ([3.0, 5.0], 0.25, 0, 0.75 / error),
        ([2.0, 5.0], 0.25, 0, 0.0),
        ([2.0, 4.5], 0.5, 0, 0.0),
        ([1.0, 4.0], 0.5, 1, np.inf),
        ([1.0, 6.0], 0.5, 1, np.inf),
    ):
        test = max_t(means, np.array(expected), rate=0.1, rounding=rounding)
        assert test.statistic == pytest.approx(statistic, rel=1e-14)
        assert test.index == index


def test_max_t_of_equal_blocks_knows_no_rounding_of_their_mean() -> None:
    means = np.random.default_rng(3).normal(size=(3, 2))
    means[:, 1] = 0.1
    assert means.mean(axis=0)[1] > 0.1
    assert max_t(means, rate=0.1).statistic == np.inf
    within = max_t(means[:, 1:], rate=0.1, rounding=0.1)
    assert (within.statistic, within.rejected) == (0.0, False)


def test_max_t_of_nothing_expected_is_about_zero_and_without_rounding() -> None:
    means = np.random.default_rng(9).normal(0.3, 1, size=(8, 2))
    theirs = np.abs(stats.ttest_1samp(means, 0).statistic).max()
    assert max_t(means, rate=0.1).statistic == pytest.approx(theirs, rel=1e-12)
    assert max_t(np.full((8, 1), 1e-300), rate=0.1).statistic == np.inf


@pytest.mark.parametrize("null", [0.9, 1.2])
def test_a_null_value_may_be_an_end_of_the_margin(null: float) -> None:
    interval = Interval(1.0, 0.95, 1.05, 0.99)
    assert equivalence(interval, margin_low=0.9, margin_high=1.2, null=null) == "PASS"


def equivalence_at(low: float, high: float) -> str:
    interval = Interval((low + high) / 2, low, high, 0.99)
    return equivalence(interval, margin_low=0.9, margin_high=1.2, null=1.0)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.95, 1.05, "PASS"),
        (0.9, 1.2, "PASS"),
        (1.01, 1.1, "PASS"),  # proven, and proven to be small
        (1.01, 1.3, "FAIL"),
        (1.3, 1.4, "FAIL"),
        (0.7, 0.99, "FAIL"),
        (0.8, 1.1, "INCONCLUSIVE"),
        (0.0, np.inf, "INCONCLUSIVE"),
        (1.0, 1.3, "INCONCLUSIVE"),
    ],
)
def test_verdict_is_about_an_interval_a_margin_and_a_null_value(
    low: float, high: float, verdict: str
) -> None:
    assert equivalence_at(low, high) == verdict


def test_a_null_value_outside_the_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="expected within"):
        equivalence(Interval.exact(0.0), margin_low=0.1, margin_high=0.2, null=0.0)


def alarms_at_any_look(looks: Looks, blocks: Float, number: int) -> bool:
    """Whether the squared norm of a mean that is 0 is found to be larger at some look."""
    for look, count in enumerate(looks.counts):
        means = superblocks(blocks[:count], number)
        if squared_norm_interval(means @ means.T, 1 - looks.rate(look)).low > 0:
            return True
    return False


def count_alarms(entries: int, runs: int, rate: float) -> int:
    generator = np.random.default_rng(7)
    looks = Looks(first=BLOCKS, most=16 * BLOCKS, false_alarm_rate=rate)
    return sum(
        alarms_at_any_look(looks, generator.normal(size=(16 * BLOCKS, entries)), BLOCKS)
        for _ in range(runs)
    )


def test_looking_five_times_errs_at_most_at_the_rate() -> None:
    assert_not_above(count_alarms(entries=6, runs=200, rate=0.1), 200, 0.1)


@pytest.mark.campaign
@pytest.mark.parametrize("entries", [1, 6, 30])
def test_looking_five_times_errs_at_most_at_a_small_rate(entries: int) -> None:
    alarms = count_alarms(entries, runs=2000, rate=0.01)
    print(f"{entries} entries: {alarms} false alarms in 2000 runs of 5 looks at rate 0.01")
    assert_not_above(alarms, 2000, 0.01)
