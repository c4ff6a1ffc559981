"""Cells are kept as files, found again, and put together in the grid's order."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradassay.core.errors import ConfigurationError, DataError, UsageError
from gradassay.sweeps import SCHEMA, Grid, SweepCell, SweepFolder, SweepRow, read_sweep
from gradassay.sweeps.cell_files import read_cell
from gradassay.sweeps.run import Sweep
from gradassay.sweeps.working import Job, work
from tests.sweeps.conftest import LAYERS, cells_of, made_up

Made = Callable[[str | Path], Sweep]


def digest_of(sweep: Sweep) -> str:
    sweep.compute(made_up)
    return str(sweep.assemble({"seed": 0})["results_sha256"])


@pytest.fixture
def memory() -> str:
    return f"memory://{uuid4().hex}/sweep"


def test_the_data_set_holds_the_cells_in_the_grids_order(sweep_at: Made, tmp_path: Path) -> None:
    sweep = sweep_at(tmp_path)
    digest_of(sweep)
    table = pq.read_table(tmp_path / "results.parquet")
    assert table.schema.equals(SCHEMA)
    expected = [
        (i, cell.point.estimator, cell.point.seed, row.layer, row.quantity, row.value)
        for i, cell in enumerate(sweep.cells)
        for row in made_up(cell)
    ]
    names = ["cell", "estimator", "seed", "layer", "quantity", "value"]
    assert [tuple(row.values()) for row in table.select(names).to_pylist()] == expected
    assert set(table["options"].to_pylist()) == {"", "alpha=0.1", "alpha=0.2"}


def test_the_bytes_do_not_depend_on_the_order_of_the_cells(sweep_at: Made, tmp_path: Path) -> None:
    first = digest_of(sweep_at(tmp_path / "a"))
    other = sweep_at(tmp_path / "b")
    shuffled = list(other.cells)
    random.Random(3).shuffle(shuffled)
    for cell in shuffled:
        assert not work(Job(cell, other.folder.url, made_up)).error
    assert digest_of(other) == first
    assert (tmp_path / "a/results.parquet").read_bytes() == (
        tmp_path / "b/results.parquet"
    ).read_bytes()


def test_the_bytes_are_the_same_in_memory_and_by_a_url(
    sweep_at: Made, tmp_path: Path, memory: str
) -> None:
    digests = {digest_of(sweep_at(place)) for place in (tmp_path, f"file://{tmp_path}/u", memory)}
    assert len(digests) == 1
    assert len(read_sweep(memory)) == len(read_sweep(tmp_path)) == 9 * 9


def test_finished_cells_are_not_computed_again(sweep_at: Made, tmp_path: Path) -> None:
    computed: list[str] = []

    def counting(cell: SweepCell) -> list[SweepRow]:
        computed.append(cell.digest)
        if len(computed) == 5:
            raise KeyboardInterrupt
        return made_up(cell)

    sweep = sweep_at(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        sweep.compute(counting)
    assert len(sweep.to_do()) == len(sweep.cells) - 4
    sweep.compute(counting)
    assert len(computed) == len(sweep.cells) + 1  # the interrupted one twice
    assert sweep.assemble({})["results_sha256"] == digest_of(sweep_at(tmp_path / "once"))


def test_another_grid_in_the_same_folder_computes_what_is_missing(
    small_grid: Grid, sweep_at: Made, tmp_path: Path
) -> None:
    digest_of(sweep_at(tmp_path / "s"))
    wider = Sweep(
        SweepFolder(tmp_path / "s"),
        cells_of(Grid(estimators=["dfa", "dkp"], seeds=[0, 1, 2], budgets=256)),
    )
    assert {cell.point.estimator for cell in wider.to_do()} == {"dkp"}
    digest_of(wider)
    assert set(read_sweep(tmp_path / "s")["estimator"]) == {"dfa", "dkp"}
    assert wider.plan({}, lambda cells: {}).others == 6


def test_a_failing_cell_leaves_the_others_and_is_named(sweep_at: Made, tmp_path: Path) -> None:
    def failing(cell: SweepCell) -> list[SweepRow]:
        if cell.point.seed == 1 and cell.point.estimator == "dfa":
            raise ZeroDivisionError("division by zero")
        return made_up(cell)

    sweep = sweep_at(tmp_path)
    with pytest.raises(
        UsageError, match=r"1 of 9 cells failed; .*dfa, digits, fc-8, T=4, seed 1: Z"
    ):
        sweep.compute(failing)
    assert [cell.point.seed for cell in sweep.to_do()] == [1]


def test_a_worker_with_another_version_refuses(sweep_at: Made, tmp_path: Path) -> None:
    cell = replace(sweep_at(tmp_path).cells[0], version="0.0.1")
    outcome = work(Job(cell, str(tmp_path), made_up))
    assert "expected 0.0.1; install the same" in outcome.error
    assert SweepFolder(tmp_path).finished() == set()


def test_equal_cells_are_refused(small_grid: Grid, tmp_path: Path) -> None:
    cells = cells_of(small_grid)
    with pytest.raises(ConfigurationError, match="cells 0 and 9 are the same"):
        Sweep(SweepFolder(tmp_path), (*cells, cells[0]))


@pytest.mark.parametrize("name", ["notes.txt", "cells/notes.txt", "measurements.parquet"])
def test_a_folder_with_something_else_in_it_is_refused(
    name: str, sweep_at: Made, tmp_path: Path
) -> None:
    (tmp_path / "cells").mkdir()
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=name):
        sweep_at(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(sweep_at: Made, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        sweep_at(tmp_path / "file")


@pytest.mark.parametrize("url", ["nonsense://bucket/x", "s3://"])
def test_an_unusable_url_is_one_line(url: str) -> None:
    with pytest.raises(UsageError, match="sweep folder: got"):
        SweepFolder(url)


def test_what_a_killed_worker_left_half_written_does_no_harm(
    sweep_at: Made, tmp_path: Path
) -> None:
    (tmp_path / "cells").mkdir()
    digest = sweep_at(tmp_path).cells[0].digest
    (tmp_path / f"cells/.{digest}.parquet.0123456789ab.partial").write_bytes(b"PAR1")
    assert digest_of(sweep_at(tmp_path)) == digest_of(sweep_at(tmp_path / "clean"))


def truncated(content: bytes, table: pa.Table) -> bytes:
    return content[: len(content) // 2]


def rewritten(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def without_level(content: bytes, table: pa.Table) -> bytes:
    return rewritten(table.drop_columns("level"))


def with_a_column(content: bytes, table: pa.Table) -> bytes:
    return rewritten(table.append_column("mine", pa.array([1.0] * len(table))))


def of_another_cell(content: bytes, table: pa.Table) -> bytes:
    return rewritten(table.replace_schema_metadata({"gradassay.digest": "ab" * 32}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated, "unreadable"),
        (lambda content, table: b"", "unreadable"),
        (without_level, "has no column level"),
        (with_a_column, "has the unknown column mine"),
        (of_another_cell, "holds the cell abababababababab, not that of its name"),
    ],
)
def test_a_damaged_cell_is_named_and_nothing_is_put_together(
    damage: Callable[[bytes, pa.Table], bytes], message: str, sweep_at: Made, tmp_path: Path
) -> None:
    sweep = sweep_at(tmp_path)
    before = digest_of(sweep)
    file = tmp_path / "cells" / f"{sweep.cells[4].digest}.parquet"
    file.write_bytes(damage(file.read_bytes(), pq.read_table(file)))
    with pytest.raises(DataError) as caught:
        sweep.assemble({})
    assert str(file) in str(caught.value)
    assert message in str(caught.value)
    assert "Delete the file" in str(caught.value)
    assert json.loads((tmp_path / "manifest.json").read_text())["results_sha256"] == before
    file.unlink()
    assert digest_of(sweep) == before


def test_times_are_apart_from_results(sweep_at: Made, tmp_path: Path) -> None:
    sweep = sweep_at(tmp_path)
    digest_of(sweep)
    times = pq.read_table(tmp_path / "times.parquet").to_pylist()
    assert [row["digest"] for row in times] == [cell.digest for cell in sweep.cells]
    assert [row["seconds"] for row in times] == [
        read_cell(sweep.folder, cell.digest).seconds for cell in sweep.cells
    ]
    assert not {"seconds", "digest"} & set(SCHEMA.names)


def test_layers_of_the_fixture_are_what_the_reader_returns(sweep_at: Made, tmp_path: Path) -> None:
    digest_of(sweep_at(tmp_path))
    assert tuple(dict.fromkeys(read_sweep(tmp_path)["layer"])) == LAYERS
