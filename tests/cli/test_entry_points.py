"""A method in an installed distribution of somebody else's is verified under its own name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_verify_takes_an_installed_entry_point_in_every_worker(tmp_path: Path) -> None:
    installed = tmp_path / "somebodys_methods-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: somebodys-methods\nVersion: 1.0\n"
    )
    (installed / "entry_points.txt").write_text(
        "[gradassay.estimators]\nsparse = new_estimator:SparseDFA\n"
    )
    path = os.pathsep.join((str(tmp_path), str(EXAMPLES)))
    done = subprocess.run(
        [sys.executable, "-m", "gradassay", "verify", "sparse", "--workers", "2"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "PASS sparse: level 0" in done.stdout
