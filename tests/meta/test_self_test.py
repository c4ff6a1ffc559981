"""Outcomes of the verifier's own test, and its report."""

from __future__ import annotations

import dataclasses

import pytest

from gradassay.core.errors import UsageError
from gradassay.estimators import make_estimator
from gradassay.verify.checks.case import Settings
from gradassay.verify.faults import FAULTS, Fault
from gradassay.verify.self_test import (
    FaultOutcome,
    KillRate,
    kill_rates,
    outcome,
    run_self_test,
    self_test_markdown,
)

FEW = [fault for fault in FAULTS if fault.check == "passes_as_claimed"]
RIGHT = Fault("none", "none", make_estimator("dfa"), "passes_as_claimed", "dfa")


def test_outcomes_do_not_depend_on_the_number_of_workers() -> None:
    assert list(run_self_test(FEW, workers=2)) == list(run_self_test(FEW))


def test_time_is_not_part_of_equality() -> None:
    found = outcome(FEW[0], Settings())
    assert dataclasses.replace(found, seconds=found.seconds + 1) == found


def test_right_method_is_not_caught() -> None:
    found = outcome(RIGHT, Settings(), thorough=False)
    assert (found.caught, found.caught_by, found.evaluations) == (False, (), 0)


def test_thorough_outcome_lists_all_checks_that_fail() -> None:
    flipped = next(fault for fault in FAULTS if fault.name == "flipped feedback")
    found = outcome(flipped, Settings(), thorough=True)
    assert found.caught_by == ("feeds_back_its_matrices", "matches_oracle")


def test_no_workers_are_refused() -> None:
    with pytest.raises(UsageError, match="workers: got 0; expected at least 1"):
        list(run_self_test(FEW, workers=0))


def test_report_counts_what_was_caught_and_names_what_was_not() -> None:
    outcomes = [
        _outcome("1/alpha missing", "scale", True),
        _outcome("psi missing", "neuron", False),
    ]
    assert kill_rates(outcomes) == [KillRate("scale", 1, 1), KillRate("neuron", 0, 1)]
    text = self_test_markdown(outcomes)
    assert text.startswith("1 of 2 planted faults are caught by the check that must catch them.")
    assert "| neuron | 0 | 1 |" in text
    assert "| 1/alpha missing | `opzo` | enumerated_mean | 128 | 0.5 |" in text
    assert "| psi missing | `opzo` | **not caught** (enumerated_mean) | 0 | 0.5 |" in text


def _outcome(name: str, kind: str, caught: bool) -> FaultOutcome:
    by = ("enumerated_mean",) if caught else ()
    evaluations = 128 if caught else 0
    return FaultOutcome(name, kind, "opzo", "enumerated_mean", caught, by, evaluations, "", 0.5)
