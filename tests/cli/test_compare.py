"""``gradassay compare`` and ``gradassay report --export`` on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gradassay.cli.main import main
from gradassay.core.records import CheckResult, CostRow, EpochRow
from gradassay.reports import write_results

ROWS = [
    EpochRow("opzo", "digits", seed, 1, 1.0, 0.8, 0.8 + 0.001 * seed, 1.0, 0.1)
    for seed in (0, 1, 2)
]
COST = CostRow("opzo", "digits", "forward_passes", 1.0, 1.0, 1.0, "passes")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Two results folders that differ in a cost and in the command."""
    changed = replace(COST, value=2.0, low=2.0, high=2.0)
    for name, cost in (("a", COST), ("b", changed)):
        write_results(
            tmp_path / name, training=ROWS, cost=[cost], manifest={"command": f"make {name}"}
        )
    return str(tmp_path / "a"), str(tmp_path / "b")


def test_compare_prints_what_changed_and_writes_every_form(
    folders: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html, markdown, plain = (tmp_path / f"c.{ending}" for ending in ("html", "md", "json"))
    assert main(["compare", *folders, "--page", str(html), "--json", str(plain)]) == 0
    printed = capsys.readouterr().out
    assert main(["compare", *folders, "--page", str(markdown)]) == 0
    assert "1 of 3 numbers changed" in printed
    assert "forward" in printed
    assert "command: make a -> make b" in printed
    assert "<!DOCTYPE html>" in html.read_text(encoding="utf-8")
    assert "forward passes" in markdown.read_text(encoding="utf-8")
    assert len(json.loads(plain.read_text())["rows"]) == 3


def test_a_verdict_that_changed_is_told_beside_numbers_that_did_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = CheckResult(
        "opzo", "fc-8", "identity", 0, "backends agree", "PASS", 0.0, 0.0, 0.0, 1e-9, "", 2, 7
    )
    failed = replace(check, verdict="FAIL", measured=0.5, low=0.5, high=0.5)
    for name, one in (("a", check), ("b", failed)):
        checks = [one, replace(check, check="support")]
        write_results(tmp_path / name, checks=checks, training=ROWS, manifest={"command": "make"})
    out = tmp_path / "c.html"
    folders = [str(tmp_path / name) for name in "ab"]
    assert main(["compare", *folders, "--page", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "PASS -> FAIL opzo: identity" in printed
    assert "opzo: support" not in printed
    assert "Verdicts changed, of 2." in out.read_text()
    assert main(["compare", folders[0], folders[0]]) == 0
    assert "->" not in capsys.readouterr().out


def test_a_comparison_is_replaced_only_when_asked(
    folders: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "c.md"
    out.write_text("mine")
    assert main(["compare", *folders, "--page", str(out)]) == 2
    assert out.read_text() == "mine"
    assert main(["compare", *folders, "--page", str(out), "--overwrite"]) == 0
    assert out.read_text() != "mine"
    assert "is there; expected a new file" in capsys.readouterr().err


def test_report_exports_the_forms_asked_for(
    folders: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "e"
    assert main(["report", folders[0], "--export", str(out), "--formats", "latex, json"]) == 0
    assert {path.name for path in out.iterdir()} == {"index.json", "results.json", "tables"}
    assert f"export: {out}" in capsys.readouterr().out
    assert not (Path(folders[0]) / "report.html").exists()


BAD = [
    (["compare", "{a}"], "SECOND"),
    (["compare", "{a}", "/no/such"], "/no/such"),
    (["compare", "{a}", "{b}", "--false-alarm-rate", "2"], "false alarm rate: got 2.0"),
    (["compare", "{a}", "{b}", "--page", "{a}/c.pdf"], "ends in .html or .md"),
    (["compare", "{a}", "{b}", "--json", "/proc/c.json"], "--json: cannot write"),
    (["report", "{a}", "--formats", "md"], "--formats: got no --export"),
    (["report", "{a}", "--overwrite"], "--overwrite: got neither --page nor --export"),
    (["report", "{a}", "--export", "{a}"], "no part of an export"),
    (["report", "{a}", "--export", "{a}/e", "--formats", "pdf"], "formats: got 'pdf'"),
    (
        ["report", "{a}", "--export", "{a}/e", "--page", "{a}/x.html"],
        "--page: got --export as well",
    ),
]


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_input_is_one_line_and_nothing_is_written(
    folders: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    places = {"a": folders[0], "b": folders[1]}
    before = sorted(Path(folders[0]).rglob("*"))
    assert main([word.format(**places) for word in words]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert message in printed
    assert len(printed.strip().splitlines()) == 1
    assert sorted(Path(folders[0]).rglob("*")) == before


def test_folders_of_another_schema_are_refused(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (Path(folders[1]) / "manifest.json").write_text('{"schema_version": 1}')
    assert main(["compare", *folders]) == 2
    assert "schema version 1; expected" in capsys.readouterr().err
