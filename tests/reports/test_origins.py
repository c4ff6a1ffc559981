"""Every number of a page leads back to its rows, and they give the number again."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from gradassay.core.errors import DataError
from gradassay.core.records import NETWORK, Measurement, MomentRow
from gradassay.reports import read_results, render_report, write_results
from gradassay.reports.cells import measured_cell
from gradassay.reports.origins import origin, times, value_of
from gradassay.reports.rows import load_rows
from gradassay.reports.store import Results
from tests.reports.conftest import (
    PROBLEM,
    build_results,
    make_checks,
    make_cost,
    make_manifest,
    make_measurements,
    make_training,
)
from tests.reports.pages import Element, Elements

# columns with no number of the data in them
WORDS = {"name", "unit", "meaning", "what", "value"}


def make_moments() -> list[MomentRow]:
    """Two looks at a training."""
    quantities = ("noise_variance", "squared_bias", "cosine")
    rows = [
        MomentRow("opzo", "opzo", PROBLEM, 0, at, "total", name, 0.1 + at, 0.05, 0.2 + at, 0.95, 64)
        for at in (0, 9)
        for name in quantities
    ]
    rows += [
        MomentRow(NETWORK, "opzo", PROBLEM, 0, at, "hidden1", name, 0.2, 0.2, 0.2, 1.0, 64)
        for at in (0, 9)
        for name in ("firing_rate", "silent_neurons")
    ]
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(
        tmp_path_factory.mktemp("origins") / "r",
        measurements=make_measurements(),
        checks=make_checks(),
        cost=make_cost(),
        training=make_training(),
        moments=make_moments(),
        manifest=make_manifest(),
    )


@pytest.fixture(scope="module")
def cells(folder: Path) -> list[Element]:
    page = Elements(render_report(read_results(folder)))
    return [one for one in page.named("td") if one.inside("table")]


def test_every_origin_gives_the_number_of_its_cell_from_the_files(
    folder: Path, cells: list[Element]
) -> None:
    results = read_results(folder)
    shown = [cell for cell in cells if "data-origin" in cell.attributes]
    assert len(shown) > 300
    for cell in shown:
        value = float(cell.attributes["data-value"])
        found = value_of(cell.attributes["data-origin"], results)
        assert found == pytest.approx(value, rel=1e-12, abs=1e-300), cell.attributes


def test_a_changed_file_is_noticed(folder: Path, cells: list[Element]) -> None:
    results = read_results(folder)
    table = results.measurements.assign(value=results.measurements["value"] * 1.001 + 1e-9)
    spoilt = replace(results, measurements=table)
    shown = [one for one in cells if one.attributes.get("data-origin", "").startswith("measure")]
    wrong = [
        cell
        for cell in shown
        if value_of(cell.attributes["data-origin"], spoilt)
        != pytest.approx(float(cell.attributes["data-value"]), rel=1e-12, abs=1e-300)
        and "replicates" not in cell.attributes["data-origin"]
    ]
    assert len(wrong) > 100


def test_every_cell_with_a_number_of_the_data_has_an_origin(cells: list[Element]) -> None:
    sections = ("answer", "bias", "direction", "price", "cost", "training", "moments")
    without = []
    for cell in cells:
        section = cell.inside("section")
        assert section is not None
        numeric = "num" in cell.attributes["class"].split() and re.search(r"\d", cell.text)
        if section.attributes["id"] in sections and numeric:
            if "data-origin" not in cell.attributes:
                without.append(cell.attributes["data-label"])
    ranks = {f"rank by {error} \u00d7 operations" for error in ("mean squared error", "variance")}
    assert set(without) <= {"seeds", "epochs", "learning rate, first"} | ranks


def test_every_table_with_numbers_says_its_files_and_leads_to_the_command(folder: Path) -> None:
    page = Elements(render_report(read_results(folder)))
    tables = {id(one.inside("table")) for one in page.all if "data-origin" in one.attributes}
    sources = [one for one in page.named("span") if one.attributes.get("class") == "source"]
    assert len(sources) == len(tables) > 8
    for source in sources:
        assert re.search(r"Data: \w+\.parquet \(\d+ rows?\)", source.text)
        assert "made by this command" in source.text
    assert "gradassay bench fc-800-800" in page.first("reproduce").text


def test_a_record_that_was_changed_has_no_origin(full: Results) -> None:
    row = load_rows(full).measurements[3]
    assert origin([row]) == "measurements[3].value"
    assert origin([replace(row, value=1.0)]) == ""
    assert measured_cell(replace(row, value=1.0), with_n=True).origin == ""


def test_a_note_of_the_place_is_no_part_of_the_record(
    full: Results, measurements: list[Measurement]
) -> None:
    found = load_rows(full).measurements[0]
    assert found == measurements[0]
    assert hash(found) == hash(measurements[0])
    assert repr(found) == repr(measurements[0])


def test_products_and_sums_are_worked_out_again(full: Results) -> None:
    rows = load_rows(full)
    text = times(origin([rows.measurements[5]]), origin(rows.cost[2:4], how="sum"))
    expected = rows.measurements[5].value * (rows.cost[2].value + rows.cost[3].value)
    assert value_of(text, full) == pytest.approx(expected)
    assert times(text, "") == ""


def test_a_row_without_a_number_leads_to_one() -> None:
    row = replace(make_measurements()[0], value=math.nan)
    assert math.isnan(value_of("measurements[0].value", build_results(measurements=[row])))


@pytest.mark.parametrize(
    "text",
    ["", "measurements", "other[0].value", "measurements[9999].value", "cost[0].nothing", "x[1]"],
)
def test_what_is_no_origin_is_a_data_error_of_one_line(full: Results, text: str) -> None:
    with pytest.raises(DataError, match=r"origin: .*expected") as caught:
        value_of(text, full)
    assert "\n" not in str(caught.value)
