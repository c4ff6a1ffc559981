"""The estimator on the page of the first hour passes its exact checks."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from gradassay.verify.checks.case import Settings
from gradassay.verify.runner import run_cases
from gradassay.verify.suite import planned_cases

PAGE = Path(__file__).resolve().parents[2] / "docs" / "first_hour.md"
CHECKS = ("well_formed", "backends_agree", "folded_equals_looped", "enumerated_mean")


def test_the_estimator_on_the_page_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code, *_) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "leave_one_out_of_the_page.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    estimator = importlib.import_module("leave_one_out_of_the_page").LeaveOneOut()
    cases = planned_cases({"loo": estimator}, Settings(), checks=CHECKS)
    results = [result for found in run_cases(cases) for result in found]
    assert {result.check for result in results} == set(CHECKS)
    assert {result.verdict for result in results} == {"PASS"}
