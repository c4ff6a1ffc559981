"""Differences of two estimates: against other libraries, and how often their intervals hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from gradassay.core.records import Interval
from gradassay.reports.differences import (
    exact_difference,
    holm,
    interval_difference,
    paired_difference,
    sample_difference,
)
from gradassay.verify.statistics.intervals import mean_interval

FIRST, SECOND = [0.84, 0.87, 0.86, 0.85], [0.88, 0.89, 0.86, 0.91]


def test_pairs_are_student_s_t() -> None:
    found = paired_difference(FIRST, SECOND, 0.95)
    expected = stats.ttest_rel(SECOND, FIRST)
    bounds = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.interval.low, found.interval.high) == pytest.approx((bounds.low, bounds.high))


def test_two_samples_are_welch_s_t() -> None:
    found = sample_difference(FIRST[:3], SECOND, 0.95)
    expected = stats.ttest_ind(SECOND, FIRST[:3], equal_var=False)
    bounds = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.interval.low, found.interval.high) == pytest.approx((bounds.low, bounds.high))


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_adjusted_p_values_are_those_of_statsmodels(size: int) -> None:
    values = list(np.random.default_rng(size).beta(0.3, 1.0, size).round(2))
    assert holm(values) == pytest.approx(list(multipletests(values, method="holm")[1]))


def test_pairs_that_are_all_alike_have_no_interval_but_equal_ones_no_difference() -> None:
    assert math.isnan(paired_difference([0.1, 0.2], [0.2, 0.3], 0.95).p_value)
    assert paired_difference([0.1, 0.2], [0.1, 0.2], 0.95) == exact_difference(0.0, 0.0)
    assert math.isnan(paired_difference([0.1], [0.2], 0.95).p_value)
    assert math.isnan(sample_difference([0.1], [0.2, 0.3], 0.95).p_value)
    assert math.isnan(paired_difference([math.nan, 0.1], [0.2, 0.3], 0.95).p_value)


def test_exact_values_differ_or_do_not() -> None:
    assert exact_difference(1.0, 1.0).p_value == 1.0
    assert exact_difference(1.0, math.nextafter(1.0, 2.0)).p_value == 0.0
    assert exact_difference(math.nan, math.nan).p_value == 1.0
    assert exact_difference(math.inf, math.inf).interval.value == 0.0


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_an_interval_without_an_end_is_no_proof(odd: float) -> None:
    found = interval_difference(Interval(1.0, 0.9, 1.1, 0.95), Interval(5.0, odd, odd, 0.95))
    assert math.isnan(found.p_value) or found.p_value == 1.0


@given(
    a=st.floats(-10, 10), b=st.floats(-10, 10), wide=st.floats(1e-3, 5), wider=st.floats(1e-3, 5)
)
def test_the_interval_of_symmetric_ones_adds_their_squares(
    a: float, b: float, wide: float, wider: float
) -> None:
    one, two = Interval(a, a - wide, a + wide, 0.95), Interval(b, b - wider, b + wider, 0.95)
    found = interval_difference(one, two).interval
    assert found.value == b - a
    assert found.high - found.value == pytest.approx(math.hypot(wide, wider), rel=1e-6)
    back = interval_difference(two, one).interval
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


def test_an_exact_side_adds_nothing() -> None:
    found = interval_difference(Interval.exact(1.0), Interval(2.0, 1.5, 2.75, 0.95))
    assert (found.interval.low, found.interval.high) == (0.5, 1.75)


def test_intervals_of_differences_hold_at_their_level() -> None:
    # 4,000 pairs; at coverage 0.95 fewer than 3,755 hits come with probability 4e-4
    draw = np.random.default_rng(5)
    hits = 0
    for _ in range(4000):
        one = mean_interval(draw.normal(1.0, 1.0, 16), 0.95)
        two = mean_interval(draw.normal(1.5, 3.0, 16), 0.95)
        hits += interval_difference(one, two).interval.covers(0.5)
    assert hits >= 3755
