"""Cells of a sweep one by one: their data, their predicted times, and what ends a sweep early."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gradassay.cli.main import main
from gradassay.core.errors import DataError
from gradassay.sweeps import Grid, SweepCell, calibration, grid_points
from gradassay.sweeps import run as runs
from gradassay.sweeps.calibration import calibrated, operations_by_family
from gradassay.sweeps.cells import cell_of, compute_cell
from gradassay.sweeps.plan import family_of
from gradassay.sweeps.working import Job, Outcome, work

SMALL = """
estimators = ["dfa"]
networks = ["fc-4"]
steps = 2
seeds = [0, 1, 2]
batch_sizes = 2
budgets = 256
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text(SMALL)


def pair(estimator: str) -> list[SweepCell]:
    """A measurement and a training of 3 epochs of 100 samples."""
    grid = Grid(
        estimators=estimator, networks="fc-4", steps=2, batch_sizes=2, budgets=256,
        kinds=["measure", "train"], training={"epochs": 3, "train_samples": 100},
    )  # fmt: skip
    return [cell_of(point, grid.model, None) for point in grid_points(grid)]


@pytest.fixture(scope="module")
def cells() -> list[SweepCell]:
    return pair("dfa")


def checksum(folder: str) -> str:
    return str(json.loads(Path(folder, "manifest.json").read_text())["results_sha256"])


def test_other_data_than_the_cells_are_refused(cells: list[SweepCell]) -> None:
    other = replace(cells[0], checksums=(("train-inputs", "00ff"),))
    with pytest.raises(DataError, match="digits: the worker's files differ"):
        compute_cell(other)


def test_a_training_is_counted_by_samples_and_a_measurement_by_estimates(
    cells: list[SweepCell],
) -> None:
    measured, trained = cells
    assert (measured.point.kind, trained.point.kind) == ("measure", "train")
    operations = operations_by_family(cells, None)
    # no update warms up feedback that learns nothing
    of_a_sample = operations[family_of(measured)] / (256 * 2)
    assert operations[family_of(trained)] / (3 * 100) == pytest.approx(of_a_sample, rel=0.05)


def test_updates_that_warm_up_feedback_are_counted() -> None:
    measured, trained = pair("opzo")
    operations = operations_by_family([measured, trained], None)
    of_a_sample = operations[family_of(trained)] / (3 * 100)
    updates = 32 * 300  # of 32 blocks
    assert operations[family_of(measured)] > updates * 2 * of_a_sample


def test_long_cells_are_predicted_and_not_computed(
    cells: list[SweepCell], monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(cell: SweepCell, data_dir: Path | None) -> None:
        pytest.fail("a long cell was computed for a calibration")

    monkeypatch.setattr(calibration, "SHORT_S", 0.0)
    monkeypatch.setattr(calibration, "compute_cell", computed)
    found = calibrated(cells, operations_by_family(cells, None), None)
    assert set(found) == {family_of(cell) for cell in cells}
    for times in found.values():
        assert len(times) == calibration.REPEATS
        assert min(times) > 0


def test_a_cluster_gives_the_same_bytes_by_the_command() -> None:
    distributed = pytest.importorskip("distributed")
    assert main(["sweep", "grid.toml", "--out", "here"]) == 0
    with distributed.LocalCluster(
        n_workers=1, processes=False, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        address = cluster.scheduler_address
        assert main(["sweep", "grid.toml", "--out", "there", "--scheduler", address]) == 0
    assert checksum("there") == checksum("here")


def test_a_sweep_runs_in_a_thread_that_gets_no_signals() -> None:
    codes: list[int] = []
    thread = threading.Thread(
        target=lambda: codes.append(main(["sweep", "grid.toml", "--out", "s"]))
    )
    thread.start()
    thread.join()
    assert codes == [0]
    assert main(["sweep", "grid.toml", "--out", "m"]) == 0
    assert checksum("s") == checksum("m")


def test_a_schedulers_sigterm_keeps_what_is_finished(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def terminated_after_two(jobs: Sequence[Job]) -> Iterator[Outcome]:
        yield from map(work, jobs[:2])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)  # the handler raises before it is over
        yield from map(work, jobs[2:])

    monkeypatch.setattr(runs, "run_here", terminated_after_two)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["sweep", "grid.toml", "--out", "s"]) == 130
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told == "error: interrupted; 2 of 3 cells are kept, and the same command goes on."
    assert signal.getsignal(signal.SIGTERM) is before
    assert len(list(Path("s/cells").iterdir())) == 2
    assert not Path("s/manifest.json").exists()
