from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from gradassay.core.errors import DataError
from gradassay.core.records import EpochRow
from gradassay.training import RowsFile, read_metrics

ROW = EpochRow("opzo", "fc-8-6 on digits", 0, 1, 1.25, 0.5, 0.625, 0.1, 0.3)


def of(one: EpochRow) -> Callable[[EpochRow], bool]:
    """Whether a row is of the same run."""
    run = (one.subject, one.problem, one.seed)
    return lambda row: (row.subject, row.problem, row.seed) == run


def test_rows_can_be_read_while_running_and_after(tmp_path: Path) -> None:
    target = tmp_path / "new" / "metrics.jsonl"
    later = dataclasses.replace(ROW, epoch=2, train_loss=math.nan)
    metrics = RowsFile(target, EpochRow)
    metrics.begin(of(ROW))
    assert read_metrics(target) == []
    metrics.append(ROW)
    assert read_metrics(target) == [ROW]
    metrics.append(later)
    first, second = read_metrics(target)
    assert first == ROW
    assert second.diverged
    assert list(target.parent.iterdir()) == [target]


def test_a_run_that_begins_replaces_its_own_rows_alone(tmp_path: Path) -> None:
    target = tmp_path / "metrics.jsonl"
    other = dataclasses.replace(ROW, seed=1)
    for row in (ROW, other):
        RowsFile(target, EpochRow).begin(of(row), [row, row])
    RowsFile(target, EpochRow).begin(of(ROW), [ROW])
    assert read_metrics(target) == [other, other, ROW]


def test_a_line_cut_by_a_crash_is_dropped(tmp_path: Path) -> None:
    target = tmp_path / "metrics.jsonl"
    RowsFile(target, EpochRow).begin(of(ROW), [ROW])
    with target.open("a") as stream:
        stream.write('{"subject": "opz')
    RowsFile(target, EpochRow).begin(of(dataclasses.replace(ROW, subject="dfa")))
    assert read_metrics(target) == [ROW]


def test_rows_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    metrics = RowsFile(tmp_path / "metrics.jsonl", EpochRow)
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(DataError, match=r"metrics.jsonl: cannot be written \(Is a directory\)"):
        metrics.append(ROW)
    with pytest.raises(DataError, match=r"metrics.jsonl: cannot be written \(it is a folder\)"):
        metrics.begin(of(ROW))


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    target = tmp_path / "metrics.jsonl"
    RowsFile(target, EpochRow).begin(of(ROW), [ROW])
    with target.open("a") as stream:
        stream.write('{"subject": "opzo"}\n')
    for read in (read_metrics, lambda path: RowsFile(path, EpochRow)):
        with pytest.raises(DataError, match=r"metrics.jsonl, line 2: .*missing required field"):
            read(target)
