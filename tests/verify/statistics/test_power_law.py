"""Exponents of power laws: recovered, covered by their intervals, and refused where there is none.

False-alarm rates are stated test by test.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.api import WLS, add_constant

from gradassay.core.records import Interval
from gradassay.verify.statistics.intervals import mean_interval
from gradassay.verify.statistics.power_law import PowerLaw, fit_power_law

PLACES = (4.0, 8.0, 16.0, 32.0)


def drawn(
    generator: np.random.Generator, exponent: float, blocks: int, bend: float = 0.0
) -> PowerLaw:
    """Fit points whose blocks are log-normal, with a spread that differs from point to point."""
    found = []
    for place, spread in zip(PLACES, (0.2, 0.5, 0.3, 0.8), strict=True):
        mean = 3.0 * place**exponent * np.exp(bend * np.log(place / 11.3) ** 2)
        draws = mean * np.exp(spread * generator.standard_normal(blocks) - spread**2 / 2)
        found.append(mean_interval(draws, 0.95, positive=True))
    law = fit_power_law(PLACES, found)
    assert law is not None
    return law


def misses(runs: int, exponent: float, blocks: int) -> tuple[int, int]:
    """Return how many intervals miss the exponent, and how many p-values are below 0.01."""
    generator = np.random.default_rng(blocks)
    laws = [drawn(generator, exponent, blocks) for _ in range(runs)]
    missed = sum(not law.exponent.covers(exponent) for law in laws)
    return missed, sum(law.p_value < 0.01 for law in laws)


@pytest.mark.parametrize("exponent", [-2.0, -0.5, 0.0, 1.0])
def test_an_exact_power_law_has_its_exponent_exactly(exponent: float) -> None:
    law = fit_power_law(PLACES, [Interval.exact(5 * place**exponent) for place in PLACES])
    assert law is not None
    assert law.exponent.value == pytest.approx(exponent, abs=1e-12)
    assert law.exponent.low == law.exponent.high
    assert law.chi_square == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize("blocks", [8, 32])
def test_exponents_are_covered_and_right_laws_are_seldom_refused(blocks: int) -> None:
    """Fails by chance 1 time in 10,000 where coverage is 0.94 and the p-value's rate 0.02."""
    runs = 400
    missed, refused = misses(runs, -1.0, blocks)
    assert missed <= stats.binom.isf(1e-4, runs, 0.06)
    assert refused <= stats.binom.isf(1e-4, runs, 0.02)


@pytest.mark.campaign
@pytest.mark.parametrize("blocks", [8, 32])
def test_coverage_of_exponents_over_4000_runs(blocks: int) -> None:
    missed, refused = misses(4000, 1.0, blocks)
    print(f"{blocks} blocks: coverage {1 - missed / 4000}, p < 0.01 at {refused / 4000}")
    assert missed <= 4000 * 0.06
    assert refused <= 4000 * 0.02


def test_a_bent_curve_is_no_power_law() -> None:
    """The second difference of the first three points is seven of its standard errors.

    Three would do, so that a run is missed less than once in 10,000.
    """
    generator = np.random.default_rng(5)
    laws = [drawn(generator, -1.0, 32, bend=1.5) for _ in range(50)]
    assert all(law.p_value < 0.01 for law in laws)


def test_weights_follow_the_intervals() -> None:
    sharp = [Interval(1 / x, 0.99 / x, 1.01 / x, 0.95) for x in PLACES[:3]]
    wild = Interval(100.0, 1e-3, 1e7, 0.95)
    law = fit_power_law(PLACES, [*sharp, wild])
    assert law is not None
    assert law.exponent.value == pytest.approx(-1, abs=0.01)


def test_points_whose_interval_reaches_zero_are_left_out() -> None:
    good = [Interval(1 / x, 0.9 / x, 1.1 / x, 0.95) for x in PLACES[:3]]
    law = fit_power_law(PLACES, [*good, Interval(0.1, -0.1, 0.3, 0.95)])
    assert law is not None
    assert law.points == 3
    assert fit_power_law(PLACES[:3], [*good[:2], Interval(0.1, 0.0, 0.3, 0.95)]) is None


