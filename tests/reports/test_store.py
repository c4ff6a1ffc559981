from __future__ import annotations

import json
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradassay.core.errors import DataError, UsageError
from gradassay.core.records import CheckResult, CostRow, EpochRow, Measurement
from gradassay.reports import SCHEMA_VERSION, build_manifest, read_results, write_results
from gradassay.reports.manifest import checked_out
from gradassay.reports.rows import load_rows

Write = Callable[..., Path]


@pytest.fixture
def write(
    tmp_path: Path,
    measurements: list[Measurement],
    checks: list[CheckResult],
    cost: list[CostRow],
    training: list[EpochRow],
    manifest: dict[str, object],
) -> Write:
    def run(**options: Any) -> Path:
        kept: dict[str, Any] = {
            "measurements": measurements,
            "checks": checks,
            "cost": cost,
            "training": training,
            "manifest": manifest,
        }
        return write_results(tmp_path / "results", **(kept | options))

    return run


def test_records_come_back_as_they_were_written(
    write: Write, measurements: list[Measurement], training: list[EpochRow]
) -> None:
    rows = load_rows(read_results(write()))
    assert list(rows.measurements) == measurements
    assert list(rows.training) == training


def test_numbers_that_are_not_finite_come_back(
    write: Write, measurements: list[Measurement]
) -> None:
    odd = replace(measurements[0], value=math.nan, low=-math.inf, high=math.inf)
    row = load_rows(read_results(write(measurements=[odd]))).measurements[0]
    assert math.isnan(row.value)
    assert (row.low, row.high) == (-math.inf, math.inf)


def test_empty_tables_keep_their_columns(write: Write) -> None:
    results = read_results(write(measurements=[], checks=[], cost=[], training=[]))
    assert list(results.measurements.columns)[:3] == ["subject", "problem", "layer"]
    assert len(results.training) == 0


def test_a_folder_holds_parquet_and_json_only(write: Write) -> None:
    folder = write()
    assert sorted(path.name for path in folder.iterdir()) == [
        "checks.parquet", "cost.parquet", "cost_curves.parquet", "exponents.parquet",
        "manifest.json", "measurements.parquet", "moments.parquet", "scaling.parquet",
        "training.parquet",
    ]  # fmt: skip


def test_missing_parents_are_made(tmp_path: Path, manifest: dict[str, object]) -> None:
    folder = write_results(tmp_path / "a" / "b", manifest=manifest)
    assert read_results(folder).manifest["seed"] == 7


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_nothing_half_written_is_left(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(table: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises((UsageError, KeyboardInterrupt)):
        write()
    assert list(tmp_path.iterdir()) == []


def test_old_results_survive_a_failed_overwrite(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    rename = os.replace

    def fail(source: Path, target: Path) -> None:
        if str(source).endswith(".partial"):
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write(measurements=[], overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_overwriting_replaces_results_and_leaves_nothing_else(write: Write, tmp_path: Path) -> None:
    write()
    folder = write(measurements=[], overwrite=True)
    assert len(read_results(folder).measurements) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_results_are_not_overwritten_unasked(write: Write) -> None:
    write()
    with pytest.raises(UsageError, match=r"already holds results.*ask to overwrite"):
        write()


def test_an_empty_folder_is_used(write: Write, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    folder = write()
    assert folder == tmp_path / "results"
    assert read_results(folder).manifest["schema_version"] == SCHEMA_VERSION


def test_a_folder_of_other_things_is_never_touched(write: Write, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match=r"no manifest\.json"):
        write(overwrite=True)
    assert (tmp_path / "results" / "thesis.tex").read_text() == "x"


def test_results_with_a_foreign_file_are_not_overwritten(write: Write) -> None:
    (write() / "notes.md").write_text("x")
    with pytest.raises(UsageError, match=r"notes\.md.*Move it away"):
        write(overwrite=True)


def test_a_file_in_the_way_is_a_usage_error(write: Write, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("x")
    with pytest.raises(UsageError, match="is a file; expected a folder"):
        write()


def test_an_unwritable_place_is_a_usage_error(tmp_path: Path, manifest: dict[str, object]) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot write") as caught:
        write_results(tmp_path / "file" / "results", manifest=manifest)
    assert "\n" not in str(caught.value)


def _without_column(folder: Path) -> None:
    table = pq.read_table(folder / "cost.parquet")
    pq.write_table(table.drop_columns(["unit"]), folder / "cost.parquet")


def _with_words_for_numbers(folder: Path) -> None:
    table = pq.read_table(folder / "cost.parquet")
    words = pa.array(["many"] * len(table))
    index = table.column_names.index("value")
    pq.write_table(table.set_column(index, "value", words), folder / "cost.parquet")


def _with_an_empty_name(folder: Path) -> None:
    table = pq.read_table(folder / "cost.parquet")
    names = pa.array([None, *["x"] * (len(table) - 1)], pa.string())
    pq.write_table(table.set_column(0, "subject", names), folder / "cost.parquet")


def _truncated(folder: Path) -> None:
    path = folder / "checks.parquet"
    path.write_bytes(path.read_bytes()[:-40])


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "does not exist"),
    "no manifest": (lambda f: (f / "manifest.json").unlink(), r"manifest\.json: missing"),
    "no table": (lambda f: (f / "training.parquet").unlink(), r"training\.parquet: missing"),
    "no column": (_without_column, r"cost\.parquet: no column unit; expected subject"),
    "words": (_with_words_for_numbers, r"cost\.parquet: unreadable"),
    "empty name": (_with_an_empty_name, "empty cells in subject"),
    "truncated": (_truncated, r"checks\.parquet: unreadable"),
    "not json": (lambda f: (f / "manifest.json").write_text("{"), r"manifest\.json: unreadable"),
    "no object": (lambda f: (f / "manifest.json").write_text("[]"), "expected a JSON object"),
    "version": (
        lambda f: (f / "manifest.json").write_text('{"schema_version": 99}'),
        f"schema version 99; expected {SCHEMA_VERSION}",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_a_data_error_of_one_line_that_says_what_to_do(write: Write, name: str) -> None:
    folder = write()
    damage, message = DAMAGE[name]
    damage(folder)
    with pytest.raises(DataError, match=message) as caught:
        read_results(folder)
    assert "\n" not in str(caught.value)
    assert "expected" in str(caught.value)


def test_the_manifest_says_what_ran_where() -> None:
    options = {"batch": 8, "path": Path("data"), "limit": math.inf, "axes": (1, 2)}
    manifest = build_manifest(["gradassay", "measure"], 7, options, {"a.gz": "sha256:0"})
    assert manifest["schema_version"] == SCHEMA_VERSION
    assert manifest["versions"]["python"] == platform.python_version()
    assert {"gradassay", "numpy"} <= set(manifest["versions"])
    assert manifest["date_utc"].endswith("Z")
    assert manifest["cpu_count"] == os.cpu_count()
    assert manifest["settings"]["limit"] == "inf"
    json.dumps(manifest, allow_nan=False)


def test_the_room_never_imports_torch() -> None:
    code = "import gradassay.reports as r, sys; r.build_manifest('x', 1, {}, {});"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_a_checkout_is_named_by_its_commit_and_whether_files_were_changed(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", *identity, *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert checked_out(tmp_path) == ""
    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-q", "-m", "one")
    git("tag", "-a", "v1", "-m", "v1")
    assert checked_out(tmp_path) == git("rev-parse", "--short=12", "HEAD")
    (tmp_path / "file").write_text("two")
    assert checked_out(tmp_path).endswith("-dirty")
    assert checked_out(tmp_path / "file") == ""
