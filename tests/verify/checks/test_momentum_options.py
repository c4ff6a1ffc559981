"""Options of momentum feedback that change what is right: warm-up and freezing."""

from __future__ import annotations

from typing import Any

import pytest

from gradassay.core.records import CheckResult
from gradassay.estimators import make_estimator
from gradassay.verify import Settings
from gradassay.verify.runner import run_cases
from gradassay.verify.suite import planned_cases

EXACT = ("enumerated_feedback", "enumerated_momentum", "learns_as_claimed")


def results_of(options: dict[str, Any], *checks: str) -> list[CheckResult]:
    subject = make_estimator("opzo", **options)
    cases = planned_cases({"opzo": subject}, Settings(budget=4096), checks=checks)
    return [result for found in run_cases(cases) for result in found]


@pytest.mark.parametrize("options", [{"warm_up": 100}, {"freeze_after": 1}, {"freeze_after": 100}])
def test_opzo_passes_exact_checks_before_it_is_warm_and_after_it_is_frozen(
    options: dict[str, Any],
) -> None:
    results = results_of(options, *EXACT)
    assert {result.check for result in results} == set(EXACT)
    assert [r.detail for r in results if r.verdict != "PASS"] == []


def test_a_mean_of_zero_has_no_direction_along_which_to_pass() -> None:
    assert results_of({"warm_up": 100}, "bounded_mean") == []
    assert [result.verdict for result in results_of({}, "bounded_mean")] != []
