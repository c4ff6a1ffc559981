"""What an installed distribution of somebody else's offers is found under its own name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_with(folder: Path, entry_point: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python's beside a distribution that has an entry point."""
    installed = folder / "somebodys_methods-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: somebodys-methods\nVersion: 1.0\n"
    )
    (installed / "entry_points.txt").write_text(entry_point)
    path = os.pathsep.join((str(folder), str(EXAMPLES)))
    return subprocess.run(
        [sys.executable, "-m", *words],
        env=os.environ | {"PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_verify_takes_an_installed_entry_point_in_every_worker(tmp_path: Path) -> None:
    entry_point = "[gradassay.estimators]\nsparse = new_estimator:SparseDFA\n"
    done = run_with(tmp_path, entry_point, "gradassay", "verify", "sparse", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "PASS sparse: level 0" in done.stdout


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (("gradassay", "crosscheck", "own"), "PASS mine: bptt_agrees on random, leak 0.5"),
        (("pytest", "--gradassay=own", "-v"), "spikes_agree[mine, random, leak 0.5] PASSED"),
    ],
    ids=["crosscheck", "pytest"],
)
def test_an_installed_implementation_is_cross_checked(
    tmp_path: Path, words: tuple[str, ...], printed: str
) -> None:
    entry_point = "[gradassay.implementations]\nown = my_neuron:Mine\n"
    done = run_with(tmp_path, entry_point, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert printed in done.stdout
