"""A results folder in other forms: whole or not at all, the same numbers, the same bytes."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from gradassay.core.errors import UsageError
from gradassay.core.records import Measurement
from gradassay.reports import read_results, render_report, write_results
from gradassay.reports.export import COLUMNS, FORMATS, export_files, write_export
from gradassay.reports.results_json import results_json, results_schema
from gradassay.reports.store import TABLES, Results
from tests.reports.conftest import build_results, make_cost, make_manifest, make_measurements

WHOLE = [
    row
    for row in make_measurements()
    if row.quantity in ("squared_bias", "cosine", "mean_squared_error")
]
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("export") / "r"
    rows = [replace(WHOLE[0], value=math.nan, low=-math.inf, high=math.inf)]
    rows += WHOLE[1:]
    write_results(folder, measurements=rows, cost=make_cost(), manifest=make_manifest())
    return read_results(folder)


@pytest.fixture(scope="module")
def export(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export(results, tmp_path_factory.mktemp("export") / "deep" / "e")


def test_an_export_holds_every_form_and_an_index_of_them(export: Path) -> None:
    found = {path.relative_to(export).as_posix() for path in export.rglob("*") if path.is_file()}
    index = json.loads((export / "index.json").read_text())
    assert found == {"index.json", *index["files"]}
    assert index["command"].startswith("gradassay bench")
    assert {
        "report.html",
        "summary.md",
        "results.json",
        "data/cost.csv",
        "tables/answer.tex",
    } < found
    assert {Path(name).suffix for name in found} == {
        ".html", ".md", ".json", ".csv", ".tex", ".pdf", ".svg",
    }  # fmt: skip


def test_the_page_of_an_export_is_the_page(export: Path, results: Results) -> None:
    assert (export / "report.html").read_text(encoding="utf-8") == render_report(results)


def test_every_figure_of_the_page_is_there_at_both_widths(export: Path) -> None:
    page = (export / "report.html").read_text(encoding="utf-8")
    names = re.findall(r'<svg[^>]* id="([\w-]+)"', page)
    assert len(names) == 4
    for name in names:
        for column, width in COLUMNS.items():
            root = ET.parse(export / f"figures/{name}-{column}.svg").getroot()
            assert float(root.attrib["width"].removesuffix("in")) == width
            assert root.attrib["role"] == "img"
            pdf = (export / f"figures/{name}-{column}.pdf").read_bytes()
            box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+)", pdf)
            assert box
            assert float(box[1]) == pytest.approx(72 * width, abs=0.1)


def test_figures_on_paper_have_embedded_truetype_and_no_date(export: Path) -> None:
    for path in (export / "figures").glob("*.pdf"):
        pdf = path.read_bytes()
        assert b"/Subtype /Type3" not in pdf
        assert b"/Subtype /TrueType" in pdf or b"/CIDFontType2" in pdf
        assert b"/FontFile2" in pdf
        assert b"/CreationDate" not in pdf
    for path in (export / "figures").glob("*.svg"):
        assert "<metadata" not in path.read_text(encoding="utf-8")


def test_letters_on_paper_are_of_a_size_to_read(export: Path) -> None:
    for path in (export / "figures").glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        sizes = {float(size) for size in re.findall(r"font-size: ([\d.]+)px", text)}
        assert sizes
        assert 7 <= min(sizes) <= max(sizes) <= 10


def test_another_process_makes_the_same_bytes(results: Results, tmp_path: Path) -> None:
    rows = [row for row in make_measurements() if row.quantity == "cosine"]
    write_results(tmp_path / "r", measurements=rows, manifest=make_manifest())
    code = (
        "import hashlib, sys; from gradassay.reports import read_results;"
        "from gradassay.reports.export import FORMATS, export_files;"
        "files = export_files(read_results(sys.argv[1]), tuple(FORMATS));"
        "join = lambda c: c.encode() if isinstance(c, str) else c;"
        "print(hashlib.sha256(b''.join(join(f.content) for f in files)).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "r")],
        env=os.environ | {"PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    files = export_files(read_results(tmp_path / "r"), tuple(FORMATS))
    content = b"".join(
        one.content.encode() if isinstance(one.content, str) else one.content for one in files
    )
    assert done.stdout.strip() == hashlib.sha256(content).hexdigest()


def test_csv_and_json_give_the_records_back(export: Path, results: Results) -> None:
    frame = pd.read_csv(export / "data/measurements.csv", index_col="row", keep_default_na=False,
                        na_values={"value": [""]})  # fmt: skip
    pd.testing.assert_series_equal(frame["high"], results.measurements["high"], check_names=False)
    rows = json.loads((export / "results.json").read_text())["tables"]["measurements"]
    assert rows[0]["value"] == "NaN"
    assert (rows[0]["low"], rows[0]["high"]) == ("-Infinity", "Infinity")
    names = [field.name for field in fields(Measurement)]
    records: list[Any] = [Measurement(*(row[name] for name in names)) for row in rows]
    assert records[1:] == WHOLE[1:]


def test_json_is_strict_and_of_the_documented_schema(results: Results) -> None:
    def refuse(name: str) -> float:
        raise AssertionError(name)

    document = json.loads(results_json(results), parse_constant=refuse)
    schema = results_schema()
    assert json.loads((DOCS / "results.schema.json").read_text()) == schema
    assert set(schema["required"]) == set(document)
    kinds = {"string": str, "integer": int, "number": float}
    for name, rows in document["tables"].items():
        columns = schema["properties"]["tables"]["properties"][name]["items"]["properties"]
        for row in rows:
            assert set(row) == set(columns)
            for key, value in row.items():
                allowed = columns[key].get("anyOf", [columns[key]])
                assert any(
                    value in one["enum"] if "enum" in one else type(value) is kinds[one["type"]]
                    for one in allowed
                )


def test_every_column_is_in_the_documentation() -> None:
    text = (DOCS / "reports.md").read_text(encoding="utf-8")
    for name, record in TABLES.items():
        section = text.split(f"### `{name}.parquet`")[1].split("###")[0]
        for field in fields(record):
            assert f"`{field.name}`" in section, (name, field.name)


def test_some_forms_alone_can_be_asked_for(results: Results, tmp_path: Path) -> None:
    folder = write_export(results, tmp_path / "e", ("json", "md", "json"))
    assert sorted(path.name for path in folder.iterdir()) == [
        "index.json", "results.json", "summary.md",
    ]  # fmt: skip


def test_a_form_that_does_not_exist_is_a_usage_error(results: Results, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"formats: got 'pdf'; expected one of csv, figures"):
        write_export(results, tmp_path / "e", ("pdf",))
    assert list(tmp_path.iterdir()) == []


def test_an_export_is_replaced_only_when_asked(results: Results, tmp_path: Path) -> None:
    write_export(results, tmp_path / "e", ("json", "csv"))
    with pytest.raises(UsageError, match="already holds an export"):
        write_export(results, tmp_path / "e", ("md",))
    write_export(results, tmp_path / "e", ("md",), overwrite=True)
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == ["index.json", "summary.md"]


@pytest.mark.parametrize("name", ["notes.txt", "data/mine.csv", "index.json"])
def test_a_folder_with_other_things_is_never_touched(
    results: Results, tmp_path: Path, name: str
) -> None:
    (tmp_path / "e" / "data").mkdir(parents=True)
    (tmp_path / "e" / name).write_text("mine")
    with pytest.raises(UsageError, match="no part of an export"):
        write_export(results, tmp_path / "e", ("md",), overwrite=True)
    assert (tmp_path / "e" / name).read_text() == "mine"


def test_a_results_folder_is_no_place_for_an_export(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "r", manifest=make_manifest())
    with pytest.raises(UsageError, match="no part of an export"):
        write_export(read_results(folder), folder, overwrite=True)


def test_an_export_that_fails_leaves_nothing(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(UsageError, match=r"export: cannot write .*No space left"):
        write_export(results, tmp_path / "e", ("md",))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_place_for_an_export(results: Results, tmp_path: Path) -> None:
    (tmp_path / "e").write_text("x")
    with pytest.raises(UsageError, match="is a file; expected a folder"):
        write_export(results, tmp_path / "e")


def test_results_without_rows_can_be_exported(tmp_path: Path) -> None:
    folder = write_export(build_results(), tmp_path / "e")
    assert "No results." in (folder / "summary.md").read_text()
