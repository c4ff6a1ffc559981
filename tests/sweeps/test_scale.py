"""Large sweeps and long measurements: same bytes, seconds, constant memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from gradassay.sweeps import SweepFolder, grid_points, read_grid
from gradassay.sweeps.cells import cell_of, compute_cell
from gradassay.sweeps.run import Sweep
from gradassay.sweeps.working import Outcome
from tests.sweeps.synthetic import write_synthetic
from tests.sweeps.test_processes import local_cluster, worker_pids

EXAMPLE = Path(__file__).parents[2] / "examples" / "sweep.toml"
MEBIBYTE = 1 << 20
pytestmark = pytest.mark.campaign


@dataclass(frozen=True)
class Spent:
    seconds: float
    peak_bytes: int


# the most memory that this program held: of `getrusage`, a child's includes its parent's
RUN = """
import sys
from gradassay.cli.main import main
assert main(sys.argv[1:]) == 0
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
"""


def spent_by(*arguments: str) -> Spent:
    """Run a command in a process of its own."""
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    return Spent(time.monotonic() - start, int(done.stdout.split()[-1]) * 1024)


def swept(folder: Path, **options: object) -> tuple[str, float]:
    """Run the example's sweep; return the digest of its results and the time of its cells."""
    grid = read_grid(EXAMPLE)
    cells = tuple(cell_of(point, grid.model, None) for point in grid_points(grid))
    sweep = Sweep(SweepFolder(folder), cells)
    start = time.monotonic()
    sweep.compute(compute_cell, **options)  # type: ignore[arg-type]
    seconds = time.monotonic() - start
    return str(sweep.assemble({})["results_sha256"]), seconds


def test_two_hundred_cells_are_the_same_bytes_on_any_cluster(tmp_path: Path) -> None:
    digests = {"processes": swept(tmp_path / "processes", workers=2)[0]}
    for workers in (1, 2, 4):
        with local_cluster(workers) as address:
            killed: list[int] = []
            done: list[Outcome] = []

            def kill_one(
                outcome: Outcome, address: str = address, done: list[Outcome] = done,
                killed: list[int] = killed,
            ) -> None:  # fmt: skip
                done.append(outcome)
                if len(done) == 60 and not killed:
                    killed.append(worker_pids(address)[0])
                    os.kill(killed[0], 9)

            digest, seconds = swept(tmp_path / f"{workers}", scheduler=address)
            print(f"\n{workers} workers: 200 cells in {seconds:.1f} s, sha256 {digest}")
            digests[f"{workers} workers"] = digest
            if workers == 2:
                digest, seconds = swept(tmp_path / "killed", scheduler=address, on_outcome=kill_one)
                print(f"2 workers, one killed: {seconds:.1f} s, sha256 {digest}")
                digests["one killed"] = digest
                assert killed
    assert len(set(digests.values())) == 1, digests


def test_ten_million_rows_are_reported_in_seconds_at_modest_memory(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    write_synthetic(small, 100_000)
    rows = write_synthetic(large, 10_000_000)
    least, most = spent_by("report", str(small)), spent_by("report", str(large))
    print(f"\n{rows:,} rows: {most.seconds:.1f} s, {most.peak_bytes / MEBIBYTE:.0f} MiB")
    print(f"100,000 rows: {least.seconds:.1f} s, {least.peak_bytes / MEBIBYTE:.0f} MiB")
    assert most.peak_bytes < least.peak_bytes + 512 * MEBIBYTE


@pytest.mark.parametrize(
    ("network", "budget", "batch_size"), [("fc-8", 1_000_000, 1), ("fc-800-800", 10_000, 2)]
)
def test_memory_does_not_grow_with_replicates(
    network: str, budget: int, batch_size: int, tmp_path: Path
) -> None:
    same = ["--network", network, "--batch-size", str(batch_size), "--estimators", "opzo"]
    tenth, whole = (
        spent_by("measure", *same, "--budget", str(size), "--out", str(tmp_path / str(size)))
        for size in (budget // 10, budget)
    )
    print(
        f"\n{network}: {budget:,} replicates {whole.seconds:.0f} s,"
        f" {whole.peak_bytes / MEBIBYTE:.0f} MiB; a tenth {tenth.peak_bytes / MEBIBYTE:.0f} MiB"
    )
    assert whole.peak_bytes < 1.05 * tenth.peak_bytes
