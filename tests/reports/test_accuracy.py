"""Accuracies over seeds, differences of the same seeds, and the paper's numbers beside them."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gradassay.core.records import EpochRow
from gradassay.reports import read_results, write_accuracy, write_results
from gradassay.reports.accuracy import accuracy_frame, accuracy_markdown, difference_frame
from gradassay.reports.paper import PAPER, paper_accuracy

ACCURACIES = {"spatial_bp": [0.90, 0.91, 0.92], "opzo": [0.85, 0.87, 0.86], "dfa": [0.80, 0.70]}


def rows(dataset: str = "cifar10") -> tuple[EpochRow, ...]:
    return tuple(
        EpochRow(name, f"{dataset}, conv5, T=6", seed, epoch, 1.0, 0.5, value - 0.1 * (2 - epoch),
                 1.0, 0.1)
        for name, values in ACCURACIES.items()
        for seed, value in enumerate(values)
        for epoch in (1, 2)
    )  # fmt: skip


def test_mean_and_interval_are_student_t_over_seeds_after_the_last_epoch() -> None:
    frame = accuracy_frame(rows())
    expected = stats.ttest_1samp([90, 91, 92], 0).confidence_interval(0.95)
    bp, dfa = (frame.query(f"estimator == '{name}'").iloc[0] for name in ("spatial_bp", "dfa"))
    assert bp["mean"] == pytest.approx(91)
    assert (bp["low"], bp["high"]) == pytest.approx((expected.low, expected.high), abs=1e-2)
    assert (bp["least"], bp["most"]) == pytest.approx((90, 92))
    assert (bp["seeds"], bp["epochs"], bp["paper"]) == ("0 1 2", 2, 90.0)
    assert dfa["seeds"] == "0 1"


def test_differences_are_those_of_the_same_seeds() -> None:
    frame = difference_frame(rows())
    assert list(frame["estimator"] + frame["other"]) == [
        "spatial_bpopzo",
        "spatial_bpdfa",
        "opzodfa",
    ]
    opzo, dfa, _ = (frame.iloc[i] for i in range(3))
    assert dfa["seeds"] == "0 1"
    assert dfa["mean"] == pytest.approx(np.mean([90 - 80, 91 - 70]))
    expected = stats.ttest_1samp([5.0, 4.0, 6.0], 0).confidence_interval(0.95)
    assert (opzo["low"], opzo["high"]) == pytest.approx((expected.low, expected.high), abs=1e-2)


def test_a_seed_that_diverged_is_not_dropped() -> None:
    nan = math.nan
    broken = EpochRow("opzo", "cifar10, conv5, T=6", 3, 1, nan, nan, nan, 1.0, 0.1)
    opzo = accuracy_frame((*rows(), broken)).query("estimator == 'opzo'").iloc[0]
    assert opzo["seeds"] == "0 1 2 3"
    assert math.isnan(opzo["mean"])


def test_intervals_of_accuracies_lie_between_0_and_100() -> None:
    frame = accuracy_frame(
        tuple(EpochRow("dfa", "poker-dvs", s, 1, 1.0, 0.5, a, 1.0, 0.1) for s, a in
              enumerate([1.0, 1.0, 0.95]))
    )  # fmt: skip
    assert frame["high"].item() == 100.0
    assert frame["low"].item() < 95.0


def test_seeds_that_all_agree_tell_no_spread() -> None:
    constant = {"opzo": (0.85, 0.86), "dfa": (0.80, 0.81), "dkp": (0.9, 0.9)}
    found = tuple(
        EpochRow(name, "poker-dvs", seed, 1, 1.0, 0.5, value, 1.0, 0.1)
        for name, values in constant.items()
        for seed, value in enumerate(values)
    )
    dkp = accuracy_frame(found).query("estimator == 'dkp'").iloc[0]
    assert dkp["mean"] == 90.0
    assert math.isnan(dkp["low"])
    less = difference_frame(found).query("estimator == 'opzo' and other == 'dfa'").iloc[0]
    assert less["mean"] == pytest.approx(5.0)
    assert math.isnan(less["low"])


def test_data_that_the_paper_has_not_get_no_column_for_it(tmp_path: Path) -> None:
    write_results(tmp_path / "r", training=rows("mnist"), manifest={})
    text = accuracy_markdown(read_results(tmp_path / "r"))
    assert "## mnist, conv5, T=6" in text
    assert "paper" not in text
    assert "| spatial_bp less opzo | +5.00 [2.52, 7.48] | 0, 1, 2 |" in text


def test_the_paper_has_no_number_for_a_part_of_a_data_set() -> None:
    assert paper_accuracy("nmnist, fc-800-800, T=30", "opzo") == 98.27
    assert paper_accuracy("nmnist, fc-800-800, T=30, 1,000 + 100 samples", "opzo") is None
    assert paper_accuracy("cifar10, conv5, T=6, 500 training samples", "opzo") is None


def test_files_hold_the_same_numbers_and_may_be_overwritten(tmp_path: Path) -> None:
    for _ in range(2):
        write_results(tmp_path / "r", training=rows(), manifest={}, overwrite=True)
        paths = write_accuracy(tmp_path / "r", read_results(tmp_path / "r"))
    assert {path.name for path in paths} == {
        "accuracy.csv", "accuracy.tex", "accuracy.md", "differences.csv", "differences.tex",
        "curves.svg",
    }  # fmt: skip
    written = pd.read_csv(tmp_path / "r/accuracy.csv")
    pd.testing.assert_frame_equal(written, accuracy_frame(rows()), rtol=1e-5)
    curves = ET.fromstring((tmp_path / "r/curves.svg").read_text())
    assert curves.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in ET.tostring(curves, encoding="unicode")
    assert r"spatial\_bp & 0 1 2 & 2 & 91.00" in (tmp_path / "r/accuracy.tex").read_text()


def test_the_papers_numbers_are_those_of_its_table() -> None:
    assert len(PAPER) == 29
    assert PAPER["dvs-gesture", "opzo"] == 94.33
    assert PAPER["cifar100", "opzo+0.01*local_learning"] == 64.77
    assert ("nmnist", "opzo+0.01*local_learning") not in PAPER
