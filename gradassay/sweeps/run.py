"""A sweep from its cells to its data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.sweeps.assembling import assemble
from gradassay.sweeps.cell_files import read_cell
from gradassay.sweeps.cluster import run_on_cluster
from gradassay.sweeps.plan import Family, Plan, family_of, predict_seconds
from gradassay.sweeps.processes import run_here, run_in_processes
from gradassay.sweeps.store import SweepFolder
from gradassay.sweeps.table import SweepCell
from gradassay.sweeps.working import Compute, Job, Outcome

# finished cells whose times are looked at before a run, for a prediction
_MOST_LOOKED_AT = 200


@dataclass(frozen=True)
class Sweep:
    """The cells of a grid, and the folder where they are kept.

    Parameters
    ----------
    folder : SweepFolder
        Where to.
    cells : tuple of SweepCell
        In the grid's order.

    Raises
    ------
    ConfigurationError
        If two cells are the same.
    UsageError
        If the folder holds something else.
    """

    folder: SweepFolder
    cells: tuple[SweepCell, ...]

    def __post_init__(self) -> None:
        first: dict[str, int] = {}
        for number, cell in enumerate(self.cells):
            other = first.setdefault(cell.digest, number)
            if other != number:
                raise ConfigurationError(
                    f"grid: cells {other} and {number} are the same ({cell.label}); expected each"
                    " cell once."
                )
        self.folder.require_usable()

    def to_do(self) -> list[SweepCell]:
        """Return the cells whose files are not there."""
        finished = self.folder.finished()
        return [cell for cell in self.cells if cell.digest not in finished]

    def plan(
        self,
        operations: Mapping[Family, float],
        calibrated: Callable[[Sequence[SweepCell]], Mapping[Family, Sequence[float]]],
    ) -> Plan:
        """Return what the sweep is going to cost.

        Parameters
        ----------
        operations : mapping from family to float
            Of one cell, of all families.
        calibrated : callable
            Called with the cells to do if none is finished; gives times of a few of them.
        """
        finished = self.folder.finished()
        left = [cell for cell in self.cells if cell.digest not in finished]
        done = [cell for cell in self.cells if cell.digest in finished]
        to_do = Counter(family_of(cell) for cell in left)
        total = sum(count * operations[family] for family, count in to_do.items())
        seen: dict[Family, list[float]] = {}
        looked_at = done[:: max(1, len(done) // _MOST_LOOKED_AT)] if left else []
        for cell in looked_at:
            took = read_cell(self.folder, cell.digest).seconds
            seen.setdefault(family_of(cell), []).append(took)
        told = f"{len(looked_at)} finished cells"
        if left and not done:
            found = calibrated(left)
            seen = {family: list(times) for family, times in found.items()}
            told = f"a calibration of {len(found)} cells"
        others = len(finished) - len(done)
        seconds = predict_seconds(to_do, operations, seen)
        return Plan(len(self.cells), len(done), others, total, seconds, told)

    def compute(
        self,
        compute: Compute,
        *,
        workers: int = 1,
        scheduler: str | None = None,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    ) -> None:
        """Compute the cells that are not there.

        Parameters
        ----------
        compute : callable
            Gives the rows of a cell; stands in a module, so that other processes find it.
        workers : int
            Processes of this machine; with 1 everything runs in this one.
        scheduler : str or None
            Address of a dask scheduler whose workers do it instead.
        on_outcome : callable
            Called after each cell.

        Raises
        ------
        UsageError
            If cells failed: says why the first did. All others are computed.
        """
        url = self.folder.url
        jobs = [Job(cell, url, compute) for cell in self.to_do()]
        failed: list[Outcome] = []
        with closing(_outcomes(jobs, workers, scheduler)) as outcomes:
            for outcome in outcomes:
                on_outcome(outcome)
                if outcome.error:
                    failed.append(outcome)
        if failed:
            raise UsageError(
                f"{len(failed)} of {len(self.cells)} cells failed; the first,"
                f" {failed[0].cell.label}: {failed[0].error}\nThe others are kept."
                " Mend it and run the same command again."
            )
        missing = self.to_do()
        if missing:
            raise UsageError(
                f"--out: {len(missing)} cells were finished and are not in {self.folder.name!r};"
                " expected a folder that all workers see. Give a shared one, or a URL."
            )

    def assemble(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Write the data set; see `gradassay.sweeps.assembling.assemble`."""
        return assemble(self.folder, self.cells, manifest)


def _outcomes(jobs: Sequence[Job], workers: int, scheduler: str | None) -> Generator[Outcome]:
    """Yield outcomes from wherever the cells are computed."""
    if not jobs:
        return
    if scheduler is not None:
        yield from run_on_cluster(jobs, scheduler)
    elif workers > 1:
        yield from run_in_processes(jobs, workers)
    else:
        yield from run_here(jobs)
