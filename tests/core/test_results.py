"""Rows of results and regimes of energy."""

import math
from typing import Literal, get_origin, get_type_hints

import pytest

from gradassay.core.curves import CostPoint, ExponentRow, ScalingRow
from gradassay.core.records import (
    CheckResult,
    CostRow,
    EpochRow,
    Interval,
    Measurement,
    MomentRow,
)
from gradassay.core.regimes import REGIMES, Regime


def test_an_exact_value_is_an_interval_of_one_point_at_level_1() -> None:
    assert Interval.exact(0.25) == Interval(value=0.25, low=0.25, high=0.25, level=1.0)


@pytest.mark.parametrize(
    ("truth", "covered"), [(0.9, False), (1.0, True), (2.0, True), (3.0, True), (3.1, False)]
)
def test_an_interval_covers_its_ends(truth: float, covered: bool) -> None:
    assert Interval(2.0, 1.0, 3.0, 0.95).covers(truth) is covered


@pytest.mark.parametrize(
    ("loss", "diverged"), [(0.0, False), (1e300, False), (math.inf, True), (math.nan, True)]
)
def test_a_training_diverged_where_its_loss_is_no_finite_number(
    loss: float, diverged: bool
) -> None:
    assert EpochRow("bptt", "digits", 0, 1, loss, 0.5, 0.5, 1.0, 0.1).diverged is diverged


def test_a_multiply_accumulate_costs_both_and_an_accumulate_the_addition() -> None:
    regime = Regime("name", "title", add_pj=0.5, multiply_pj=3.0, source="here")
    assert regime.joules(macs=2e12, acs=0) == pytest.approx(7.0, rel=1e-15)
    assert regime.joules(macs=0, acs=3e12) == pytest.approx(1.5, rel=1e-15)
    assert regime.joules(macs=2e12, acs=3e12) == pytest.approx(8.5, rel=1e-15)


def test_regimes_have_different_names_and_sources() -> None:
    assert len({regime.name for regime in REGIMES}) == len(REGIMES) == 6
    assert all(regime.add_pj > 0 and regime.multiply_pj >= 0 for regime in REGIMES)
    assert all(regime.source for regime in REGIMES)


@pytest.mark.parametrize(
    "row",
    [Measurement, CheckResult, CostRow, EpochRow, MomentRow, CostPoint, ScalingRow, ExponentRow],
)
def test_a_row_is_flat_so_that_any_table_can_hold_it(row: type) -> None:
    hints = get_type_hints(row)
    assert "subject" in hints
    for name, kind in hints.items():
        assert kind in (str, int, float) or get_origin(kind) is Literal, name
