from __future__ import annotations

import io

import pytest
from rich.console import Console

from gradassay.core.records import EpochRow
from gradassay.training import TrainingProgress
from gradassay.training.running_mean import BatchReport

ROW = EpochRow("opzo", "fc-8-6 on digits", 0, 1, 1.25, 0.5, 0.625, 0.1, 0.3)


def _show(progress: TrainingProgress) -> None:
    with progress:
        progress.start("opzo [seed 0]")
        progress.on_batch(BatchReport(1, 50, 100, 1.25, 0.5))
        progress.on_epoch(ROW)


def test_a_terminal_shows_updates_loss_and_accuracies() -> None:
    stream = io.StringIO()
    _show(TrainingProgress(Console(file=stream, force_terminal=True, width=140)))
    for text in ("opzo [seed 0]", "50/100", "loss 1.250", "train 50.0%", "test 62.5%"):
        assert text in stream.getvalue()


def test_what_is_no_terminal_stays_empty(capsys: pytest.CaptureFixture[str]) -> None:
    _show(TrainingProgress())
    assert capsys.readouterr() == ("", "")


def test_a_run_without_a_start_has_a_bar_all_the_same() -> None:
    stream = io.StringIO()
    with TrainingProgress(Console(file=stream, force_terminal=True, width=140)) as progress:
        progress.on_batch(BatchReport(1, 3, 4, 1.0, 0.5))
    assert "3/4" in stream.getvalue()
