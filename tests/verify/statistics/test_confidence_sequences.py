"""Confidence sequences against another package's numbers, and their path coverage by simulation.

A path errs if the mean is ever outside. The simulations have fixed seeds; each fails where the
number of paths that err would come from the nominal rate less than once in 1,000.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from ville.means import AsymptoticCS, BettingCS, EmpiricalBernsteinCS

from gradassay.verify.statistics import confidence_sequences
from gradassay.verify.statistics.confidence_sequences import (
    asymptotic_sequence,
    betting_sequence,
    empirical_bernstein_sequence,
)
from gradassay.verify.statistics.moments import Float

Ends = tuple[Float, Float]
Draw = Callable[[np.random.Generator, int], Float]
RATE = 0.1

# laws on [-1, 1] with their means
LAWS: dict[str, tuple[Draw, float]] = {
    "uniform": (lambda g, n: g.uniform(-1, 1, n), 0.0),
    "signs": (lambda g, n: g.choice([-1.0, 1.0], n), 0.0),
    "rare": (lambda g, n: np.where(g.random(n) < 0.02, 1.0, -1.0), -0.96),
    "narrow": (lambda g, n: 0.7 + 0.01 * g.uniform(-1, 1, n), 0.7),
}
every_law = pytest.mark.parametrize(("draw", "mean"), LAWS.values(), ids=LAWS.keys())


def running(values: Float) -> tuple[Float, Float, Float]:
    """Means, variances and counts after 2, 3, ... values, by their definition."""
    counts = np.arange(2, len(values) + 1)
    means = np.array([values[:n].mean() for n in counts])
    variances = np.array([values[:n].var(ddof=1) for n in counts])
    return means, variances, counts.astype(float)


def bernstein(values: Float, rate: float) -> Ends:
    return empirical_bernstein_sequence(values, 1 - rate, low=-1, high=1)


def betting(values: Float, rate: float) -> Ends:
    return betting_sequence(values, 1 - rate, low=-1, high=1)


def asymptotic(values: Float, rate: float) -> Ends:
    """From the 64th value on, tightest at 256."""
    counts = np.arange(1.0, len(values) + 1)
    means = np.cumsum(values) / counts
    variances = np.cumsum(values**2) / counts - means**2
    late = slice(64, None)
    return asymptotic_sequence(
        means[late], variances[late], counts[late], 1 - rate, tightest_at=256
    )


def paths_that_err(
    sequence: Callable[[Float, float], Ends], draw: Draw, mean: float, *, paths: int, length: int
) -> int:
    generator, errors = np.random.default_rng(20261125), 0
    for _ in range(paths):
        low, high = sequence(draw(generator, length), RATE)
        errors += bool(np.any(low > mean) or np.any(high < mean))
    return errors


def assert_not_above_nominal(errors: int, paths: int) -> None:
    probability = stats.binomtest(errors, paths, RATE, alternative="greater").pvalue
    assert probability > 1e-3, f"{errors} of {paths} paths err at a nominal rate of {RATE}"


def test_asymptotic_sequence_agrees_with_ville() -> None:
    values = np.random.default_rng(0).standard_t(5, 400) + 3
    theirs = AsymptoticCS(alpha=0.01, t_opt=100, min_samples=2).fit(values)
    low, high = asymptotic_sequence(*running(values), 0.99, tightest_at=100)
    # ville finds its rho numerically
    np.testing.assert_allclose(low, theirs.lower_[1:], rtol=0, atol=1e-6)
    np.testing.assert_allclose(high, theirs.upper_[1:], rtol=0, atol=1e-6)


def test_asymptotic_sequence_is_tightest_at_the_count_asked_for() -> None:
    def width(tightest_at: float) -> float:
        one = np.ones(1)
        low, high = asymptotic_sequence(one, one, 300 * one, 0.99, tightest_at=tightest_at)
        return float((high - low)[0])

    assert width(300) < min(width(299), width(301))


@every_law
@pytest.mark.parametrize("rate", [0.05, 1e-4])
def test_empirical_bernstein_sequence_agrees_with_ville(
    draw: Draw, mean: float, rate: float
) -> None:
    values = draw(np.random.default_rng(1), 2000)
    theirs = EmpiricalBernsteinCS(bounds=(-1, 1), alpha=rate).fit(values)
    low, high = bernstein(values, rate)
    np.testing.assert_allclose(low, theirs.lower_, rtol=0, atol=1e-12)
    np.testing.assert_allclose(high, theirs.upper_, rtol=0, atol=1e-12)
    assert low[-1] < mean < high[-1]


@every_law
@pytest.mark.parametrize("rate", [0.05, 1e-4])
def test_betting_sequence_agrees_with_ville_within_both_resolutions(
    draw: Draw, mean: float, rate: float
) -> None:
    values, grid = draw(np.random.default_rng(2), 1000), 4001
    theirs = BettingCS(bounds=(-1, 1), alpha=rate, grid=grid).fit(values)
    low, high = betting(values, rate)
    cell = 2 / (grid - 1)
    # theirs is rounded outwards by up to two cells, ours by 0.5 % of the distance to the last mean
    sides = (low, theirs.lower_, values.mean()), (-high, -theirs.upper_, -values.mean())
    for ours, other, last in sides:
        assert np.all(ours >= other - 0.0051 * np.abs(last - ours))
        assert np.all(ours <= other + 2.01 * cell)
    assert low[-1] < mean < high[-1]


def test_betting_sequence_ends_where_the_capital_reaches_its_limit() -> None:
    values = np.random.default_rng(3).uniform(0, 1, 500)
    low, high = betting_sequence(values, 0.99, low=0, high=1)
    assert largest_half_capital(values, float(low[-1])) == pytest.approx(100, rel=1e-3)
    assert largest_half_capital(1 - values, 1 - float(high[-1])) == pytest.approx(100, rel=1e-3)


@pytest.mark.parametrize("chunk", [1, 1000])
def test_chunks_do_not_change_the_betting_sequence(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(6).uniform(-1, 1, 120)
    expected = betting(values, 0.05)
    monkeypatch.setattr(confidence_sequences, "CHUNK", chunk)
    np.testing.assert_allclose(betting(values, 0.05), expected, rtol=1e-12)


def test_a_few_values_exclude_no_mean() -> None:
    with np.errstate(all="raise"):
        low, high = betting_sequence(np.array([0.5, 0.6]), 0.95, low=0, high=1)
    assert low.tolist() == [0, 0]
    assert high.tolist() == [1, 1]


def largest_half_capital(values: Float, candidate: float) -> float:
    """Half the capital of betting for a larger mean at rate 0.01, value by value."""
    capital = largest = 0.5
    mean, variance, total, squares = 0.5, 0.25, 0.5, 0.25
    for time, value in enumerate(values, 1):
        bet = np.sqrt(2 * np.log(200) / (variance * time * np.log(time + 1)))
        capital *= 1 + min(bet, 0.5 / candidate) * (value - candidate)
        largest = max(largest, capital)
        total += value
        mean = total / (time + 1)
        squares += (value - mean) ** 2
        variance = squares / (time + 1)
    return largest


@every_law
@pytest.mark.parametrize("sequence", [bernstein, betting])
def test_bounded_sequences_err_at_most_at_their_rate(
    sequence: Callable[[Float, float], Ends], draw: Draw, mean: float
) -> None:
    paths = 50
    errors = paths_that_err(sequence, draw, mean, paths=paths, length=100)
    assert_not_above_nominal(errors, paths)


def test_asymptotic_sequence_errs_at_most_at_its_rate_where_it_starts_late() -> None:
    errors = paths_that_err(asymptotic, LAWS["uniform"][0], 0.0, paths=1000, length=2000)
    assert_not_above_nominal(errors, 1000)


@pytest.mark.campaign
def test_paths_err_at_most_at_their_rate_over_many_paths() -> None:
    for sequence in (bernstein, betting, asymptotic):
        for name, (draw, mean) in LAWS.items():
            if sequence is asymptotic and name == "rare":
                continue  # 64 values with 1.3 rare ones on average are not nearly normal
            errors = paths_that_err(sequence, draw, mean, paths=250, length=2000)
            print(f"{sequence.__name__}, {name}: {errors} of 250 at {RATE}")
            assert_not_above_nominal(errors, 250)


@pytest.mark.parametrize(
    ("sequence", "times"), [(bernstein, 3.0), (betting, 2.5), (asymptotic, 2.0)]
)
def test_sequences_are_a_few_times_as_wide_as_students_interval(
    sequence: Callable[[Float, float], Ends], times: float
) -> None:
    values = np.random.default_rng(4).uniform(-1, 1, 1000)
    low, high = sequence(values, 0.05)
    student = stats.t.interval(0.95, 999, loc=values.mean(), scale=stats.sem(values))
    ratio = (high[-1] - low[-1]) / (student[1] - student[0])
    assert 1 < ratio < times


@pytest.mark.parametrize("sequence", [bernstein, betting])
def test_bounded_sequences_turn_with_the_sign_of_the_values(
    sequence: Callable[[Float, float], Ends],
) -> None:
    values = np.random.default_rng(5).beta(1, 4, 300)
    low, high = sequence(values, 0.05)
    turned_low, turned_high = sequence(-values, 0.05)
    np.testing.assert_allclose([-turned_high, -turned_low], [low, high], rtol=1e-9)


def test_betting_sequence_takes_values_that_do_not_vary() -> None:
    for value in (-1.0, 0.0, 0.3, 1.0):
        low, high = betting(np.full(300, value), 0.05)
        assert low[-1] <= value <= high[-1]
        assert high[-1] - low[-1] < 0.1


def test_a_range_that_does_not_hold_the_values_is_said_to() -> None:
    with pytest.raises(ValueError, match="values") as caught:
        bernstein(np.array([0.0, 1.25]), 0.05)
    assert str(caught.value) == (
        "values: range [0, 1.25]; expected within [low, high] = [-1, 1]. The bounds must hold for"
        " every value that could come."
    )


def test_values_outside_the_range_are_refused() -> None:
    with pytest.raises(ValueError, match="expected within"):
        betting_sequence(np.array([0.0, 1.1]), 0.95, low=0, high=1)
    with pytest.raises(ValueError, match="expected within"):
        betting_sequence(np.array([0.0, np.nan]), 0.95, low=0, high=1)
