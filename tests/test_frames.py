"""Frames: a row a record, with documented columns, and back to a results folder."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gradassay import frames
from gradassay.core.errors import UsageError
from gradassay.core.records import CheckResult, CostRow, EpochRow, Measurement
from gradassay.estimators import make_estimator
from gradassay.reports.store import TABLES
from gradassay.workbench.workbench import Workbench


@pytest.fixture(scope="module")
def problem() -> Workbench:
    return frames.problem("digits", network="fc-8", steps=2, seed=3, train_samples=256)


def test_a_frame_has_the_fields_of_its_record(problem: Workbench) -> None:
    measured = frames.measure(problem, "dfa,spatial_bp".split(","), budget=256, batch_size=4)
    assert list(measured.columns) == [field.name for field in fields(Measurement)]
    assert set(measured["subject"]) == {"dfa", "spatial_bp"}
    assert set(measured["seed"]) == {3}
    cost = frames.cost(problem, "dfa")
    assert list(cost.columns) == [field.name for field in fields(CostRow)]
    training = frames.train(problem, ["dfa"], epochs=2)
    assert list(training.columns) == [field.name for field in fields(EpochRow)]
    assert list(training["epoch"]) == [1, 2]


def test_a_method_by_name_is_measured_as_the_same_object(problem: Workbench) -> None:
    options = problem.recipe.options_for("opzo")
    given = {"opzo": make_estimator("opzo", **options)}
    by_name = frames.measure(problem, "opzo", budget=256, batch_size=4)
    pd.testing.assert_frame_equal(by_name, frames.measure(problem, given, budget=256, batch_size=4))


def test_checks_are_a_frame_too() -> None:
    found = frames.verify({"mine": "spatial_bp"}, seed=4)
    assert list(found.columns) == [field.name for field in fields(CheckResult)]
    assert set(found["subject"]) == {"mine"}
    assert set(found["verdict"]) == {"PASS"}


def test_a_training_that_diverges_ends_with_the_epoch_in_which_it_does(problem: Workbench) -> None:
    found = frames.train(problem, "dfa", epochs=3, learning_rate=1e38)
    assert list(found["epoch"]) == list(range(1, len(found) + 1))
    assert list(np.isfinite(found["train_loss"])) == [True] * (len(found) - 1) + [False]


def test_a_method_may_have_another_name(problem: Workbench) -> None:
    cost = frames.cost(problem, {"mine": "dfa", "theirs": make_estimator("dfa")})
    assert set(cost["subject"]) == {"mine", "theirs"}


def test_frames_go_to_a_results_folder_and_come_back(problem: Workbench, tmp_path: Path) -> None:
    measured = frames.measure(problem, "dfa", budget=256, batch_size=4)
    part = measured[measured["layer"] == "total"].reset_index(drop=True)
    page = frames.save(tmp_path / "out", seed=3, measurements=part)
    assert page == tmp_path / "out" / "report.html"
    assert page.is_file()
    pd.testing.assert_frame_equal(frames.read(tmp_path / "out").measurements, part)


@pytest.mark.parametrize("table", list(TABLES))
def test_every_column_of_every_table_is_documented(table: str) -> None:
    meanings = frames.columns(table)
    assert list(meanings) == [field.name for field in fields(TABLES[table])]
    assert all(meanings.values())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda on: frames.columns("costs"), "table: got 'costs'; expected one of"),
        (lambda on: frames.problem(networks="fc-8"), "option of problem: got 'networks'"),
        (lambda on: frames.train(on, "dfa", epoch=1), "option of train: got 'epoch'"),
        (lambda on: frames.measure(on, "dfaa"), "estimator: got 'dfaa'"),
        (lambda on: frames.measure(on, []), "estimators: got none"),
        (
            lambda on: frames.save("nowhere", seed=0, training=pd.DataFrame({"subject": []})),
            "training: the frame has no column problem",
        ),
        (lambda on: frames.save("nowhere", seed=0, costs=pd.DataFrame()), "table: got 'costs'"),
    ],
)
def test_wrong_input_is_refused_in_one_line(problem: Workbench, call: Any, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        call(problem)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
