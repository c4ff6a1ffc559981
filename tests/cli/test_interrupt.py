"""Ctrl-C in a real process leaves no file behind."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize("after_s", [0.5, 4.0, 8.0])
def test_ctrl_c_leaves_no_files(after_s: float, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gradassay", "run", "--out", str(tmp_path / "out" / "r")]
    process = subprocess.Popen(
        [*command, "--epochs", "500"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a test run in a shell's background is told to ignore Ctrl-C, and would hand that on
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode != 0
    if after_s > 2:  # before that the interpreter may still be importing
        assert process.returncode == 130
        assert printed.strip().splitlines()[-1] == "error: interrupted; nothing was written."
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
