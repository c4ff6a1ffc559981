"""What a suite's results become: certificate, JUnit XML, expected failures, tests of others."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import msgspec
import pytest

from gradassay.core.arrays import Array
from gradassay.core.errors import DataError
from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.estimators import make_estimator
from gradassay.estimators.dfa import DFA
from gradassay.verify import Settings, failure_text, parametrize_with_checks
from gradassay.verify.certificate import (
    Certificate,
    certificate_schema,
    certify,
    estimator_digest,
    problem_digest,
    read_certificate,
    to_json,
)
from gradassay.verify.checks.case import Case
from gradassay.verify.checks.guard import failed
from gradassay.verify.expected import ExpectedFailure, read_expected, with_expected
from gradassay.verify.junit import junit_xml
from gradassay.verify.runner import run_cases
from gradassay.verify.suite import planned_cases

DOCS = Path(__file__).resolve().parents[2] / "docs"


@dataclass(frozen=True)
class Flipped(DFA):
    def top_down(self, *arguments: Any) -> Array:
        return -super().top_down(*arguments)


SUBJECTS = {"dfa": DFA(), "flipped": Flipped()}
SETTINGS = Settings(seed=5)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return planned_cases(SUBJECTS, SETTINGS, checks=("matches_oracle", "well_formed"))


@pytest.fixture(scope="module")
def results(cases: list[Case]) -> list[CheckResult]:
    return [result for found in run_cases(cases) for result in found]


def test_certificate_holds_everything_and_comes_back(
    cases: list[Case], results: list[CheckResult], tmp_path: Path
) -> None:
    certificate = certify(SUBJECTS, cases, results, SETTINGS)
    path = tmp_path / "certificate.json"
    path.write_text(to_json(certificate))
    assert read_certificate(path) == certificate
    assert [outcome.verdict for outcome in certificate.checks] == [r.verdict for r in results]
    assert {subject.name for subject in certificate.subjects} == set(SUBJECTS)
    assert len({subject.digest for subject in certificate.subjects}) == 2
    assert certificate.seed == 5
    assert {"gradassay", "numpy", "torch", "python"} <= set(certificate.versions)
    assert {one.name for one in certificate.problems} == {case.problem.name for case in cases}


def test_two_problems_of_one_name_are_both_in_a_certificate() -> None:
    subjects = {"spsa": make_estimator("spsa")}
    case = planned_cases(subjects, SETTINGS, checks=("enumerated_mean",))[0]
    doubled = dataclasses.replace(case.problem, params=case.problem.params.map(lambda a: 2 * a))
    cases = [case, dataclasses.replace(case, problem=doubled)]
    tested = {problem_digest(case.problem) for case in cases}
    assert len(tested) == 2
    certificate = certify(subjects, cases, [], SETTINGS)
    assert {one.digest for one in certificate.problems} == tested
    assert len(certificate.problems) == len(tested)


def test_numbers_that_are_not_finite_are_null_in_a_certificate(
    cases: list[Case], results: list[CheckResult]
) -> None:
    wrong = dataclasses.replace(results[0], measured=float("inf"), high=float("nan"))
    text = to_json(certify(SUBJECTS, cases, [wrong], SETTINGS))
    (check,) = json.loads(text)["checks"]
    assert check["measured"] is None
    assert check["high"] is None
    assert check["low"] == results[0].low


def test_outcome_of_a_certificate_has_the_fields_of_a_result() -> None:
    fields = {field.name for field in msgspec.structs.fields(Certificate)}
    assert "checks" in fields
    outcome = certificate_schema()["$defs"]["Outcome"]["properties"]
    assert set(outcome) == {field.name for field in dataclasses.fields(CheckResult)}


def test_the_documented_schema_is_that_of_the_code() -> None:
    assert json.loads((DOCS / "certificate.schema.json").read_text()) == certificate_schema()


def test_digests_change_with_options_code_weights_and_nothing_else(cases: list[Case]) -> None:
    assert estimator_digest(DFA()) == estimator_digest(DFA(gain=1.0))
    different = {estimator_digest(one) for one in (DFA(), DFA(gain=2.0), Flipped())}
    assert len(different) == 3
    problem = cases[0].problem
    moved = dataclasses.replace(problem, params=problem.params.map(lambda array: array + 1))
    assert problem_digest(problem) == problem_digest(dataclasses.replace(problem, name="other"))
    assert problem_digest(problem) != problem_digest(moved)


def test_a_plain_object_has_one_digest_from_run_to_run() -> None:
    class Plain:
        def __init__(self, gain: float) -> None:
            self.gain = gain

    one, same, other = (cast(Estimator, Plain(gain)) for gain in (1.0, 1.0, 2.0))
    assert estimator_digest(one) == estimator_digest(same)
    assert estimator_digest(one) != estimator_digest(other)
    certificate = certify({"plain": one}, [], [], SETTINGS)
    assert certificate.subjects[0].description == "Plain(gain=1.0)"


def test_junit_counts_what_failed_and_tells_why(results: list[CheckResult]) -> None:
    undecided = dataclasses.replace(results[0], verdict="INCONCLUSIVE", detail="more <replicates>")
    root = ElementTree.fromstring(junit_xml([*results, undecided]))
    counts = {suite.get("name"): suite for suite in root}
    assert counts["dfa"].get("failures") == "0"
    assert counts["dfa"].get("skipped") == "1"
    wrong = [result for result in results if result.verdict == "FAIL"]
    assert counts["flipped"].get("failures") == str(len(wrong))
    texts = [failure.text for failure in root.iter("failure")]
    assert texts == [failure_text(result) for result in wrong]


def test_expected_failures_are_marked_with_their_reason(
    results: list[CheckResult], tmp_path: Path
) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(
        '[[expected]]\nsubject = "flipped"\ncheck = "matches_oracle"\nreason = "sign convention"\n'
    )
    marked = with_expected(results, read_expected(path))
    assert {result.verdict for result in marked} == {"PASS", "XFAIL"}
    told = next(result for result in marked if result.verdict == "XFAIL")
    assert told.detail.startswith("expected: sign convention\n")


def test_an_expected_failure_that_does_not_come_is_a_failure(results: list[CheckResult]) -> None:
    stale = [
        ExpectedFailure("dfa", "matches_oracle", "was wrong once"),
        ExpectedFailure("dfa", "no_such_check", "renamed"),
        ExpectedFailure("not verified", "matches_oracle", "elsewhere"),
    ]
    added = with_expected(results, stale)[len(results) :]
    assert [result.verdict for result in added] == ["FAIL", "FAIL"]
    assert "it passes: take it off the list" in added[0].detail
    assert "no such check was made" in added[1].detail


def test_an_expected_failure_that_is_not_decided_is_a_failure_and_is_not_said_to_pass(
    results: list[CheckResult],
) -> None:
    undecided = dataclasses.replace(results[0], subject="new", verdict="INCONCLUSIVE")
    expected = [ExpectedFailure("new", undecided.check, "known")]
    kept, added = with_expected([undecided], expected)
    assert (kept, added.verdict) == (undecided, "FAIL")
    assert "it is not decided: raise the budget, or take it off the list" in added.detail


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("expected = 3", "expected tables"),
        ('[[expected]]\nsubject = "dfa"', "missing required field `check`"),
        ('[[expected]]\nsubject = "dfa"\ncheck = "x"\nreason = "y"\nwhy = 1', "unknown field"),
        ("[[", "expected tables"),
    ],
)
def test_a_malformed_file_of_expected_failures_is_refused(
    text: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_expected(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_expected(tmp_path / "none.toml")


def test_failure_text_is_short_and_can_be_followed(results: list[CheckResult]) -> None:
    wrong = next(result for result in results if result.verdict == "FAIL")
    lines = failure_text(wrong).splitlines()
    assert len(lines) <= 25
    assert lines[0].startswith("FAIL matches_oracle: flipped on fc-5")
    assert any('verify({"flipped": ...}, seed=5)' in line for line in lines)
    assert any("-1 times the expected one" in line for line in lines)


def test_a_failure_of_what_the_command_knows_is_reproduced_by_the_command(
    results: list[CheckResult],
) -> None:
    wrong = next(result for result in results if result.verdict == "FAIL")
    for subject, told in (("mine:Mine", "mine:Mine"), ("dfa+0.1*opzo", "'dfa+0.1*opzo'")):
        text = failure_text(dataclasses.replace(wrong, subject=subject))
        assert f"gradassay verify {told} --checks matches_oracle --seed 5" in text


def test_what_was_not_measured_is_told_without_numbers(cases: list[Case]) -> None:
    text = failure_text(failed(cases[0], "not done"))
    assert "measured     nothing\n" in text
    assert "inf" not in text
    assert "bound" not in text


@parametrize_with_checks([DFA()], settings=SETTINGS)
def test_all_checks_of_a_right_estimator_pass_as_tests(check: Any) -> None:
    check()


EXPECTED = [ExpectedFailure("dfa", "matches_oracle", "its sign is flipped")]


@parametrize_with_checks([Flipped()], settings=SETTINGS, expected=EXPECTED)
def test_expected_failures_of_a_faulty_estimator_are_strict(check: Any) -> None:
    if check.case.check.name in ("matches_oracle", "well_formed"):
        check()


def test_a_failing_check_raises_with_the_text() -> None:
    mark = parametrize_with_checks([Flipped()], settings=SETTINGS)
    (parameter, *_) = [p for p in mark.args[1] if "matches_oracle" in p.id]
    with pytest.raises(AssertionError, match="FAIL matches_oracle: dfa on fc-5"):
        parameter.values[0]()
