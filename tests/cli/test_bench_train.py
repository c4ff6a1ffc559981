"""A matrix of trainings: every cell once, in one table, and gone on with after a kill."""

from __future__ import annotations

import functools
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from gradassay.cli.main import main

MATRIX = ["bench-train", "--datasets", "digits", "--estimators", "opzo,dfa", "--network", "fc-16"]
QUICK = [*MATRIX, "--steps", "2", "--epochs", "2", "--train-samples", "96"]


def training(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "training.parquet")


def test_every_cell_is_trained_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--seeds", "3,5", "--out", str(tmp_path / "m")]) == 0
    rows = training(tmp_path / "m")
    cells = list(zip(rows["subject"], rows["seed"], rows["epoch"], strict=True))
    assert len(cells) == len(set(cells)) == 2 * 2 * 2
    assert "| opzo |" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "m" / "accuracy.csv")["seeds"].tolist() == ["3 5", "3 5"]


def test_a_cell_is_the_single_training_of_its_seed(tmp_path: Path) -> None:
    assert main([*QUICK, "--seeds", "3,5", "--out", str(tmp_path / "m")]) == 0
    single = ["train", *QUICK[3:], "--seed", "5", "--out", str(tmp_path / "t")]
    assert main(single) == 0
    cell = training(tmp_path / "m").query("seed == 5").reset_index(drop=True)
    alone = training(tmp_path / "t")
    pd.testing.assert_frame_equal(
        cell.drop(columns="seconds"), alone.drop(columns="seconds"), check_exact=True
    )


def test_more_seeds_are_added_without_training_again(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "m")]
    assert main([*QUICK, "--seeds", "0", *out]) == 0
    before = training(tmp_path / "m")
    assert main([*QUICK, "--seeds", "0,1", "--resume", *out]) == 0
    after = training(tmp_path / "m")
    assert len(after) == 2 * len(before)
    again = after.query("seed == 0").reset_index(drop=True)
    pd.testing.assert_frame_equal(again, before)  # the seconds too: nothing ran twice


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "1,x"], "--seeds: got '1,x'; expected whole numbers"),
        (["--datasets", ","], "--datasets: got ','; expected names"),
        (["--datasets", "digits,digit"], "dataset: got 'digit'"),
        (["--estimators", "opzoo"], "Did you mean 'opzo'?"),
    ],
)
def test_what_is_impossible_is_said_before_any_training(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = dict(zip(QUICK[1::2], QUICK[2::2], strict=True)) | dict([arguments])
    command = ["bench-train", *(word for pair in given.items() for word in pair)]
    assert main([*command, "--out", str(tmp_path / "m")]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def killed(out: Path, kills: int, seed: int) -> int:
    """Run the matrix, killed at random moments; return how many of the kills hit a process."""
    command = [sys.executable, "-m", "gradassay", *MATRIX, "--epochs", "6", "--seeds", "0,1"]
    command += ["--checkpoint-every", "0", "--resume", "--out", str(out)]
    moments, hits = random.Random(seed), 0
    for number in range(kills + 1):
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        try:
            timeout = moments.uniform(1.5, 6.0) if number < kills else 300
            _, printed = process.communicate(timeout=timeout)
            assert process.returncode == 0, printed
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            hits += 1
    return hits


def require_same(out: Path, whole: Path) -> None:
    pd.testing.assert_frame_equal(
        training(out).drop(columns="seconds"),
        training(whole).drop(columns="seconds"),
        check_exact=True,
    )
    for name in ("accuracy.csv", "accuracy.md", "differences.csv"):
        assert (out / name).read_text() == (whole / name).read_text()


def test_a_killed_matrix_ends_in_the_same_table(tmp_path: Path) -> None:
    assert killed(tmp_path / "whole", kills=0, seed=0) == 0
    assert killed(tmp_path / "killed", kills=2, seed=1) > 0
    require_same(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.campaign
def test_fifty_kills_of_a_matrix(tmp_path: Path) -> None:
    assert killed(tmp_path / "whole", kills=0, seed=0) == 0
    hits, runs = 0, 0
    while hits < 50:
        out = tmp_path / f"killed{runs}"
        hits += killed(out, kills=6, seed=runs)
        require_same(out, tmp_path / "whole")
        runs += 1
    assert hits >= 50
    print(f"{hits} kills in {runs} matrices, all equal to the undisturbed one")
