from __future__ import annotations

import dataclasses
import functools
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradassay.core.errors import DataError
from gradassay.core.records import EpochRow
from gradassay.training import MetricsFile, read_metrics

ROW = EpochRow("opzo", "fc-8-6 on digits", 0, 1, 1.25, 0.5, 0.625, 0.1, 0.3)
CHILD = """
import sys
import numpy as np
from types import SimpleNamespace
from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.training import MetricsFile, TrainingSettings, place_data, train

backend, network = ReferenceBackend(), network_named("fc-5", 4, 3, steps=2)
x, y = np.ones((20, 4)), np.zeros(20, dtype=np.int64)
data = place_data(
    backend, SimpleNamespace(train_inputs=x, train_targets=y, test_inputs=x, test_targets=y)
)
settings = TrainingSettings(epochs=10**6, batch_size=10, learning_rate=0.01)
with MetricsFile(sys.argv[1]) as metrics:
    train(make_estimator("opzo"), backend, network, initial_params(network, Key(0)), data,
          settings, on_epoch=metrics.append)
"""


def test_rows_can_be_read_while_running_and_after(tmp_path: Path) -> None:
    target = tmp_path / "new" / "metrics.jsonl"
    later = dataclasses.replace(ROW, epoch=2, train_loss=math.nan)
    with MetricsFile(target) as metrics:
        metrics.append(ROW)
        assert read_metrics(metrics.partial) == [ROW]
        metrics.append(later)
        assert not target.exists()
    first, second = read_metrics(target)
    assert first == ROW
    assert second.diverged
    assert list(target.parent.iterdir()) == [target]


def _interrupted(metrics: MetricsFile, error: type[BaseException]) -> None:
    """Write a row, then fail inside the block."""
    with metrics:
        metrics.append(ROW)
        assert metrics.partial.exists()
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_an_exception_leaves_no_file(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        _interrupted(MetricsFile(tmp_path / "metrics.jsonl"), error)
    assert not list(tmp_path.iterdir())


def test_an_exception_leaves_the_older_file(tmp_path: Path) -> None:
    target = tmp_path / "metrics.jsonl"
    target.write_text("older\n")
    with pytest.raises(KeyboardInterrupt):
        _interrupted(MetricsFile(target), KeyboardInterrupt)
    assert target.read_text() == "older\n"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_in_a_process_leaves_no_file(tmp_path: Path) -> None:
    target = tmp_path / "metrics.jsonl"
    partial = MetricsFile(target).partial
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(target)],
        stderr=subprocess.DEVNULL,
        # a test run in a shell's background is told to ignore Ctrl-C, and would hand that on
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as child:
        deadline = time.monotonic() + 60
        while not (partial.exists() and partial.stat().st_size):
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert read_metrics(partial)[0].subject == "opzo"
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=60) != 0
    assert not list(tmp_path.iterdir())


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    target = tmp_path / "metrics.jsonl"
    with MetricsFile(target) as metrics:
        metrics.append(ROW)
    with target.open("a") as stream:
        stream.write('{"subject": "opzo"}\n')
    with pytest.raises(DataError, match=r"metrics.jsonl, line 2: .*missing required field"):
        read_metrics(target)


def test_a_row_outside_the_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="with statement"):
        MetricsFile(tmp_path / "metrics.jsonl").append(ROW)
