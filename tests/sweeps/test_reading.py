"""The data set is read in part, and refuses what it does not have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gradassay.core.errors import DataError, UsageError
from gradassay.sweeps import SCHEMA, is_sweep, read_sweep
from gradassay.sweeps.run import Sweep
from tests.sweeps.conftest import made_up


@pytest.fixture
def finished(sweep_at: Callable[[Path], Sweep], tmp_path: Path) -> Path:
    sweep = sweep_at(tmp_path / "s")
    sweep.compute(made_up)
    sweep.assemble({"seed": 0})
    return tmp_path / "s"


def test_columns_and_filters_choose(finished: Path) -> None:
    whole = read_sweep(finished)
    assert list(whole.columns) == SCHEMA.names
    part = read_sweep(
        finished,
        columns=["value", "estimator"],
        filters=[("layer", "==", "total"), ("seed", "in", [0, 2])],
    )
    chosen = whole[(whole["layer"] == "total") & whole["seed"].isin([0, 2])]
    assert list(part.columns) == ["value", "estimator"]
    assert part["value"].tolist() == chosen["value"].tolist()
    expression = read_sweep(finished, filters=pc.field("layer") == "total")
    assert len(expression) == len(whole) // 3


@pytest.mark.parametrize("wanted", [{"columns": ["valve"]}, {"filters": [("valve", ">", 0)]}])
def test_an_unknown_column_is_named(finished: Path, wanted: dict[str, list[str]]) -> None:
    with pytest.raises(UsageError, match=r"got 'valve'; .*Did you mean 'value'"):
        read_sweep(finished, columns=wanted.get("columns"), filters=wanted.get("filters"))


def test_an_unfinished_sweep_says_how_far_it_is(finished: Path) -> None:
    (finished / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"not finished \(9 cells\)"):
        read_sweep(finished)


def test_another_schema_version_is_refused(finished: Path) -> None:
    manifest = json.loads((finished / "manifest.json").read_text())
    (finished / "manifest.json").write_text(json.dumps({**manifest, "sweep_schema_version": 7}))
    with pytest.raises(DataError, match="schema version 7; expected 1"):
        read_sweep(finished)


def test_damaged_files_are_named(finished: Path) -> None:
    data = finished / "results.parquet"
    table = pq.read_table(data)
    pq.write_table(table.drop_columns("unit"), data)
    with pytest.raises(DataError, match=r"results\.parquet: differs in unit"):
        read_sweep(finished)
    data.write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"results\.parquet: unreadable"):
        read_sweep(finished)
    data.unlink()
    with pytest.raises(DataError, match=r"results\.parquet: missing"):
        read_sweep(finished)
    (finished / "manifest.json").write_text("{")
    with pytest.raises(DataError, match=r"manifest\.json: unreadable"):
        read_sweep(finished)


def test_a_sweep_is_told_from_other_folders(finished: Path, tmp_path: Path) -> None:
    assert is_sweep(finished)
    assert not is_sweep(tmp_path)
    assert not is_sweep(tmp_path / "none")
