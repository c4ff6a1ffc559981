"""Whatever a third party's estimator does becomes a result that names it; the rest goes on."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gradassay.core.claims import Claim, Estimand, MomentumFeedback, UnbiasedFor
from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.core.estimator import Estimate
from gradassay.core.params import Params
from gradassay.core.records import CheckResult
from gradassay.estimators import make_estimator
from gradassay.estimators.dfa import DFA
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.verify import Settings, check_estimator, runner, verify
from gradassay.verify.certificate import problem_digest
from gradassay.verify.checks.case import cached_problems
from gradassay.verify.checks.guard import CLOCK, OutOfTimeError, _time_limit
from gradassay.verify.faults.behaviour import ChangesParameters
from gradassay.verify.faults.numerics import InputsScaledInPlace
from gradassay.verify.oracles.small_problems import agreement_problems
from gradassay.verify.runner import run_cases
from gradassay.verify.suite import planned_cases


@dataclass(frozen=True)
class Raises(DFA):
    def estimate(self, *arguments: Any, **options: Any) -> Estimate:
        raise KeyError("lif7")


@dataclass(frozen=True)
class Exits(DFA):
    def estimate(self, *arguments: Any, **options: Any) -> Estimate:
        raise SystemExit(7)


@dataclass(frozen=True)
class NeverEnds(DFA):
    def estimate(self, *arguments: Any, **options: Any) -> Estimate:
        while True:
            try:
                sum(range(100))
            except Exception:
                continue


@dataclass(frozen=True)
class Dies(DFA):
    def estimate(self, *arguments: Any, **options: Any) -> Estimate:
        os._exit(3)


@dataclass(frozen=True)
class Altered(SpatialBP):
    how: str = "nan"

    def estimate(self, *arguments: Any, **options: Any) -> Estimate:
        right = super().estimate(*arguments, **options)
        gradient = dict(right.gradient)
        first = next(iter(gradient))
        if self.how == "nan":
            gradient[first] = gradient[first] * float("nan")
        elif self.how == "shape":
            gradient[first] = gradient[first][..., None, :]
        else:
            del gradient[first]
        return Estimate(Params(gradient), right.state, right.trace)


@dataclass(frozen=True)
class ClaimsFail(DFA):
    @property
    def claims(self) -> tuple[Claim, ...]:
        raise RuntimeError("no claims today")


@dataclass(frozen=True)
class ClaimsMomentumWithoutAny(SpatialBP):
    @property
    def claims(self) -> tuple[Claim, ...]:
        return (MomentumFeedback(0.9, "before"), *super().claims)


@dataclass(frozen=True)
class ClaimsTheUnknown(DFA):
    @property
    def claims(self) -> tuple[Claim, ...]:
        return (UnbiasedFor(Estimand("wisdom")),)


def failures(results: list[CheckResult]) -> list[CheckResult]:
    return [result for result in results if result.verdict == "FAIL"]


def test_an_estimator_that_raises_fails_every_check_and_is_named_with_the_line() -> None:
    results = check_estimator(Raises())
    assert {result.verdict for result in results} == {"FAIL"}
    for result in results:
        assert result.detail.startswith("raised KeyError: 'lif7' in estimate (test_robustness.py")


def test_an_estimator_that_exits_does_not_end_the_process() -> None:
    assert {result.verdict for result in check_estimator(Exits())} == {"FAIL"}


def test_an_estimator_that_never_ends_fails_and_the_next_one_is_verified() -> None:
    settings = Settings(time_limit=0.05)
    cases = planned_cases({"endless": NeverEnds()}, settings, checks=("well_formed",))
    (result, *_) = next(run_cases(cases))
    assert result.verdict == "FAIL"
    told = "not done after 0.05 s of processor time, or 0.25 s by the clock"
    assert result.detail == f"{told}; --time-limit allows more"
    assert failures(check_estimator(make_estimator("dfa"))) == []


def test_waiting_is_no_work_and_ends_by_the_clock() -> None:
    began = time.monotonic()
    with _time_limit(0.2):
        time.sleep(0.5)  # as on a machine that does other work
    with pytest.raises(OutOfTimeError), _time_limit(0.1):
        time.sleep(20)
    assert 0.5 + CLOCK * 0.1 <= time.monotonic() - began < 20


def test_a_process_that_dies_fails_its_case_and_the_others_go_on() -> None:
    settings = Settings()
    cases = planned_cases({"dies": Dies()}, settings, checks=("well_formed",))[:1]
    cases += planned_cases({"dfa": DFA()}, settings, checks=("well_formed",))[:2]
    first, *others = list(run_cases(cases, workers=2))
    assert "the process died" in first[0].detail
    assert [[result.verdict for result in found] for found in others] == [["PASS"], ["PASS"]]


def test_a_process_that_dies_while_cases_are_sent_fails_none_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(ProcessPoolExecutor):
        def submit(self, *given: Any, **named: Any) -> Any:
            if not sent:
                sent.append(given)
                raise BrokenProcessPool("a process died")
            return super().submit(*given, **named)

    sent: list[Any] = []
    monkeypatch.setattr(runner, "ProcessPoolExecutor", Broken)
    cases = planned_cases({"dfa": DFA()}, Settings(), checks=("well_formed",))[:2]
    verdicts = [[r.verdict for r in found] for found in run_cases(cases, workers=2)]
    assert verdicts == [["PASS"], ["PASS"]]


@pytest.mark.parametrize("subject", [ChangesParameters(), InputsScaledInPlace()])
def test_what_an_estimator_changes_in_place_is_changed_for_no_other_case(subject: Any) -> None:
    before = [problem_digest(one) for one in cached_problems(agreement_problems, 0)]
    checks = ("same_key_same_bits", "backends_agree")
    cases = planned_cases({"subject": subject}, Settings(), checks=checks)
    results = [result for found in run_cases(cases) for result in found]
    assert failures(results)
    assert [problem_digest(one) for one in cached_problems(agreement_problems, 0)] == before


@dataclass(frozen=True)
class LabelsFromOne(DFA):
    """Labels beyond the first are set to 1, in the caller's memory, before they are used."""

    def estimate(self, *given: Any, **options: Any) -> Estimate:
        targets = given[3].targets
        targets[...] = np.minimum(targets, 1)
        return super().estimate(*given, **options)


