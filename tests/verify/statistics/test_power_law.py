"""Exponents of power laws: recovered, covered by their intervals, and refused where there is none.

False-alarm rates are stated test by test.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

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
