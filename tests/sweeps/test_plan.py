"""A plan in words: units that fit, and nothing said of what is not known."""

from __future__ import annotations

import pytest

from gradassay.sweeps.plan import Plan, lines_of


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (59.0, "59 s"),
        (119.0, "119 s"),
        (120.0, "2 min"),
        (7200.0, "2 h"),
        (200000.0, "2.31 d"),
    ],
)
def test_times_are_told_in_the_largest_unit_that_they_fill_twice(seconds: float, told: str) -> None:
    plan = Plan(2, 0, 0, 5e6, (seconds,) * 3, "a calibration of 1 cells")
    assert f"5 M operations; {told} ({told} to {told}) with 1 worker," in lines_of(plan, "s", 1)[1]


@pytest.mark.parametrize(("operations", "told"), [(999.0, "999"), (2e12, "2 T"), (3e15, "3 P")])
def test_operations_without_any_time_seen_are_told_alone(operations: float, told: str) -> None:
    assert lines_of(Plan(1, 0, 0, operations), "s", 1)[1] == f"predicted: {told} operations"


def test_of_a_cluster_the_time_of_one_worker_is_told() -> None:
    plan = Plan(2, 1, 0, 1e6, (1.0, 2.0, 3.0), "1 finished cells")
    assert "2 s (1 s to 3 s) on one worker of tcp://a:1," in lines_of(plan, "s", "tcp://a:1")[1]


def test_a_finished_sweep_has_nothing_to_predict_and_tells_of_other_cells() -> None:
    (line,) = lines_of(Plan(3, 3, 1200, 0.0), "s", 1)
    assert line.endswith("0 to do, in s (1,200 cells of other grids are left alone)")
