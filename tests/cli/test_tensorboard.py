"""Metrics for TensorBoard: each epoch once, whatever was interrupted."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradassay.cli.board import Board
from gradassay.cli.main import main
from gradassay.core.records import EpochRow
from gradassay.training import read_metrics

WORDS = ["train", "--network", "fc-6", "--steps", "2", "--train-samples", "64", "--epochs", "2"]


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what TensorBoard shows of a run: steps and values by tag."""
    from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
        EventAccumulator,
    )

    shown = EventAccumulator(str(folder))
    shown.Reload()
    return {
        tag: [(event.step, event.value) for event in shown.Scalars(tag)]
        for tag in shown.Tags()["scalars"]
    }


def trained(tmp_path: Path, *words: str) -> dict[str, dict[str, list[tuple[int, float]]]]:
    board = tmp_path / "board"
    arguments = [*WORDS, "--out", str(tmp_path / "t"), "--tensorboard", str(board), *words]
    assert main(arguments) == 0
    return {run.name: scalars(run) for run in board.iterdir()}


def test_each_training_is_a_run_with_the_metrics_of_its_epochs(tmp_path: Path) -> None:
    shown = trained(tmp_path, "--estimators", "dfa,opzo")
    rows = read_metrics(tmp_path / "t.run" / "metrics.jsonl")
    assert len(shown) == 2
    for name in ("dfa", "opzo"):
        (run,) = (found for label, found in shown.items() if name in label)
        own = [row for row in rows if row.subject == name]
        for tag, column in (("loss/train", "train_loss"), ("accuracy/test", "test_accuracy")):
            expected = np.array([(row.epoch, getattr(row, column)) for row in own])
            np.testing.assert_allclose(np.array(run[tag]), expected, rtol=1e-6)
        assert [step for step, _ in run["learning_rate"]] == [1, 2]


def test_moments_stand_at_the_number_of_their_batch(tmp_path: Path) -> None:
    words = ["--estimators", "spatial_bp", "--watch-every", "2", "--passengers", "dfa"]
    (shown,) = trained(tmp_path, *words, "--watch-samples", "8", "--watch-pairs", "4").values()
    assert [step for step, _ in shown["cosine/total/dfa"]] == [0, 2]
    assert [step for step, _ in shown["firing_rate/lif1/network"]] == [0, 2]


def test_a_resumed_training_shows_each_epoch_once(tmp_path: Path) -> None:
    trained(tmp_path, "--estimators", "dfa")
    (shown,) = trained(tmp_path, "--estimators", "dfa", "--resume").values()
    assert [step for step, _ in shown["accuracy/test"]] == [1, 2]


def test_a_training_that_is_gone_on_with_shows_all_moments_and_each_once(tmp_path: Path) -> None:
    words = ["--estimators", "dfa", "--train-batch-size", "8", "--watch-every", "4"]
    words += ["--watch-samples", "8", "--watch-pairs", "4"]
    for more in ([], ["--resume"], ["--overwrite"]):
        (shown,) = trained(tmp_path, *words, *more).values()
        assert [step for step, _ in shown["cosine/total/dfa"]] == [0, 4, 8, 12]
        assert [step for step, _ in shown["accuracy/test"]] == [1, 2]


def test_epochs_that_are_trained_again_show_their_new_numbers(tmp_path: Path) -> None:
    """After an interruption before the last epoch's end, its old number is seen no more."""
    board = Board(tmp_path)
    rows = [EpochRow("dfa", "p", 0, epoch, 1.0, 0.5, 0.1 * epoch, 1.0, 0.1) for epoch in (1, 2, 3)]
    with board:
        board.begin("run", [], [])
        for row in rows:
            board.add_epoch(row)
    with board:
        board.begin("run", rows[:1], [])
        board.add_epoch(replace(rows[1], test_accuracy=0.9))
    shown = scalars(tmp_path / "run")["accuracy/test"]
    np.testing.assert_allclose(np.array(shown), [(1, 0.1), (2, 0.9)], rtol=1e-6)


def test_without_tensorboard_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    arguments = [*WORDS, "--out", str(tmp_path / "t"), "--tensorboard", str(tmp_path / "b")]
    assert main(arguments) == 2
    assert "pip install 'gradassay[tensorboard]'" in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    arguments = [
        *WORDS,
        "--out",
        str(tmp_path / "t"),
        "--tensorboard",
        str(tmp_path / "file" / "b"),
    ]
    assert main(arguments) == 2
    message: Any = capsys.readouterr().err
    assert "--tensorboard: cannot make the folder" in " ".join(message.split())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
