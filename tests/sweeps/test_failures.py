"""What goes wrong around a cell is told in one line, and what is whole stays."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradassay.core.errors import ConfigurationError, DataError, UsageError
from gradassay.sweeps import SweepCell, SweepFolder, SweepRow, assembling
from gradassay.sweeps.cell_files import read_cell
from gradassay.sweeps.run import Sweep
from gradassay.sweeps.working import Job, Outcome, work
from tests.sweeps.conftest import made_up

Made = Callable[[str | Path], Sweep]


@pytest.mark.parametrize("rows", [1, 7, 27, 81, 100])
def test_groups_have_a_fixed_number_of_rows_and_the_last_one_the_rest(
    rows: int, sweep_at: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sweep_at(tmp_path / "whole")
    whole.compute(made_up)
    assert whole.assemble({})["rows"] == 81
    monkeypatch.setattr(assembling, "ROWS_OF_A_GROUP", rows)
    cut = sweep_at(tmp_path / "cut")
    cut.compute(made_up)
    assert cut.assemble({})["rows"] == 81
    file = pq.ParquetFile(tmp_path / "cut/results.parquet")
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert sizes == [rows] * (81 // rows) + [81 % rows] * (81 % rows > 0)
    assert file.read().equals(pq.read_table(tmp_path / "whole/results.parquet"))


def test_missing_cells_are_named_and_the_others_counted(sweep_at: Made, tmp_path: Path) -> None:
    sweep = sweep_at(tmp_path)
    with pytest.raises(DataError) as caught:
        sweep.assemble({})
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1][:7] for line in lines[:3]] == ["missing"] * 3
    assert [sweep.cells[i].digest in line for i, line in enumerate(lines[:3])] == [True] * 3
    assert lines[3:] == ["(and 6 more files of cells)"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda table: table.set_column(
                table.schema.get_field_index("level"), "level", table["level"].cast(pa.float32())
            ),
            "column level is float, not double",
        ),
        (
            lambda table: table.select(table.schema.names[::-1]),
            "has its columns in another order",
        ),
    ],
)
def test_a_cell_with_other_columns_says_which(
    change: Callable[[pa.Table], pa.Table], message: str, sweep_at: Made, tmp_path: Path
) -> None:
    sweep = sweep_at(tmp_path)
    sweep.compute(made_up)
    digest = sweep.cells[0].digest
    file = tmp_path / f"cells/{digest}.parquet"
    table = pq.read_table(file)
    not_null = [field.with_nullable(False) for field in change(table).schema]
    pq.write_table(change(table).cast(pa.schema(not_null, table.schema.metadata)), file)
    with pytest.raises(DataError, match=message):
        read_cell(sweep.folder, digest)


def test_cells_that_are_finished_where_nobody_here_sees_them_are_an_error(
    sweep_at: Made, tmp_path: Path
) -> None:
    sweep = sweep_at(tmp_path)

    def lost(outcome: Outcome) -> None:
        (tmp_path / sweep.folder.cell_name(outcome.cell.digest)).unlink()

    with pytest.raises(UsageError, match="9 cells were finished and are not in"):
        sweep.compute(made_up, on_outcome=lost)


def test_an_error_of_this_package_is_told_without_its_class(sweep_at: Made, tmp_path: Path) -> None:
    def refused(cell: SweepCell) -> list[SweepRow]:
        raise ConfigurationError("budget: got 8; expected at least 256.")

    outcome = work(Job(sweep_at(tmp_path).cells[0], str(tmp_path), refused))
    assert outcome == Outcome(outcome.cell, "budget: got 8; expected at least 256.")


def test_a_folder_below_a_file_can_neither_be_listed_nor_written(
    sweep_at: Made, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    below = tmp_path / "file" / "sweep"
    with pytest.raises(UsageError, match="sweep folder: cannot read"):
        sweep_at(below)
    cell = sweep_at(tmp_path / "good").cells[0]
    assert "sweep folder: cannot write" in work(Job(cell, str(below), made_up)).error
    assert (tmp_path / "file").read_text() == "mine"


def test_what_is_no_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(DataError, match=r"manifest\.json: .*Is a directory.*; expected a file"):
        SweepFolder(tmp_path).read("manifest.json")
    with pytest.raises(DataError, match=r"times\.parquet: missing; expected a file"):
        SweepFolder(tmp_path).read("times.parquet")


KILLED = """
import multiprocessing, os, signal
from gradassay.sweeps import Grid, SweepCell, grid_points
from gradassay.sweeps.processes import run_in_processes
from gradassay.sweeps.working import Job
points = grid_points(Grid(estimators="dfa", seeds=[0, 1, 2, 3]))
jobs = [Job(SweepCell(point, (), (), "another"), ".", print) for point in points]
next(iter(run_in_processes(jobs, 2)))
print(*(child.pid for child in multiprocessing.active_children()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads processes from /proc")
def test_workers_end_when_the_process_that_began_them_is_killed(tmp_path: Path) -> None:
    words = [sys.executable, "-c", KILLED]
    done = subprocess.run(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True, timeout=60)
    workers = [int(word) for word in done.stdout.split()]
    assert (done.returncode, len(workers)) == (-9, 2)
    limit = time.monotonic() + 20
    while any(map(is_alive, workers)) and time.monotonic() < limit:
        time.sleep(0.05)
    assert [pid for pid in workers if is_alive(pid)] == []


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not asked for its code does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
