from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from gradassay.core.errors import DataError
from gradassay.core.records import EpochRow
from gradassay.training import MetricsFile, read_metrics

ROW = EpochRow("opzo", "fc-8-6 on digits", 0, 1, 1.25, 0.5, 0.625, 0.1, 0.3)
RUN = (ROW.subject, ROW.problem, ROW.seed)


def test_rows_can_be_read_while_running_and_after(tmp_path: Path) -> None:
    target = tmp_path / "new" / "metrics.jsonl"
    later = dataclasses.replace(ROW, epoch=2, train_loss=math.nan)
    metrics = MetricsFile(target)
    metrics.begin(*RUN, [])
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
        MetricsFile(target).begin(row.subject, row.problem, row.seed, [row, row])
    MetricsFile(target).begin(*RUN, [ROW])
    assert read_metrics(target) == [other, other, ROW]


def test_a_line_cut_by_a_crash_is_dropped(tmp_path: Path) -> None:
    target = tmp_path / "metrics.jsonl"
    MetricsFile(target).begin(*RUN, [ROW])
    with target.open("a") as stream:
        stream.write('{"subject": "opz')
    MetricsFile(target).begin("dfa", *RUN[1:], [])
    assert read_metrics(target) == [ROW]


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    target = tmp_path / "metrics.jsonl"
    MetricsFile(target).begin(*RUN, [ROW])
    with target.open("a") as stream:
        stream.write('{"subject": "opzo"}\n')
    for read in (read_metrics, MetricsFile):
        with pytest.raises(DataError, match=r"metrics.jsonl, line 2: .*missing required field"):
            read(target)
