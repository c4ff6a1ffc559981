"""The page of a sweep: means over seeds by estimator and option."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import pytest
from scipy import stats

from gradassay.core.errors import DataError
from gradassay.core.records import Interval
from gradassay.reports import sweep_summary
from gradassay.reports.sweep_page import MOST_ROWS, render_sweep, write_sweep_report
from gradassay.reports.sweep_summary import SeedMean, Setting, summarise
from gradassay.sweeps import Grid, SweepFolder, read_sweep
from gradassay.sweeps.reading import iterate_sweep
from gradassay.sweeps.run import Sweep
from tests.sweeps.conftest import cells_of, made_up


def finished(folder: Path, grid: Grid) -> SweepFolder:
    sweep = Sweep(SweepFolder(folder), cells_of(grid))
    sweep.compute(made_up)
    sweep.assemble({"seed": 0, "command": "gradassay sweep grid.toml"})
    return sweep.folder


def test_means_are_those_of_the_rows_over_seeds(small_grid: Grid, tmp_path: Path) -> None:
    found = summarise(finished(tmp_path, small_grid))
    rows = read_sweep(tmp_path, filters=[("layer", "==", "total")])
    assert len(found) == 3 * 3
    for one in found:
        values = rows[
            (rows["estimator"] == one.setting.estimator)
            & (rows["options"] == one.setting.options)
            & (rows["quantity"] == one.quantity)
        ]["value"].tolist()
        half = stats.t.ppf(0.975, 2) * stdev(values) / math.sqrt(3)
        assert (one.seeds, one.replicates) == (3, 3 * 256)
        assert one.interval.value == pytest.approx(mean(values), rel=1e-12)
        assert one.interval.high - one.interval.value == pytest.approx(half, rel=1e-9)


def test_pieces_of_any_size_give_the_same_means(
    small_grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = finished(tmp_path, small_grid)
    whole = summarise(folder)
    monkeypatch.setattr(sweep_summary, "_MOST_PARTIAL", 4)
    monkeypatch.setattr(
        sweep_summary, "iterate_sweep", lambda folder, columns: iterate_sweep(folder, columns, 5)
    )
    pieces = summarise(folder)
    assert [(one.setting, one.quantity) for one in pieces] == [
        (one.setting, one.quantity) for one in whole
    ]
    for one, other in zip(pieces, whole, strict=True):
        assert one.interval.value == pytest.approx(other.interval.value, rel=1e-12)
        assert one.interval.low == pytest.approx(other.interval.low, rel=1e-9)


def test_a_single_seed_keeps_its_own_interval(tmp_path: Path) -> None:
    (bias, *_) = summarise(finished(tmp_path, Grid(estimators="dfa", budgets=256)))
    assert bias.seeds == 1
    assert bias.interval.low == pytest.approx(bias.interval.value - 0.1)
    assert bias.interval.high == pytest.approx(bias.interval.value + 0.2)


def test_the_page_answers_first_and_escapes(tmp_path: Path) -> None:
    grid = Grid(
        estimators=["opzo"], seeds=[0, 1], options={"opzo.law": ["<b>", "gaussian"]}, steps=[2, 4]
    )
    folder = finished(tmp_path, grid)
    page = Path(write_sweep_report(folder)).read_text()
    assert page.index("8 cells: 4 settings, 2 seeds each") < page.index("<table")
    assert page.index("<table") < page.index("<svg")
    assert "law=&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("<figure>") == 2 * 2
    assert ">T=2<" in page
    assert "On digits, fc-8, batch 32, 1,024 estimates." in page
    assert Path(write_sweep_report(folder, tmp_path / "again.html")).read_text() == page


def test_the_best_is_told_with_those_that_may_be_as_good() -> None:
    setting = Setting("measure", "dfa", "", "digits", "fc-8", 4, 32, 256, "")
    means = [
        SeedMean(
            replace(setting, estimator=name), "mean_squared_error", "surrogate_bp",
            Interval(value, value - 1, value + 1, 0.95), 3, 768,
        )
        for name, value in (("dfa", 5.0), ("dkp", 3.0), ("opzo", 4.0))
    ]  # fmt: skip
    page = render_sweep(means, {"cells": 9, "rows": 9, "command": ""})
    assert "Least mean squared error: dkp, 3.00 [2.00, 4.00]; the intervals of 2 others" in page
    apart = render_sweep(
        [*means[:1], replace(means[1], interval=Interval(1.0, 0.5, 1.5, 0.95))],
        {"cells": 6, "rows": 6, "command": ""},
    )
    assert "dkp, 1.00 [0.500, 1.50]." in apart


def test_a_large_grid_is_cut_and_says_so(tmp_path: Path) -> None:
    alphas = [round(0.001 * i, 3) for i in range(1, 71)]
    grid = Grid(estimators="opzo", options={"opzo.alpha": alphas})
    manifest = {"cells": 70, "rows": 630, "command": ""}
    page = render_sweep(summarise(finished(tmp_path, grid)), manifest)
    assert f"The first {MOST_ROWS} of 70 settings" in page
    assert "Drawn are the first 24 settings of each problem." in page


def test_an_unfinished_sweep_has_no_page(small_grid: Grid, tmp_path: Path) -> None:
    sweep = Sweep(SweepFolder(tmp_path), cells_of(small_grid))
    sweep.compute(made_up)
    with pytest.raises(DataError, match="not finished"):
        write_sweep_report(sweep.folder)
    assert not (tmp_path / "report.html").exists()
