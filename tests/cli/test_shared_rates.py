"""Methods whose learning rate nobody chose are named before they train."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradassay.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--network", "fc-4", "--steps", "2", "--epochs", "1", "--train-samples", "64"]
OWN = "new_estimator:SparseDFA"
NOTE = f"{OWN}: learning rate 0.1, that of backpropagation on this data set"


@pytest.mark.parametrize(
    ("command", "options", "times"),
    [
        ("train", [], 1),
        ("train", ["--learning-rate", "0.1"], 0),
        ("bench-train", ["--datasets", "digits", "--seeds", "0,1"], 1),
    ],
)
def test_a_method_outside_the_zoo_is_named_once_unless_its_rate_is_given(
    command: str,
    options: list[str],
    times: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    out = ["--out", str(tmp_path / "out")]
    assert main([command, *SMALL, "--estimators", f"dfa,{OWN}", *options, *out]) == 0
    told = capsys.readouterr().err
    assert told.count(NOTE) == times
    assert told.count("that of backpropagation") == times
