"""``gradassay sweep``: the cells of a grid, by local processes or a dask cluster."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from gradassay.cli.exit_codes import PASSED
from gradassay.cli.lines import print_line
from gradassay.cli.options import command_line
from gradassay.core.errors import UsageError
from gradassay.workbench.progress import bar

if TYPE_CHECKING:
    from gradassay.sweeps import Grid, Plan, SweepFolder
    from gradassay.sweeps.run import Sweep


def sweep(
    grid: Path,
    /,
    *,
    out: str | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    plan: bool = False,
    data_dir: Path | None = None,
) -> int:
    """Measure or train at every point of a grid; one data set of all results.

    Each cell is kept as a file when it is finished: after an interruption the same command goes on.
    The results are the same bytes whatever computes them.

    Parameters
    ----------
    grid
        A TOML file; see docs/sweeps.md.
    out
        Folder of the sweep, a path or a URL that fsspec knows; results/sweep-GRID where not given.
    workers
        Processes of this machine, each on one thread.
    scheduler
        Address of a dask scheduler, tcp://HOST:PORT, whose workers compute the cells instead; they
        write to OUT by themselves.
    plan
        Say what is done, what is left and what it will cost, and stop.
    data_dir
        Folder with the data sets' files, as for the other commands.
    """
    from gradassay.reports.sweep_page import write_sweep_report
    from gradassay.sweeps import SweepFolder, grid_points, read_grid
    from gradassay.sweeps.cells import cell_of, compute_cell
    from gradassay.sweeps.cluster import cluster
    from gradassay.sweeps.run import Sweep

    if workers < 1:
        raise UsageError(f"--workers: got {workers}; expected at least 1.")
    if workers > 1 and scheduler is not None:
        raise UsageError("--workers and --scheduler: got both; expected one of them.")
    axes = read_grid(grid)
    folder = SweepFolder(out if out is not None else f"results/sweep-{grid.stem}")
    cells = tuple(cell_of(point, axes.model, data_dir) for point in grid_points(axes))
    whole = Sweep(folder, cells)
    _print_plan(_planned(whole, data_dir), folder, scheduler or workers)
    if plan:
        return PASSED
    if scheduler is not None and whole.to_do():
        with cluster(scheduler):  # before anything is written
            pass
    with _going_on(whole), bar(len(whole.to_do()), "sweep") as advance:
        whole.compute(
            partial(compute_cell, data_dir=data_dir),
            workers=workers,
            scheduler=scheduler,
            on_outcome=lambda outcome: advance(outcome.cell.point.estimator),
        )
        manifest = whole.assemble(_manifest(axes, whole))
    page = write_sweep_report(folder)
    print_line(
        f"results: {folder.path('results.parquet')} ({manifest['cells']:,} cells,"
        f" {manifest['rows']:,} rows, sha256 {manifest['results_sha256']})"
    )
    print_line(f"report: {page}")
    return PASSED


def _planned(whole: Sweep, data_dir: Path | None) -> Plan:
    """Return the plan; where nothing is left, nothing is counted."""
    from gradassay.sweeps.calibration import calibrated, operations_by_family

    left = whole.to_do()
    operations = operations_by_family(whole.cells, data_dir) if left else {}
    return whole.plan(operations, lambda cells: calibrated(cells, operations, data_dir))


def _print_plan(plan: Plan, folder: SweepFolder, computed_by: int | str) -> None:
    """Say what is done and what the rest will cost."""
    from gradassay.sweeps.plan import lines_of

    for line in lines_of(plan, folder.name, computed_by):
        print_line(line)


def _manifest(grid: Grid, whole: Sweep) -> dict[str, Any]:
    """Return what the manifest says besides the data set."""
    import msgspec

    from gradassay.reports import build_manifest
    from gradassay.verify.measuring.measurement import INTERVAL_METHOD

    first = whole.cells[0].point.seed
    checksums = {
        f"{cell.point.dataset}/{name}": value
        for cell in {cell.point.dataset: cell for cell in whole.cells}.values()
        for name, value in cell.checksums
    }
    settings = {"grid": msgspec.to_builtins(grid)}
    return build_manifest(
        command_line(), first, settings, checksums, interval_method=INTERVAL_METHOD
    )


@contextmanager
def _going_on(whole: Sweep) -> Generator[None]:
    """Say after Ctrl-C, or a scheduler's SIGTERM, how to go on."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    leads = threading.current_thread() is threading.main_thread()  # which alone gets signals
    before = signal.signal(signal.SIGTERM, on_signal) if leads else None
    try:
        yield
    except KeyboardInterrupt:
        total = len(whole.cells)
        done = total - len(whole.to_do())
        raise KeyboardInterrupt(
            f"interrupted; {done:,} of {total:,} cells are kept, and the same command goes on."
        ) from None
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
