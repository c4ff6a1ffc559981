"""The verifier verified: planted faults that the named check must catch, and right methods."""

from __future__ import annotations

import dataclasses
import functools
import pickle

import pytest

from gradassay.core.records import CheckResult
from gradassay.estimators import make_estimator, zoo_names
from gradassay.verify.checks.case import Settings
from gradassay.verify.faults import ENDLESS, FAULTS, Fault
from gradassay.verify.faults.scale import ScaledSignal
from gradassay.verify.oracles.declared import as_declared
from gradassay.verify.runner import run_cases
from gradassay.verify.self_test import outcome
from gradassay.verify.suite import planned_cases, verify

KINDS = (
    "scale",
    "sign_and_order",
    "noise",
    "correlation",
    "time",
    "neuron",
    "feedback",
    "layers",
    "loss",
    "numerics",
    "behaviour",
    "constants",
)
# a right method need not be decided
SHORT = Settings(budget=8192)
SUMS = ("dfa+0.1*local_learning", "opzo+0.1*local_learning")

over_faults = pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])


@over_faults
def test_planted_fault_is_caught_by_the_named_check(fault: Fault) -> None:
    found = outcome(fault, Settings())
    assert found.caught
    assert found.caught_by == (fault.check,)
    assert found.detail


@over_faults
def test_right_method_with_the_same_options_is_not_failed_by_the_check_that_catches_the_fault(
    fault: Fault,
) -> None:
    right = as_declared(fault.estimator)
    assert type(right) is type(make_estimator(fault.base))
    failed = [r for r in results_of(pickle.dumps(right), fault.check) if r.verdict == "FAIL"]
    assert failed == []


@functools.cache
def results_of(pickled: bytes, check: str) -> tuple[CheckResult, ...]:
    """Return the results of one check of an estimator, found once for all faults of it."""
    cases = planned_cases({"right": pickle.loads(pickled)}, SHORT)
    named = [case for case in cases if case.check.name == check]
    return tuple(result for results in run_cases(named) for result in results)


def test_faults_cover_the_zoo_and_two_sums() -> None:
    assert {fault.base for fault in FAULTS} == {*zoo_names(), *SUMS}


def test_faults_have_a_name_of_their_own_and_the_kind_of_their_file() -> None:
    every = [*FAULTS, *ENDLESS]
    assert len({fault.name for fault in every}) == len(every)
    assert tuple(dict.fromkeys(fault.kind for fault in FAULTS)) == KINDS
    for fault in every:
        assert type(fault.estimator).__module__.endswith(f"faults.{fault.kind}")


def test_faults_are_frozen_and_can_be_sent_to_other_processes() -> None:
    for fault in (*FAULTS, *ENDLESS):
        assert pickle.loads(pickle.dumps(fault)) == fault
        assert dataclasses.is_dataclass(fault.estimator)
        with pytest.raises(dataclasses.FrozenInstanceError):
            fault.estimator.temporal = "spatial"


def test_endless_method_fails_at_the_time_limit_and_others_go_on() -> None:
    (fault,) = ENDLESS
    methods = {"endless": fault.estimator, "right": make_estimator(fault.base)}
    cases = planned_cases(methods, Settings(time_limit=2.0), checks=(fault.check,))
    few = [case for case in cases if case.problem == cases[0].problem]
    endless, right = [result for results in run_cases(few) for result in results]
    assert (endless.verdict, right.verdict) == ("FAIL", "PASS")
    assert "not done after 2 s" in endless.detail


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in (1, 2))]
)
def test_right_estimators_pass_every_check(seed: int) -> None:
    results = verify({name: make_estimator(name) for name in zoo_names()}, seed=seed)
    assert [r for r in results if r.verdict != "PASS"] == []
    checks = {(r.subject, r.check) for r in results}
    assert {subject for subject, _ in checks} == set(zoo_names())
    for name in zoo_names():
        assert (name, "backends_agree") in checks
    assert {("opzo", "enumerated_momentum"), ("zo_single_point", "enumerated_mean")} <= checks


def test_detail_of_a_failure_names_the_array_and_the_factor() -> None:
    subject = {"faulty": ScaledSignal(factor=-2.0)}
    cases = planned_cases(subject, Settings(), checks=("enumerated_mean",))
    results = [result for results in run_cases(cases) for result in results]
    failed = [result for result in results if result.verdict == "FAIL"]
    assert any("hidden" in r.detail and "-2 times the expected" in r.detail for r in failed)
