"""``gradassay crosscheck``: examples pass, bad input is one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gradassay.cli.main import main

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))


def test_the_examples_agree_with_the_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "outcome.json"
    assert main(["crosscheck", "my_neuron:Mine", "my_simulator:Simulator", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "PASS mine: bptt_agrees on random, leak 0.5" in printed
    checks = json.loads(out.read_text())["checks"]
    assert {check["verdict"] for check in checks} == {"PASS"}
    assert {check["subject"] for check in checks} == {"mine", "my simulator"}


def test_default_mode_reports_conventions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crosscheck", "my_neuron:Mine", "--mode", "default"]) == 0
    printed = capsys.readouterr().out
    assert "u >= V" in printed
    assert "gradient through" in printed


def test_the_page_holds_what_was_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert main(["crosscheck", "my_neuron:Mine", "--page", str(page)]) == 0
    text = page.read_text()
    assert re.search(r"\| mine \| (\d+) of \1 \| 0 \|", text)
    assert "| a neuron spikes where | u >= V | u >= V |" in text
    assert "membrane potential handed out | before the reset | **after the reset** |" not in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["snntorhc"], "implementation: got 'snntorhc'; expected one of norse"),
        (["my_neuron:torch"], "module without name, profile, run"),
        (["my_neuron:Missing"], "cannot be loaded"),
        (["my_neuron:Mine", "--json", "/no/such/file"], "whose folder does not exist"),
        (["my_neuron:Mine", "--json", "/"], "'/' is there; expected a new file"),
        (["my_neuron:Mine", "--mode", "exact"], "mode"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crosscheck", *words]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed
