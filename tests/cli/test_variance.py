"""``gradassay variance`` as a user meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gradassay.cli.main import main
from gradassay.cli.variance import _at_base, _problem
from gradassay.core.estimator import Estimator
from gradassay.estimators import make_estimator
from gradassay.reports import read_results
from gradassay.verify.oracles.declared import claimed_momentum
from gradassay.verify.variance.study import Sizes
from gradassay.workbench.options import ProblemOptions
from gradassay.workbench.workbench import Workbench
from tests.reports.pages import untraced

QUICK = ["variance", "--draws", "4", "--states", "4", "--network", "fc-16"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("variance") / "v"
    words = ["--estimators", "spatial_bp,opzo", "--over", "B,lambda", "--set", "opzo.momentum=0.8"]
    assert main([*QUICK, *words, "--out", str(out)]) == 0
    return out


def test_all_three_studies_are_in_the_folder(folder: Path) -> None:
    rows = pd.read_parquet(folder / "scaling.parquet")
    on_data = rows[rows["problem"] == "digits, fc-16, T=4, B=16"]
    assert set(on_data["variable"]) == {"B", "1-lambda"}
    assert set(on_data[on_data["variable"] == "1-lambda"]["subject"]) == {"opzo"}
    laws = rows[rows["problem"].str.startswith("law problem")]
    assert {"variance", "predicted_variance", "printed_variance"} <= set(laws["quantity"])
    aged = rows[rows["variable"] == "updates"]
    assert set(aged["layer"]) == {"lif1"}
    assert len(set(aged["problem"])) == 2  # digits, and the law problem
    assert {"feedback_mean", "predicted_feedback_mean"} <= set(aged["quantity"])
    finite = rows[~rows["quantity"].str.startswith(("predicted", "printed"))]
    assert (finite["low"] <= finite["value"]).all()
    assert (finite["value"] <= finite["high"]).all()


def test_exponents_have_theory_and_a_lack_of_fit(folder: Path) -> None:
    exponents = pd.read_parquet(folder / "exponents.parquet")
    assert exponents["p_value"].between(0, 1).all()
    batch = exponents.query("quantity == 'batch_variance' and variable == 'B'").set_index("subject")
    assert batch["predicted"]["spatial_bp"] == -1
    assert "opzo" not in batch["predicted"].dropna()  # M is learnt on batches of that size too
    closed = exponents.query("quantity == 'variance'")
    assert set(closed["source"]) == {"closed form at the same points"}


def test_the_page_answers_three_questions(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    for title in (
        "Does the variance follow its closed form?",
        "What do variance and bias depend on?",
        "How does feedback become better with its age?",
    ):
        assert title in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--over", "B,depth"], "got 'depth'"),
        (["--draws", "3"], "--draws: got 3; expected at least 4."),
        (["--level", "1"], "--level: got 1; expected a number in (0, 1)."),
        (["--network", "AP2-4C3-FC"], "--over d: got --network AP2-4C3-FC"),
    ],
)
def test_what_cannot_be_studied_is_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["variance", *words, "--out", str(tmp_path / "v")]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_every_number_of_the_page_leads_to_its_row(folder: Path) -> None:
    page, results = (folder / "report.html").read_text(), read_results(folder)
    found = untraced(page, results, {"closed-forms", "scaling", "age"})
    # ratios of two numbers of their row, sizes, and theory's exponents
    assert found <= {"measured / exact", "measured / printed", "n", "exponent", "updates"}


def test_every_hidden_layer_is_made_as_wide_as_the_point_says() -> None:
    bench = Workbench.prepare(ProblemOptions(network="fc-8-8", steps=2))
    made = _problem(bench, Sizes(units=12, classes=4, samples=16, steps=3), 0)
    assert [layer.units for layer in made.network.spiking] == [12, 12]
    assert (made.network.steps, made.network.classes) == (3, 4)
    same = _problem(bench, Sizes(units=8, classes=10, samples=16, steps=2), 0)
    assert [layer.units for layer in same.network.spiking] == [8, 8]


def test_memory_at_the_base_point_is_short_unless_it_was_set() -> None:
    opzo, dfa = make_estimator("opzo", momentum=0.99), make_estimator("dfa")
    assert claimed(_at_base("opzo", opzo, [])) == 0.875
    assert claimed(_at_base("opzo", opzo, ["opzo.momentum = 0.99"])) == 0.99
    assert claimed(_at_base("mine", opzo, ["opzo.momentum=0.99"])) == 0.875
    assert _at_base("dfa", dfa, []) is dfa


def claimed(estimator: Estimator) -> float:
    claim = claimed_momentum(estimator)
    assert claim is not None
    return claim.momentum


def test_steps_of_recorded_sequences_cannot_be_varied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(0)
    file = tmp_path / "events.npz"
    arrays: dict[str, Any] = {
        f"{part}_{name}": values
        for part in ("train", "test")
        for name, values in (
            ("inputs", generator.random((40, 5, 6)).astype("float32")),
            ("targets", np.arange(40) % 4),
        )
    }
    np.savez(file, **arrays)
    words = ["variance", "--dataset", f"npz:{file}", "--over", "T", "--network", "fc-8"]
    assert main([*words, "--out", str(tmp_path / "v")]) == 2
    assert "--over T: " in (told := capsys.readouterr().err)
    assert "has sequences of 5 steps" in told
    assert not (tmp_path / "v").exists()
