"""Two results folders compared: what is called a change, and what is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import DataError, UsageError
from gradassay.core.records import CostRow, Interval, Measurement
from gradassay.reports.compared import Comparison, Outcome
from gradassay.reports.comparison import compare_results
from gradassay.reports.comparison_page import comparison_findings
from gradassay.reports.matching import setting_changes
from gradassay.reports.origins import value_of
from gradassay.reports.store import Results
from gradassay.verify.statistics.intervals import mean_interval, squared_norm_interval
from tests.reports.conftest import (
    build_results,
    make_checks,
    make_cost,
    make_measurements,
    make_training,
)

BLOCKS = 32


def measurement(number: int, quantity: str, found: Interval, seed: int = 0) -> Measurement:
    return Measurement(
        f"method{number}", "problem", "total", quantity, "", found.value, found.low, found.high,
        found.level, 1024, seed, "1",
    )  # fmt: skip


def drawn(draw: np.random.Generator, seed: int, shift: float = 0.0) -> list[Measurement]:
    """Thirty quantities of a run, with the intervals that measurements have."""
    rows = []
    for number in range(12):
        blocks = draw.normal(0.5, 0.1, BLOCKS) + shift * (number == 0)
        rows.append(measurement(number, "cosine", mean_interval(blocks, 0.95), seed))
    for number in range(12):
        blocks = draw.gamma(4.0, 0.25, BLOCKS)
        interval = mean_interval(blocks, 0.95, positive=True)
        rows.append(measurement(number, "noise_variance", interval, seed))
    for number in range(6):
        means = draw.normal(0.3 * (number % 2), 1, (BLOCKS, 6))
        interval = squared_norm_interval(means @ means.T, 0.95)
        rows.append(measurement(number, "squared_bias", interval, seed))
    return rows


def outcomes(found: Comparison) -> dict[Outcome, int]:
    return {
        name: len(found.of(name)) for name in ("changed", "within noise", "identical", "not judged")
    }


def test_runs_of_the_same_thing_are_called_changed_no_more_often_than_stated() -> None:
    # 150 pairs of runs; at a family-wise rate of 0.05 more than 17 come with probability 5e-4
    draw = np.random.default_rng(11)
    wrong = unadjusted = 0
    for pair in range(150):
        one, two = (build_results(measurements=drawn(draw, 2 * pair + side)) for side in range(2))
        found = compare_results(one, two)
        wrong += bool(found.of("changed"))
        unadjusted += any(row.difference.p_value <= found.false_alarm_rate for row in found.rows)
    assert wrong <= 17
    assert unadjusted > 50  # what each comparison by itself would say


def test_a_change_of_six_standard_errors_is_found_and_nothing_else() -> None:
    # 20 pairs; at a power of 0.9 fewer than 13 come with probability 3e-4, worked out with
    # Student's t at the first of Holm's bounds
    draw = np.random.default_rng(12)
    error = math.hypot(0.1, 0.1) / math.sqrt(BLOCKS)
    found = []
    for pair in range(20):
        one = build_results(measurements=[*drawn(draw, 2 * pair)])
        two = build_results(measurements=[*drawn(draw, 2 * pair + 1, shift=6 * error)])
        changed = compare_results(one, two).of("changed")
        found.append([(row.key.subject, row.key.quantity) for row in changed])
    assert sum(("method0", "cosine") in names for names in found) >= 13
    assert sum(len(set(names) - {("method0", "cosine")}) for names in found) <= 4


def test_results_compared_with_themselves_are_identical(full: Results) -> None:
    found = compare_results(full, full)
    assert outcomes(found) == {
        "changed": 0,
        "within noise": 0,
        "identical": len(found.rows),
        "not judged": 0,
    }
    assert [*found.only_first, *found.only_second, *found.settings] == []
    assert len(found.checks) == 24
    kinds = {row.key.kind for row in found.rows}
    assert kinds == {"measurement", "cost", "training"}


def test_every_number_of_both_is_compared_and_leads_to_its_row(full: Results) -> None:
    other = build_results(
        measurements=make_measurements()[::-1], cost=make_cost(), training=make_training()
    )
    found = compare_results(full, other)
    counts = len(make_measurements()) + len(make_cost()) + 2 * 4
    assert len(found.rows) == counts
    for row in found.rows:
        for side, results in ((row.first, full), (row.second, other)):
            assert value_of(side.origin, results) == pytest.approx(side.interval.value)
    assert len(found.only_first) == 24
    assert not found.of("changed")


def test_exact_values_change_by_the_last_bit(cost: list[CostRow]) -> None:
    value = math.nextafter(cost[0].value, math.inf)
    spoilt = [replace(cost[0], value=value, low=value, high=value), *cost[1:]]
    found = compare_results(build_results(cost=cost), build_results(cost=spoilt))
    assert [row.key.quantity for row in found.of("changed")] == [cost[0].quantity]


def test_times_are_shown_and_not_judged(cost: list[CostRow]) -> None:
    def slower(row: CostRow) -> CostRow:
        if row.quantity != "step_seconds":
            return row
        return replace(row, value=2 * row.value, low=2 * row.low, high=2 * row.high)

    found = compare_results(build_results(cost=cost), build_results(cost=[*map(slower, cost)]))
    assert outcomes(found)["not judged"] == 4
    assert outcomes(found)["changed"] == 0
    assert all("machine" in row.note for row in found.of("not judged"))


def test_the_noise_of_every_comparison_counts_for_all() -> None:
    draw = np.random.default_rng(3)
    one, two = (drawn(draw, side) for side in range(2))
    alone = compare_results(
        build_results(measurements=one[:1]), build_results(measurements=two[:1])
    ).rows[0]
    among = compare_results(build_results(measurements=one), build_results(measurements=two))
    assert among.family == 30
    assert alone.adjusted == alone.difference.p_value
    assert all(row.adjusted >= row.difference.p_value for row in among.rows)


def test_accuracies_of_the_same_seeds_are_paired_and_of_others_two_samples() -> None:
    rows = make_training()
    better = [
        replace(row, test_accuracy=row.test_accuracy + 0.01 + 1e-4 * row.seed) for row in rows
    ]
    moved = [replace(row, seed=row.seed + 10) for row in better]
    same = compare_results(build_results(training=rows), build_results(training=better))
    other = compare_results(build_results(training=rows), build_results(training=moved))
    for found, method in ((same, "pairs of the same seed"), (other, "two samples of seeds")):
        row = next(one for one in found.rows if one.key.quantity == "test_accuracy")
        assert row.difference.method == method
        assert row.difference.interval.value == pytest.approx(0.0101)
    assert len(same.of("changed")) == 4
    assert len(same.of("identical")) == 4


def test_one_seed_has_no_noise_to_judge_by() -> None:
    rows = make_training(seeds=1)
    other = [replace(row, test_accuracy=row.test_accuracy / 2) for row in rows]
    found = compare_results(build_results(training=rows), build_results(training=other))
    assert outcomes(found)["not judged"] == 4
    assert all("seed" in row.note for row in found.of("not judged"))


def test_verdicts_that_changed_are_found_whatever_the_order() -> None:
    found = compare_results(
        build_results(checks=make_checks()), build_results(checks=make_checks(0)[::-1])
    )
    assert [pair.first.subject for pair in found.checks if pair.changed] == ["opzo"]
    assert "1 of 24 checks changed their verdict." in comparison_findings(found)


def test_what_one_folder_lacks_is_named() -> None:
    rows = make_measurements()
    found = compare_results(build_results(measurements=rows[1:]), build_results(measurements=rows))
    assert found.only_first == ()
    assert len(found.only_second) == 1
    assert rows[0].subject in found.only_second[0]


def test_several_seeds_are_compared_seed_by_seed() -> None:
    both = [*make_measurements(seed=1), *make_measurements(seed=2)]
    found = compare_results(build_results(measurements=both), build_results(measurements=both))
    assert len(found.rows) == len(both)
    assert not found.only_first


def test_other_seeds_are_said(full: Results) -> None:
    other = build_results(measurements=make_measurements(seed=8))
    assert any("seeds differ" in text for text in comparison_findings(compare_results(full, other)))


def test_settings_versions_and_commands_that_differ_are_listed(full: Results) -> None:
    other = build_results(cost=make_cost())
    other.manifest["versions"] = {"python": "3.12.0", "gradassay": "0.1.0"}
    other.manifest["command"] = "gradassay measure"
    changes = {name: (a, b) for name, a, b in compare_results(full, other).settings}
    assert changes == {
        "versions.python": ("3.11.7", "3.12.0"),
        "versions.numpy": ("2.3.1", "not there"),
        "command": (full.manifest["command"], "gradassay measure"),
    }
    assert setting_changes({"a": [1, 2]}, {"a": [1, 3]}) == [("a", "[1, 2]", "[1, 3]")]


def _level(row: Measurement) -> Measurement:
    return replace(row, level=0.99, high=row.high + 1)


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "unit": (lambda row: replace(row, unit="Hz"), "has unit '1' and 'Hz'"),
    "level": (_level, r"level 0\.95 and 0\.99|level 0\.99 and 0\.95"),
    "oracle": (
        lambda row: replace(row, oracle="other"),
        "is relative to 'surrogate_bp' and to 'other'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_compared_is_refused_in_one_line(name: str) -> None:
    change, words = REFUSED[name]
    rows = [row for row in make_measurements() if row.quantity == "squared_bias" and row.value > 0]
    one, two = (
        build_results(measurements=rows),
        build_results(measurements=[change(row) for row in rows]),
    )
    with pytest.raises(DataError, match=words) as caught:
        compare_results(one, two)
    assert "\n" not in str(caught.value)
    assert "expected the same" in str(caught.value)


def test_two_rows_of_the_same_are_refused() -> None:
    twice = build_results(cost=[make_cost()[0], make_cost()[0]])
    with pytest.raises(DataError, match="two rows of 'forward_passes of spatial_bp"):
        compare_results(twice, twice)


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0, math.nan])
def test_a_rate_that_is_none_is_refused(full: Results, rate: float) -> None:
    with pytest.raises(UsageError, match="false alarm rate: got"):
        compare_results(full, full, false_alarm_rate=rate)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_no_change_of_their_own(value: float) -> None:
    rows = [row for row in make_measurements() if row.low < row.high][:3]
    odd = [replace(rows[0], value=value, low=value, high=value), *rows[1:]]
    found = compare_results(build_results(measurements=rows), build_results(measurements=odd))
    assert outcomes(found)["changed"] == 0
    assert outcomes(found)["not judged"] == 1
