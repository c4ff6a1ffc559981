"""What a cluster may do: have no workers, take cells a few at a time, fail one, go away."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gradassay.core.errors import UsageError
from gradassay.sweeps import Grid, SweepCell, SweepFolder, grid_points
from gradassay.sweeps import cluster as clusters
from gradassay.sweeps.cells import cell_of, compute_cell
from gradassay.sweeps.cluster import cluster, run_on_cluster
from gradassay.sweeps.run import Sweep
from gradassay.sweeps.working import Job, Outcome

distributed = pytest.importorskip("distributed")
GRID = Grid(
    estimators="dfa", networks="fc-4", steps=2, seeds=[0, 1, 2, 3, 4], batch_sizes=2, budgets=256,
)  # fmt: skip


@pytest.fixture(scope="module")
def cells() -> tuple[SweepCell, ...]:
    return tuple(cell_of(point, GRID.model, None) for point in grid_points(GRID))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "PATIENCE_S", 1)


@contextmanager
def cluster_in_this_process(workers: int) -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=workers,
        processes=False,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=50,
    ) as started:
        yield started


class Unreadable:
    """Raises where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[bytes], object], tuple[bytes]]:
        return pickle.loads, (b"nonsense",)

    def __call__(self, cell: SweepCell) -> list[Any]:
        return []


def test_cells_are_handed_out_a_few_at_a_time_and_all_come_back(
    cells: tuple[SweepCell, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "MOST_UNDER_WAY", 2)
    with cluster_in_this_process(1) as started:
        sweep = Sweep(SweepFolder(tmp_path), cells)
        sweep.compute(compute_cell, scheduler=started.scheduler_address)
    here = Sweep(SweepFolder(tmp_path / "here"), cells)
    here.compute(compute_cell)
    assert sweep.to_do() == []
    assert sweep.assemble({})["results_sha256"] == here.assemble({})["results_sha256"]


def test_a_cluster_without_workers_is_refused() -> None:
    with (
        cluster_in_this_process(0) as started,
        pytest.raises(UsageError, match=r"has no workers; .* `dask worker inproc://"),
        cluster(started.scheduler_address),
    ):
        pytest.fail("there is nobody to compute anything")


def test_a_cell_that_a_worker_cannot_take_is_told_and_the_others_are_computed(
    cells: tuple[SweepCell, ...], tmp_path: Path
) -> None:
    jobs = [Job(cells[0], str(tmp_path), Unreadable())]
    jobs += [Job(cell, str(tmp_path), compute_cell) for cell in cells[1:]]
    with cluster_in_this_process(1) as started:
        outcomes = {
            outcome.cell.digest: outcome.error
            for outcome in run_on_cluster(jobs, started.scheduler_address)
        }
    assert outcomes.pop(cells[0].digest)
    assert outcomes == dict.fromkeys((cell.digest for cell in cells[1:]), "")
    assert SweepFolder(tmp_path).finished() == set(outcomes)


def test_a_scheduler_that_goes_away_ends_it_and_what_is_finished_stays(
    cells: tuple[SweepCell, ...], tmp_path: Path
) -> None:
    sweep = Sweep(SweepFolder(tmp_path), cells)
    with cluster_in_this_process(1) as started:

        def leave(outcome: Outcome) -> None:
            started.close()

        with pytest.raises(UsageError, match="went away; expected it to stay until the end"):
            sweep.compute(compute_cell, scheduler=started.scheduler_address, on_outcome=leave)
    assert 0 < len(sweep.folder.finished()) < len(cells)
