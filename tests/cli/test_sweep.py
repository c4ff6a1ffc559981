"""The command `sweep`, from a grid file to results and a page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gradassay.cli.main import main
from gradassay.reports import read_results
from gradassay.sweeps import cluster, read_sweep

MEASURE = """
estimators = ["spatial_bp", "opzo"]
networks = ["fc-4"]
steps = 2
seeds = [0, 1]
batch_sizes = 4
budgets = 256
options."opzo.alpha" = [0.1, 0.3]
"""
TRAIN = """
kinds = "train"
estimators = ["dfa"]
networks = ["fc-8"]
steps = 2
seeds = [0, 1]
training = { epochs = 2, learning_rate = [0.1, 1e38], train_samples = 200 }
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def grid(text: str) -> str:
    Path("grid.toml").write_text(text)
    return "grid.toml"


def test_a_cell_holds_what_the_command_measure_writes(capsys: pytest.CaptureFixture[str]) -> None:
    one = MEASURE.replace('"spatial_bp", ', "").replace("[0, 1]", "1").replace("[0.1, 0.3]", "0.3")
    assert main(["sweep", grid(one), "--out", "s"]) == 0
    printed = capsys.readouterr().out
    assert "sweep: 1 cells, 0 done, 1 to do" in printed
    assert "from a calibration of" in printed
    arguments = "--network fc-4 --steps 2 --seed 1 --budget 256 --batch-size 4 --out m"
    chosen = ["--estimators", "opzo", "--set", "opzo.alpha=0.3"]
    assert main(["measure", *chosen, *arguments.split()]) == 0
    swept = read_sweep("s", filters=[("options", "==", "alpha=0.3"), ("seed", "==", 1)])
    alone = read_results("m").measurements
    names = ["layer", "quantity", "oracle", "level", "replicates", "seed", "unit"]
    pd.testing.assert_frame_equal(swept[names].astype(alone[names].dtypes), alone[names])
    numbers = ["value", "low", "high"]  # the command may use more threads, which round otherwise
    np.testing.assert_allclose(swept[numbers], alone[numbers], rtol=1e-4, atol=1e-7)


def test_the_same_command_goes_on_and_reports(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["sweep", grid(MEASURE), "--out", "s"]
    assert main(command) == 0
    first = json.loads(Path("s/manifest.json").read_text())
    lost = sorted(Path("s/cells").iterdir())[:2]
    for file in lost:
        file.unlink()
    capsys.readouterr()
    assert main([*command, "--plan"]) == 0
    assert "6 cells, 4 done, 2 to do" in (told := capsys.readouterr().out)
    assert "from 4 finished cells" in told
    assert not any(file.exists() for file in lost)
    assert main(command) == 0
    again = json.loads(Path("s/manifest.json").read_text())
    assert again["results_sha256"] == first["results_sha256"]
    assert again["settings"]["grid"]["estimators"] == ["spatial_bp", "opzo"]
    Path("s/report.html").unlink()
    assert main(["report", "s"]) == 0
    page = Path("s/report.html").read_text()
    assert "opzo alpha=0.3" in page
    assert "6 cells: 3 settings, 2 seeds each" in page


def test_a_plan_writes_nothing() -> None:
    assert main(["sweep", grid(MEASURE), "--out", "s", "--plan"]) == 0
    assert not Path("s").exists()


def test_trainings_have_rows_of_each_epoch_and_divergence_is_a_result() -> None:
    assert main(["sweep", grid(TRAIN), "--out", "s"]) == 0
    rows = read_sweep("s")
    fine = rows[rows["training"].str.contains("learning_rate=0.1")]
    assert sorted(set(fine[fine["quantity"] == "test_accuracy"]["epoch"])) == [1, 2]
    last = fine[(fine["quantity"] == "test_accuracy") & (fine["epoch"] == 2)]["value"].tolist()
    assert fine[fine["quantity"] == "final_test_accuracy"]["value"].tolist() == last
    diverged = rows[rows["quantity"] == "diverged"].groupby("training", observed=True)["value"]
    assert diverged.max().to_dict() == {
        "epochs=2, learning_rate=0.1, train_samples=200": 0.0,
        "epochs=2, learning_rate=1e+38, train_samples=200": 1.0,
    }
    assert set(rows["batch_size"]) == {32}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("datasets = ['digitz']", "Did you mean 'digits'?"),
        ("networks = ['fd-4']", "fd-4"),
        ("options.'opzo.alfa' = 1", "alfa"),
        ("options.'opzo.alpha' = -1.0", "alpha"),
        ("budgets = 8", "budget: got 8"),
        ("batch_sizes = 5000", "batch_sizes: got 5000; expected at most 1437"),
        ("backend = 'jax'", "backend: got 'jax'"),
        ("downsample = 2", "digits holds no events"),
        ("kinds = 'train'\ntraining.epoch = 1", "Did you mean 'epochs'?"),
        ("kinds = 'train'\ntraining.epochs = 'two'", "training.epochs: expected"),
        ("kinds = 'train'\ntraining.epochs = 0", "epochs: got 0"),
    ],
)
def test_what_is_impossible_is_said_before_any_work(
    change: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"estimators = ['opzo']\nnetworks = ['fc-4']\n{change}"
    kept = [line for line in text.split("\n") if not line.startswith("networks")]
    text = "\n".join(kept) if "networks = ['fd" not in change else f"estimators = 'dfa'\n{change}"
    assert main(["sweep", grid(text), "--out", "s"]) == 2
    told = capsys.readouterr().err.strip()
    assert message in told
    assert told.count("\n") == 0
    assert not Path("s").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workers", "0"], "--workers: got 0"),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "got both"),
        (["--scheduler", "tcp://127.0.0.1:1"], "no answer from 'tcp://127.0.0.1:1' in 1 s"),
        (["--scheduler", "nonsense"], "--scheduler: "),
    ],
)
def test_wrong_options_are_one_line(
    options: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE_S", 1)
    start = time.monotonic()
    assert main(["sweep", grid(MEASURE), "--out", "s", *options]) == 2
    assert message in capsys.readouterr().err
    assert time.monotonic() - start < 20
    assert not Path("s").exists()


def test_without_dask_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    command = ["sweep", grid(MEASURE), "--out", "s", "--scheduler", "tcp://127.0.0.1:1"]
    assert main(command) == 2
    assert "pip install 'gradassay[sweep]'" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_finished() -> None:
    grid(MEASURE.replace("seeds = [0, 1]", f"seeds = {list(range(300))}"))
    command = [sys.executable, "-m", "gradassay", "sweep", "grid.toml", "--out", "s"]
    process = subprocess.Popen(
        [*command, "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        limit = time.monotonic() + 60
        while len(list(Path("s").glob("cells/*.parquet"))) < 3 and time.monotonic() < limit:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    kept = len(list(Path("s/cells").glob("*.parquet")))
    assert process.returncode == 130
    assert told.strip().splitlines()[-1] == (
        f"error: interrupted; {kept} of 900 cells are kept, and the same command goes on."
    )
    assert kept >= 3
    assert not Path("s/manifest.json").exists()