UNEVEN = [
    Interval(1.0, 0.7, 1.3, 0.9),
    Interval(0.4, 0.3, 0.5, 0.99),
    Interval(0.3, 0.2, 0.6, 0.95),
    Interval(0.1, 0.08, 0.12, 0.95),
]


def test_fit_is_weighted_least_squares_as_statsmodels_has_it() -> None:
    errors = np.array(
        [
            (np.log(one.high) - np.log(one.low)) / 2 / stats.norm.isf((1 - one.level) / 2)
            for one in UNEVEN
        ]
    )
    logs = np.log([one.value for one in UNEVEN])
    theirs = WLS(logs, add_constant(np.log(PLACES)), weights=errors**-2).fit(
        cov_type="fixed scale", use_t=False
    )
    for level in (0.8, 0.95):
        law = fit_power_law(PLACES, UNEVEN, level)
        assert law is not None
        low, high = theirs.conf_int(1 - level)[1]
        found = (law.exponent.low, law.exponent.value, law.exponent.high, law.exponent.level)
        assert found == pytest.approx((low, theirs.params[1], high, level), rel=1e-10)
        chi_square = float(((theirs.resid / errors) ** 2).sum())
        assert law.chi_square == pytest.approx(chi_square, rel=1e-10)
        assert (law.freedom, law.points) == (2, 4)
        assert law.p_value == pytest.approx(np.exp(-chi_square / 2), rel=1e-10)
    assert fit_power_law(PLACES, UNEVEN) == law


def test_exact_points_off_a_line_are_fitted_without_weights() -> None:
    values = [1.0, 0.4, 0.3, 0.1]
    law = fit_power_law(PLACES, [Interval.exact(value) for value in values])
    line, squares, *_ = np.polyfit(np.log(PLACES), np.log(values), 1, full=True)
    assert law is not None
    assert law.exponent.value == pytest.approx(line[0], rel=1e-12)
    assert law.exponent == Interval.exact(law.exponent.value)
    assert law.chi_square == pytest.approx(squares[0], rel=1e-10)
    assert (law.freedom, law.points) == (2, 4)


@pytest.mark.parametrize(
    "odd",
    [
        Interval.exact(100.0),  # among points that are not exact
        Interval(100.0, 0.0, 101.0, 0.95),
        Interval(100.0, 99.0, np.inf, 0.95),
        Interval(100.0, 101.0, 102.0, 0.95),
        Interval(100.0, 98.0, 99.0, 0.95),
    ],
)
def test_points_without_a_standard_error_of_their_logarithm_are_left_out(odd: Interval) -> None:
    law = fit_power_law((*PLACES, 64.0), [*UNEVEN, odd])
    assert law == fit_power_law(PLACES, UNEVEN)


@pytest.mark.parametrize("place", [0.0, -1.0])
def test_places_without_a_logarithm_are_left_out(place: float) -> None:
    law = fit_power_law((place, *PLACES), [UNEVEN[0], *UNEVEN])
    assert law == fit_power_law(PLACES, UNEVEN)


def test_points_at_a_place_below_one_and_at_an_end_of_their_interval_are_fitted() -> None:
    ends = [Interval(1.0, 1.0, 2.0, 0.95), Interval(2.0, 1.0, 2.0, 0.95)]
    law = fit_power_law((0.5, 0.25, *PLACES[:1]), [*ends, UNEVEN[0]])
    assert law is not None
    assert law.points == 3


def test_three_points_at_two_places_are_no_law() -> None:
    assert fit_power_law((4.0, 4.0, 8.0), UNEVEN[:3]) is None
    assert fit_power_law((), []) is None


def test_every_place_has_one_interval() -> None:
    with pytest.raises(ValueError, match="shorter"):
        fit_power_law(PLACES, UNEVEN[:3])
