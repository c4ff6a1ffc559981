"""A real process that is interrupted, or killed, leaves what the same command can go on from."""

from __future__ import annotations

import functools
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from gradassay.cli.main import main
from gradassay.training import BatchReport, TrainingProgress

TRAIN = ["train", "--network", "fc-24", "--steps", "3", "--estimators", "opzo,dfa"]
SHORT = [*TRAIN, "--epochs", "10"]
LONG = [*TRAIN, "--epochs", "500"]
SUITE = ["verify", "opzo", "--suite", "full"]
# the command, once it has said that nothing is left to import
IMPORTED = """
import sys, gradassay.cli.verify
from gradassay.cli.main import main
print("imported", flush=True)
sys.exit(main())
"""


def started(
    arguments: list[str],
    limit: Callable[[], None] = lambda: None,
    program: tuple[str, ...] = ("-m", "gradassay"),
) -> subprocess.Popen[str]:
    def prepare() -> None:
        # a test run in a shell's background is told to ignore Ctrl-C, and would hand that on
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        limit()

    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ
        | {"OMP_NUM_THREADS": "1"},  # two would wait for each other on a busy machine
        preexec_fn=prepare,
    )


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def test_ctrl_c_while_modules_are_imported_leaves_no_files(tmp_path: Path) -> None:
    process = started([*SUITE, "--out", str(tmp_path / "out" / "r")])
    try:
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode != 0
    assert files_below(tmp_path) == []


def test_ctrl_c_in_a_suite_leaves_no_files(tmp_path: Path) -> None:
    process = started([*SUITE, "--out", str(tmp_path / "out" / "r")], program=("-c", IMPORTED))
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "imported\n"
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 130
    assert last_line(printed) == "error: interrupted; nothing was written."
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_told_to_stop_says_how_to_go_on(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "t"
    process = started([*LONG, "--out", str(out)])
    try:
        wait_for(lambda: rows_in(tmp_path / "t.run") > 2, process)
        process.send_signal(number)
        _, printed = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 130
    assert last_line(printed) == "error: interrupted; --resume goes on with it."
    assert not out.exists()
    assert list((tmp_path / "t.run" / "checkpoints").glob("*opzo*/checkpoint-*.safetensors"))


def test_a_signal_between_two_batches_still_makes_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counted: list[BatchReport] = []

    def on_batch(self: TrainingProgress, report: BatchReport) -> None:
        counted.append(report)
        if len(counted) == 1:  # the loop has asked whether a checkpoint is due, and goes on
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(TrainingProgress, "on_batch", on_batch)
    # what a training does not heed must neither end these tests nor be ignored
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        assert main([*SHORT, "--out", str(tmp_path / "t")]) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert last_line(capsys.readouterr().err) == "error: interrupted; --resume goes on with it."
    assert len(counted) == 2
    assert list((tmp_path / "t.run" / "checkpoints").glob("*opzo*/checkpoint-*.safetensors"))


def rows_in(folder: Path) -> int:
    metrics = folder / "metrics.jsonl"
    return len(metrics.read_text().splitlines()) if metrics.exists() else 0


def wait_for(condition: object, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 180
    while not condition():  # type: ignore[operator]
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_was_begun_is_neither_lost_nor_mixed(tmp_path: Path) -> None:
    out = tmp_path / "t"
    process = started([*LONG, "--checkpoint-every", "0", "--out", str(out)])
    wait_for(lambda: rows_in(tmp_path / "t.run") > 0, process)
    second = started([*LONG, "--resume", "--out", str(out)])
    _, printed = second.communicate(timeout=180)
    assert second.returncode == 2
    assert "another process trains in it" in printed
    process.kill()
    process.communicate()
    for extra, message in [
        ([], "holds a training that was begun; go on with it with --resume"),
        (["--resume", "--gain", "3"], "is of another run, gain: got 3.0, there 2.0"),
        (["--resume", "--overwrite"], "got both"),
    ]:
        refused = started([*LONG, *extra, "--out", str(out)])
        _, printed = refused.communicate(timeout=180)
        assert refused.returncode == 2
        assert message in " ".join(printed.split())
    assert rows_in(tmp_path / "t.run") > 0
    anew = started([*SHORT, "--gain", "3", "--overwrite", "--out", str(out)])
    _, printed = anew.communicate(timeout=180)
    assert anew.returncode == 0, printed


def trained_undisturbed(out: Path) -> pd.DataFrame:
    process = started([*SHORT, "--out", str(out)])
    _, printed = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    return pd.read_parquet(out / "training.parquet").drop(columns="seconds")


def trained_with_kills(out: Path, kills: int, longest_s: float, seed: int) -> int:
    """Train, killed at random moments; return how many of the kills hit a process."""
    moments = random.Random(seed)
    hits = 0
    for _ in range(kills):  # the first second and a half is Python's start
        process = started([*SHORT, "--checkpoint-every", "0", "--resume", "--out", str(out)])
        try:
            process.communicate(timeout=moments.uniform(1.5, longest_s))
            break  # it ended first
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            hits += 1
    process = started([*SHORT, "--checkpoint-every", "0", "--resume", "--out", str(out)])
    _, printed = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    return hits


def require_equal_to(expected: pd.DataFrame, out: Path) -> None:
    found = pd.read_parquet(out / "training.parquet").drop(columns="seconds")
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert rows_in(out.with_name(f"{out.name}.run")) == len(expected)
    assert not [path for path in files_below(out.parent) if path.name.endswith(".partial")]


def full_disk(most_bytes: int) -> None:
    """Let no file of this process grow beyond, as a full disk would."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))


def test_a_full_disk_is_one_line_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # coverage would measure the process too, and print that it cannot write what it found
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    out = tmp_path / "t"
    words = [*SHORT, "--checkpoint-every", "0", "--resume", "--out", str(out)]
    process = started(words, functools.partial(full_disk, 5000))
    _, printed = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "error: checkpoint: cannot write" in printed
    assert "File too large); there is none yet. Mend that and resume." in " ".join(printed.split())
    assert "Traceback" not in printed
    assert files_below(tmp_path) == []


def test_killed_trainings_end_in_the_same_numbers(tmp_path: Path) -> None:
    expected = trained_undisturbed(tmp_path / "whole")
    hits = trained_with_kills(tmp_path / "killed", kills=2, longest_s=5.0, seed=0)
    require_equal_to(expected, tmp_path / "killed")
    assert hits > 0


@pytest.mark.campaign
def test_fifty_kills_at_random_moments(tmp_path: Path) -> None:
    expected = trained_undisturbed(tmp_path / "whole")
    hits, runs = 0, 0
    while hits < 50:
        out = tmp_path / f"killed{runs}"
        hits += trained_with_kills(out, kills=5, longest_s=6.0, seed=runs)
        require_equal_to(expected, out)
        runs += 1
    assert hits >= 50
    print(f"{hits} kills in {runs} trainings, all equal to the undisturbed one")
