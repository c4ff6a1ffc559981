from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from gradassay.bench import memory_curves
from gradassay.bench.memory_curves import Growth
from gradassay.cli.cost import peaks_of
from gradassay.cli.main import main
from gradassay.cost import scaling, time_curves
from gradassay.cost.scaling import Sweep
from gradassay.estimators import make_estimator
from gradassay.reports import read_results
from gradassay.workbench.measuring import population
from gradassay.workbench.options import ProblemOptions
from gradassay.workbench.workbench import Workbench
from tests.reports.pages import untraced

SMALL = ["--network", "fc-6-5", "--steps", "3", "--estimators", "spatial_bp,dfa,opzo,bptt"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("cost") / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling, "SWEEPS", (Sweep("n", (4, 8)),))
        patch.setattr(memory_curves, "GROWTHS", (Growth("T", (2, 4)),))
        patch.setattr(time_curves, "TIMED", Sweep("n", (4, 8), outputs=3))
        assert main(["cost", *SMALL, "--rounds", "6", "--out", str(target)]) == 0
    return target


def test_cost_writes_rows_and_curves_of_every_estimator(folder: Path) -> None:
    cost, curves = (pd.read_parquet(folder / f"{n}.parquet") for n in ("cost", "cost_curves"))
    subjects = {"spatial_bp", "dfa", "opzo", "bptt"}
    assert set(cost["subject"]) == set(curves["subject"]) == subjects
    for quantity in ("operations", "effective_operations", "energy_loihi", "peak_bytes",
                     "sequential_depth", "step_seconds"):  # fmt: skip
        own = cost[cost["quantity"] == quantity]
        assert list(own["subject"]) == ["spatial_bp", "dfa", "opzo", "bptt"]
        assert (own["value"] > 0).all()
    assert set(curves["quantity"]) == {
        "feedback_operations", "feedback_weight_bytes", "memory_bytes", "time_ratio",
        "feedback_operations_exponent", "feedback_weight_bytes_exponent",
    }  # fmt: skip


def test_backpropagation_waits_and_direct_feedback_does_not(folder: Path) -> None:
    cost = pd.read_parquet(folder / "cost.parquet")
    locked = cost[cost["quantity"] == "backward_locked_layers"].set_index("subject")["value"]
    assert dict(locked) == {"spatial_bp": 2.0, "dfa": 0.0, "opzo": 0.0, "bptt": 2.0}
    steps = cost[cost["quantity"] == "steps_before_update"].set_index("subject")["value"]
    assert dict(steps) == {"spatial_bp": 1.0, "dfa": 1.0, "opzo": 1.0, "bptt": 3.0}


def test_peaks_of_tensors_are_at_least_the_gradient(folder: Path) -> None:
    cost = pd.read_parquet(folder / "cost.parquet")
    values = cost.set_index(["subject", "quantity"])["value"]
    for subject in ("spatial_bp", "dfa", "opzo", "bptt"):
        assert values[subject, "peak_bytes"] > values[subject, "gradient_bytes"]


def test_every_number_of_the_page_leads_to_its_row(folder: Path) -> None:
    page, results = (folder / "report.html").read_text(), read_results(folder)
    sections = {"cost", "memory", "growth", "order", "energy"}
    # prices of the regimes are constants, and a count of sizes is about two columns
    words = {"add, pJ", "multiply, pJ", "counted = closed form"}
    assert untraced(page, results, sections) <= words


def test_page_answers_the_five_questions(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    for question in (
        "What does an update cost?",
        "How does memory grow with T and depth?",
        "How does the cost of feedback grow?",
        "What must wait for what?",
        "What energy is that?",
    ):
        assert question in page


def test_too_few_rounds_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--rounds", "5", "--out", str(tmp_path / "r")]) == 2
    assert "--rounds: got 5; expected at least 6." in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_results_are_not_replaced_without_being_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "manifest.json").read_bytes()
    assert main(["cost", *SMALL, "--out", str(folder)]) == 2
    assert "already holds results" in capsys.readouterr().err
    assert (folder / "manifest.json").read_bytes() == before


def test_peaks_of_arrays_are_at_least_the_gradient_on_numpy() -> None:
    bench = Workbench.prepare(
        ProblemOptions(network="fc-6-5", steps=3, backend="numpy", dataset="digits")
    )
    rows = peaks_of(bench, {"dfa": make_estimator("dfa")}, population(bench))
    ((peak, low, high),) = ((row.value, row.low, row.high) for row in rows)
    assert peak == low == high
    assert peak >= 8 * sum(math.prod(shape) for shape in bench.network.shapes.values())
