"""What a worker does: compute a cell on one thread, and write its file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from gradassay import __version__
from gradassay.core.errors import GradassayError
from gradassay.sweeps.cell_files import write_cell
from gradassay.sweeps.store import SweepFolder
from gradassay.sweeps.table import SweepCell, SweepRow, cell_table

Compute = Callable[[SweepCell], Iterable[SweepRow]]
# of a worker with several threads one computes: the number of threads of a product is a process's
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Job:
    """A cell to compute; can be sent to another process or machine.

    Parameters
    ----------
    cell : SweepCell
        What to compute.
    url : str
        The sweep's folder.
    compute : callable
        Gives the rows of a cell; stands in a module.
    """

    cell: SweepCell
    url: str
    compute: Compute


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: its file is there, or a line says why not.

    Parameters
    ----------
    cell : SweepCell
        The cell.
    error : str
        Empty if the file is there.
    seconds : float
        How long it took; 0 of a cell that failed.
    """

    cell: SweepCell
    error: str = ""
    seconds: float = 0.0


def work(job: Job, folder: SweepFolder | None = None) -> Outcome:
    """Compute a cell and write its file; an error becomes part of the outcome."""
    cell = job.cell
    try:
        if cell.version != __version__:
            return Outcome(
                cell,
                f"the worker has gradassay {__version__}, expected {cell.version}; install the same"
                " on all machines",
            )
        with _ONE_AT_A_TIME, one_thread():
            start = time.perf_counter()
            table = cell_table(cell, job.compute(cell))
            seconds = time.perf_counter() - start
        write_cell(folder or SweepFolder(job.url), cell, table, seconds)
    except GradassayError as error:
        return Outcome(cell, str(error))
    except Exception as error:  # whatever a third party's estimator raises: the others go on
        return Outcome(cell, f"{type(error).__name__}: {error}")
    return Outcome(cell, seconds=seconds)


@contextmanager
def one_thread() -> Generator[None]:
    """Compute on one thread, so that results do not depend on how many there are."""
    import torch

    before = torch.get_num_threads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
