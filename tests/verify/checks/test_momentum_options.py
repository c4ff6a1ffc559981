"""Options of momentum feedback that change what is right: warm-up and freezing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from gradassay.core.backend import Backend
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.records import CheckResult
from gradassay.estimators import make_estimator
from gradassay.estimators.opzo import OPZO
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


@dataclass(frozen=True)
class Resting(OPZO):
    """Its count of updates begins far below 0, so that its weights rest."""

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        state = super().init(backend, network, key)
        return {**state, "updates": state["updates"] - 1000}


def test_a_mean_of_zero_has_no_direction_along_which_to_pass() -> None:
    resting = Resting(law="rademacher", pairing="none", warm_up=100)
    cases = planned_cases({"opzo": resting}, Settings(budget=4096), checks=("bounded_mean",))
    assert [result for found in run_cases(cases) for result in found] == []
    assert [result.verdict for result in results_of({}, "bounded_mean")] != []
