"""The examples run, and the README shows what they print."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from gradassay.cli.zoo_table import zoo_markdown
from gradassay.estimators import make_estimator
from gradassay.verify import verify

ROOT = Path(__file__).resolve().parents[2]


def output_of(name: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_forgotten_scale_is_caught_and_its_factor_named() -> None:
    printed = output_of("forgotten_scale.py")
    assert printed.startswith("FAIL enumerated_mean: forgotten_scale")
    assert "0.2 times the expected one" in printed


def test_the_readme_shows_the_example_and_its_output() -> None:
    readme = (ROOT / "README.md").read_text()
    code = (ROOT / "examples" / "forgotten_scale.py").read_text().split('"""\n\n', 1)[1]
    assert code.strip() in readme
    assert output_of("forgotten_scale.py").strip() in readme


def test_a_new_estimator_takes_less_than_30_lines_and_passes_its_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len((ROOT / "examples" / "new_estimator.py").read_text().splitlines()) < 30
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    estimator = make_estimator("new_estimator:SparseDFA")
    results = verify({"sparse_dfa": estimator}, seed=0)
    assert {result.verdict for result in results} == {"PASS"}
    checks = {result.check for result in results}
    assert {"feeds_back_its_matrices", "backends_agree", "passes_as_claimed"} <= checks


def test_numbers_of_the_readme_are_those_of_the_committed_results() -> None:
    renewed = runpy.run_path(str(ROOT / "docs" / "readme_numbers.py"))["renewed"]
    readme = (ROOT / "README.md").read_text()
    assert renewed(readme) == readme
    assert renewed(readme.replace("BP 9", "BP 8")) == readme != readme.replace("BP 9", "BP 8")
    with pytest.raises(ValueError, match=r"README\.md: no place for speed\."):
        renewed("")


def test_the_readme_shows_the_zoos_table() -> None:
    assert zoo_markdown().strip() in (ROOT / "README.md").read_text()
