from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator
from gradassay.core.records import CostRow
from gradassay.core.regimes import REGIMES
from gradassay.cost import cost_rows
from gradassay.cost.effective import PARTS
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.reference_snn import ReferenceBackend

if TYPE_CHECKING:
    from tests.cost.conftest import Problem

QUANTITIES = (
    "forward_passes",
    "backward_passes",
    "forward_macs",
    "forward_acs",
    "backward_macs",
    "tangent_macs",
    "feedback_macs",
    "update_macs",
    "feedback_update_macs",
    "noise_draws",
    "feedback_weight_bytes",
    "trace_bytes",
    "state_bytes",
    "buffer_bytes",
    "gradient_bytes",
    "operations",
    *(
        f"{kind.format(part)}"
        for part in PARTS
        for kind in ("dense_{}", "effective_{}_macs", "effective_{}_acs")
    ),
    "dense_operations",
    "effective_operations",
    *(f"energy_{regime.name}" for regime in REGIMES),
    *(f"dense_energy_{regime.name}" for regime in REGIMES),
    "step_seconds",
)


def measured(zoo: dict[str, Estimator], problem: Problem, repeats: int = 6) -> list[CostRow]:
    return cost_rows(
        zoo,
        ReferenceBackend(),
        problem.network,
        problem.params,
        problem.batch,
        problem.key,
        "small",
        repeats=repeats,
    )


def value_of(rows: list[CostRow], subject: str, quantity: str) -> float:
    (row,) = [row for row in rows if (row.subject, row.quantity) == (subject, quantity)]
    return row.value


def test_every_estimator_has_every_quantity_once(zoo: dict[str, Estimator], deep: Problem) -> None:
    rows = measured(zoo, deep)
    assert [(row.subject, row.quantity) for row in rows] == [
        (subject, quantity) for subject in zoo for quantity in QUANTITIES
    ]
    assert {row.problem for row in rows} == {"small"}


def test_counts_have_no_interval_and_times_have_one(
    zoo: dict[str, Estimator], deep: Problem
) -> None:
    for row in measured(zoo, deep):
        if row.quantity == "step_seconds":
            assert 0 < row.low <= row.value <= row.high < math.inf
        else:
            assert row.low == row.value == row.high


def test_operations_are_the_sum_of_the_rows_that_count_operations(
    zoo: dict[str, Estimator], deep: Problem
) -> None:
    rows = measured(zoo, deep)
    for subject in zoo:
        parts = [r.value for r in rows if r.subject == subject and r.unit in ("MAC", "AC")]
        assert value_of(rows, subject, "operations") == sum(parts)


def test_effective_operations_are_at_most_the_dense_ones(
    zoo: dict[str, Estimator], deep: Problem
) -> None:
    rows = measured(zoo, deep)
    for subject in zoo:
        for part in PARTS:
            effective = value_of(rows, subject, f"effective_{part}_macs")
            effective += value_of(rows, subject, f"effective_{part}_acs")
            assert 0 <= effective <= value_of(rows, subject, f"dense_{part}")
        fewer = value_of(rows, subject, "effective_operations")
        assert 0 < fewer < value_of(rows, subject, "dense_operations")


def test_energies_are_those_of_the_counted_operations(
    zoo: dict[str, Estimator], deep: Problem
) -> None:
    rows = measured(zoo, deep)
    for subject in zoo:
        macs, acs = (
            sum(value_of(rows, subject, f"effective_{part}_{kind}") for part in PARTS)
            for kind in ("macs", "acs")
        )
        dense = value_of(rows, subject, "dense_operations")
        fp32, loihi = (value_of(rows, subject, f"energy_{n}") for n in ("horowitz_fp32", "loihi"))
        assert fp32 == pytest.approx((4.6 * macs + 0.9 * acs) * 1e-12, rel=1e-12)
        assert loihi == pytest.approx(23.6 * (macs + acs) * 1e-12, rel=1e-12)
        assert value_of(rows, subject, "dense_energy_horowitz_int8") == pytest.approx(
            0.23 * dense * 1e-12, rel=1e-12
        )


def test_counts_depend_on_the_key_alone(zoo: dict[str, Estimator], deep: Problem) -> None:
    first, again = measured(zoo, deep, repeats=1), measured(zoo, deep, repeats=2)
    exact = [[row for row in rows if row.unit != "s"] for rows in (first, again)]
    assert exact[0] == exact[1]


def test_costs_rank_as_the_methods_promise(zoo: dict[str, Estimator], deep: Problem) -> None:
    rows = measured(zoo, deep)
    macs = {s: value_of(rows, s, "forward_macs") for s in zoo}
    assert macs["spatial_bp"] == macs["bptt"] == macs["dfa"] == 3 * 6 * 7
    assert macs["opzo"] == macs["zo_single_point"] == 3 * (6 * 7 + 7 * 6 + 6 * 5 + 5 * 3)
    assert value_of(rows, "bptt", "trace_bytes") > value_of(rows, "spatial_bp", "trace_bytes")
    draws = value_of(rows, "opzo", "noise_draws"), value_of(rows, "zo_single_point", "noise_draws")
    assert draws == (2 * 18, 3 * 18)  # antithetic pairs: two draws for three steps


class Silent(SpatialBP):
    """Claims nothing."""

    @property
    def claims(self) -> tuple[()]:
        return ()


def test_an_estimator_that_claims_nothing_is_counted_and_keeps_all_steps(deep: Problem) -> None:
    rows = measured({"silent": Silent()}, deep)
    assert value_of(rows, "silent", "backward_passes") == 1
    assert value_of(rows, "silent", "backward_macs") == 3 * (7 * 6 + 6 * 5 + 5 * 3)
    presynaptic, units, steps = 6 + 7 + 6 + 5, 7 + 6 + 5, 3
    assert value_of(rows, "silent", "trace_bytes") == 4 * steps * (presynaptic + units)


def test_fewer_than_six_repeats_give_times_without_an_upper_end(deep: Problem) -> None:
    rows = measured({"spatial_bp": SpatialBP()}, deep, repeats=5)
    assert rows[-1].high == math.inf


def test_no_repeats_are_refused(deep: Problem) -> None:
    with pytest.raises(ConfigurationError, match="repeats: got 0"):
        measured({}, deep, repeats=0)
