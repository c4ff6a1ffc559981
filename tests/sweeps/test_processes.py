"""Real cells in several processes: the same bytes, also where one of them is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gradassay.core.errors import UsageError
from gradassay.sweeps import Grid, SweepCell, SweepFolder, SweepRow, grid_points
from gradassay.sweeps.cells import cell_of, compute_cell
from gradassay.sweeps.cluster import run_on_cluster
from gradassay.sweeps.processes import run_in_processes
from gradassay.sweeps.run import Sweep
from gradassay.sweeps.working import Job, Outcome

distributed = pytest.importorskip("distributed")
GRID = Grid(
    estimators="dfa",
    networks="fc-4",
    steps=2,
    seeds=[0, 1, 2, 3, 4, 5],
    batch_sizes=2,
    budgets=256,
)


@pytest.fixture(scope="module")
def cells() -> tuple[SweepCell, ...]:
    return tuple(cell_of(point, GRID.model, None) for point in grid_points(GRID))


@pytest.fixture(scope="module")
def expected(cells: tuple[SweepCell, ...], tmp_path_factory: pytest.TempPathFactory) -> str:
    return finished(Sweep(SweepFolder(tmp_path_factory.mktemp("here")), cells))


def finished(sweep: Sweep, **options: object) -> str:
    sweep.compute(compute_cell, **options)  # type: ignore[arg-type]
    return str(sweep.assemble({})["results_sha256"])


@contextmanager
def local_cluster(workers: int) -> Iterator[str]:
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


def worker_pids(address: str) -> list[int]:
    with distributed.Client(address, set_as_default=False) as client:
        return list(client.run(os.getpid).values())


def test_killing_a_process_changes_nothing(
    cells: tuple[SweepCell, ...], expected: str, tmp_path: Path
) -> None:
    others = set(multiprocessing.active_children())
    killed: list[int | None] = []

    def kill_one(outcome: Outcome) -> None:
        if not killed:
            victim = next(iter(set(multiprocessing.active_children()) - others))
            victim.kill()
            killed.append(victim.pid)

    sweep = Sweep(SweepFolder(tmp_path), cells)
    assert finished(sweep, workers=2, on_outcome=kill_one) == expected
    assert len(killed) == 1
    assert set(multiprocessing.active_children()) <= others


class Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (9,)

    def __call__(self, cell: SweepCell) -> list[SweepRow]:
        return []


def test_workers_that_die_again_and_again_end_it(
    cells: tuple[SweepCell, ...], tmp_path: Path
) -> None:
    jobs = [Job(cells[0], str(tmp_path), Deadly())]
    with pytest.raises(UsageError, match=r"workers: 3 died in a row, .*dfa, digits, fc-4"):
        list(run_in_processes(jobs, 2))


def test_the_cluster_gives_the_same_bytes_also_where_a_worker_is_killed(
    cells: tuple[SweepCell, ...], expected: str, tmp_path: Path
) -> None:
    with local_cluster(2) as address:
        killed: list[int] = []

        def kill_one(outcome: Outcome) -> None:
            if not killed:
                killed.append(worker_pids(address)[0])
                os.kill(killed[0], signal.SIGKILL)

        sweep = Sweep(SweepFolder(tmp_path), cells)
        assert finished(sweep, scheduler=address, on_outcome=kill_one) == expected
    assert len(killed) == 1


def test_a_folder_in_memory_is_refused_where_processes_do_not_share_it(
    cells: tuple[SweepCell, ...],
) -> None:
    jobs = [Job(cells[0], "memory:///x", compute_cell)]
    with pytest.raises(UsageError, match="lives in one process; expected --workers 1"):
        next(run_in_processes(jobs, 2))
    with pytest.raises(UsageError, match="lives in one process; expected a folder"):
        next(run_on_cluster(jobs, "tcp://127.0.0.1:1"))
