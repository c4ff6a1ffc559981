"""The verifier's own error rates: counted over suites, with an interval, and shown as a page."""

from __future__ import annotations

import dataclasses

import pytest

from gradassay.cli.main import main
from gradassay.core.records import CheckResult
from gradassay.verify import Settings
from gradassay.verify.error_rates import SuiteRun, false_alarm_rate, suite_runs
from gradassay.verify.faults import FAULTS

FAILED = CheckResult(
    "dfa", "fc-5", "unbiased", 2, "a claim", "FAIL", 0.3, 0.2, 0.4, 0.05, "hidden1", 4096, 7
)


def test_runs_take_names_in_turn_and_seeds_one_after_another() -> None:
    settings = Settings(seed=40, budget=4096)
    runs = list(suite_runs(3, settings=settings, names=("dfa", "bptt")))
    assert [(run.subject, run.seed) for run in runs] == [("dfa", 40), ("bptt", 41), ("dfa", 42)]
    assert all(run.checks > 20 and not run.false_alarms for run in runs)
    assert runs == list(suite_runs(3, settings=settings, names=("dfa", "bptt"), workers=2))


def test_rate_of_false_alarms_counts_suites_not_checks() -> None:
    right = SuiteRun("dfa", 0, (), 0, 40, 4, 100)
    wrong = dataclasses.replace(right, false_alarms=(FAILED, FAILED))
    interval = false_alarm_rate([right] * 97 + [wrong] * 3)
    assert interval.value == 0.03
    # Clopper and Pearson for 3 of 100
    assert interval.low == pytest.approx(0.00623, abs=1e-5)
    assert interval.high == pytest.approx(0.08518, abs=1e-5)


def test_self_test_prints_a_page_and_fails_if_a_fault_is_not_caught(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gradassay.verify.faults.FAULTS", FAULTS[:2])
    assert main(["verify", "--self-test", "--runs", "1"]) == 0
    page = capsys.readouterr().out
    assert "2 of 2 planted faults are caught" in page
    assert "0 of 1 suites on right estimators failed: 0.00%" in page
    elsewhere = dataclasses.replace(FAULTS[0], check="well_formed")
    monkeypatch.setattr("gradassay.verify.faults.FAULTS", (elsewhere,))
    assert main(["verify", "--self-test"]) == 1
    assert "**not caught** (well_formed)" in capsys.readouterr().out