def test_labels_that_are_changed_in_place_are_found() -> None:
    cases = planned_cases({"labels": LabelsFromOne()}, Settings(), checks=("same_key_same_bits",))
    results = [result for found in run_cases(cases) for result in found]
    assert any("given targets" in result.detail for result in failures(results))


@pytest.mark.parametrize(
    ("how", "words"),
    [("nan", "are not finite"), ("shape", "expected (2,"), ("missing", "missing")],
)
def test_a_malformed_gradient_is_described(how: str, words: str) -> None:
    results = check_estimator(Altered(how=how))
    wrong = [result for result in failures(results) if result.check == "well_formed"]
    assert wrong
    assert all(words in result.detail for result in wrong)
    assert any(result.check == "matches_oracle" for result in failures(results))


def test_claims_that_cannot_be_read_fail_a_check_by_name() -> None:
    results = check_estimator(ClaimsFail())
    assert {r.check for r in failures(results)} == {"well_formed"}
    assert "no claims today" in failures(results)[0].detail


def test_a_claim_that_is_not_implemented_fails_its_check_and_the_others_go_on() -> None:
    @dataclass(frozen=True)
    class Noisy(ClaimsMomentumWithoutAny):
        law: str = "rademacher"

        @property
        def noise(self) -> Any:
            return make_estimator("opzo", law="rademacher", pairing="none").noise

    results = check_estimator(Noisy())
    assert "enumerated_momentum" in {result.check for result in failures(results)}
    assert "PASS" in {r.verdict for r in results if r.check == "backends_agree"}


def test_an_estimand_without_an_oracle_is_inconclusive_not_silent() -> None:
    undecided = [r for r in check_estimator(ClaimsTheUnknown()) if r.verdict != "PASS"]
    assert [(r.check, r.verdict) for r in undecided] == [("claim_is_tested", "INCONCLUSIVE")]
    assert "wisdom" in undecided[0].detail


def test_an_estimator_that_cannot_be_sent_to_a_process_is_refused_in_one_line() -> None:
    @dataclass(frozen=True)
    class Local(DFA):
        pass

    with pytest.raises(UsageError, match="'local' cannot be sent to another process"):
        verify({"local": Local()}, workers=2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"margin": 0.0}, "margin: got 0.0"),
        ({"false_alarm_rate": 1.5}, "false alarm rate: got 1.5"),
        ({"budget": 0}, "budget: got 0"),
        ({"time_limit": -1.0}, "time limit: got -1.0"),
    ],
)
def test_impossible_settings_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Settings(**options)


def test_unknown_suite_check_and_number_of_workers_are_refused() -> None:
    estimators = {"dfa": DFA()}
    with pytest.raises(UsageError, match="suite: got 'quik'"):
        verify(estimators, suite="quik")
    with pytest.raises(UsageError, match="check: got 'unbiassed'"):
        planned_cases(estimators, Settings(), checks=("unbiassed",))
    with pytest.raises(UsageError, match="workers: got 0"):
        verify(estimators, workers=0)


def test_results_are_the_same_bits_for_one_and_two_workers() -> None:
    estimators = {name: make_estimator(name) for name in ("zo_two_point", "dfa")}
    settings = Settings(budget=8192)
    alone = verify(estimators, settings=settings)
    assert alone == verify(estimators, settings=settings, workers=2)
    assert {result.level for result in alone} == {0, 1, 2}
    assert np.isfinite([result.measured for result in alone]).all()
