"""The command line under torchrun: two processes, one folder of results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

TRAIN = ["train", "--network", "fc-10", "--steps", "2", "--epochs", "2", "--train-samples", "101"]


def trained(out: Path, processes: int, *words: str) -> pd.DataFrame:
    command = [sys.executable, "-m", "gradassay"]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
        command = [sys.executable, *launcher, "-m", "gradassay"]
    plain = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")}
    done = subprocess.run(
        [*command, *TRAIN, *words, "--out", str(out)],
        env=plain | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("report: ") == 1
    return pd.read_parquet(out / "training.parquet")


def test_two_processes_train_as_one_and_write_once(tmp_path: Path) -> None:
    words = ["--estimators", "spatial_bp,dkp", "--watch-every", "3"]
    one = trained(tmp_path / "one", 1, *words)
    two = trained(tmp_path / "two", 2, *words)
    assert list(two["subject"]) == list(one["subject"])
    assert list(two["train_loss"]) == pytest.approx(list(one["train_loss"]), rel=1e-4)
    assert list(two["test_accuracy"]) == pytest.approx(list(one["test_accuracy"]), abs=0.01)
    seen = [pd.read_parquet(tmp_path / name / "moments.parquet") for name in ("one", "two")]
    assert len(seen[0]) == len(seen[1]) > 0
    assert len((tmp_path / "two.run" / "metrics.jsonl").read_text().splitlines()) == 4
