"""The gate over the history, from asv's files to the exit code."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gradassay.bench import history

machines = pytest.importorskip("asv.machine")
results = pytest.importorskip("asv.results")
runner = pytest.importorskip("asv.runner")
Write = Callable[[str, dict[str, list[float | None]]], None]
WORDS = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two commits of a repository that asv measures, which the tests run in."""
    monkeypatch.chdir(tmp_path)
    config = {"version": 1, "project": "p", "repo": ".", "results_dir": "measured"}
    Path("asv.conf.json").write_text(json.dumps(config))
    found = []
    subprocess.run([*WORDS, "init", "-q"], check=True)
    for number in (1, 2):
        words = [*WORDS, "commit", "-q", "--allow-empty", "-m", str(number)]
        subprocess.run(words, check=True)
        told = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
        found.append(told.stdout.strip())
    return found[0], found[1]


@pytest.fixture
def write(commits: tuple[str, str]) -> Write:
    """Write the values of benchmarks, one of each network, as asv keeps them of a commit."""
    machine = machines.Machine.get_unique_machine_name()
    folder = Path("measured") / machine
    folder.mkdir(parents=True)
    (folder / "machine.json").write_text(json.dumps({"machine": machine, "version": 1}))

    def of_commit(commit: str, values: dict[str, list[float | None]]) -> None:
        made = results.Results({"machine": machine}, {}, commit, 0, "3.11", "virtualenv", {})
        for name, numbers in values.items():
            benchmark = {"name": name, "version": "1", "params": [["'fc'", "'conv'"]]}
            none = [None] * len(numbers)
            result = runner.BenchmarkResult(numbers, none, none, 0, "", None)
            made.add_result(benchmark, result, started_at=datetime.now(UTC))
        made.save("measured")

    return of_commit


def ratio(name: str, *numbers: float | None) -> dict[str, list[float | None]]:
    """Values of a ratio with ends 0.01 beside it."""
    ends = {"_low": -0.01, "_high": 0.01}
    beside = {
        f"{name}{end}": [None if number is None else number + by for number in numbers]
        for end, by in ends.items()
    }
    return {name: list(numbers), **beside}


def test_each_ratio_of_two_commits_has_a_verdict(
    commits: tuple[str, str], write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(commits[0], ratio("ratios.step", 1.3, 2.0) | {"time_alone": [1.0, 1.0]})
    write(commits[1], ratio("ratios.step", 1.6, 1.5) | {"time_alone": [9.0, 9.0]})
    assert history.main(["HEAD~1", "HEAD"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "better 2 [ 1.99, 2.01] -> 1.5 [ 1.49, 1.51] ratios.step conv",
        "regressed 1.3 [ 1.29, 1.31] -> 1.6 [ 1.59, 1.61] ratios.step fc",
        "regressed: 1; better: 1; noise: 0; the same: 0; measured nothing: 0",
    ]


def test_what_has_no_figure_in_a_commit_was_not_measured(
    commits: tuple[str, str], write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(commits[0], ratio("ratios.step", 1.3, 2.0))
    write(commits[1], ratio("ratios.step", 1.3, None))
    assert history.main(list(commits)) == 3
    told = capsys.readouterr().out
    assert "no figure" in told
    assert "the same: 1; measured nothing: 1" in told


def test_a_commit_that_asv_did_not_see_has_no_ratios(
    commits: tuple[str, str], write: Write
) -> None:
    write(commits[0], ratio("ratios.step", 1.3, math.nan))
    machine = machines.Machine.get_unique_machine_name()
    assert history.ratios("measured", machine, commits[1]) == {}
    found = history.ratios("measured", machine, commits[0])
    assert found["ratios.step", "fc"] == pytest.approx((1.3, 1.29, 1.31))
    assert math.isnan(found["ratios.step", "conv"].value)


@pytest.mark.parametrize(
    ("words", "message"),
    [([], "usage: "), (["HEAD"], "usage: "), (["HEAD", "nosuch"], "expected two commits")],
)
def test_wrong_commits_are_one_line(
    words: list[str],
    message: str,
    commits: tuple[str, str],
    write: Write,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(commits[1], ratio("ratios.step", 1.3, 2.0))
    assert history.main(words) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
