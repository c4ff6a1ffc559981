"""Cells on a running dask cluster."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import uuid4

from gradassay.core.errors import UsageError
from gradassay.sweeps.store import SweepFolder
from gradassay.sweeps.working import Job, Outcome, work

PATIENCE_S = 5
# cells handed to the scheduler at once; it keeps what it knows of them in memory
MOST_UNDER_WAY = 1000


def run_on_cluster(jobs: Sequence[Job], address: str) -> Iterator[Outcome]:
    """Yield the outcome of each cell as it is finished, computed by the workers of a dask cluster.

    A cell whose worker dies is given to another one by the scheduler.

    Raises
    ------
    UsageError
        If dask is not installed, the scheduler does not answer, goes away, or has no workers; or if
        a cell's file is not seen here when it is finished.
    """
    if jobs and not SweepFolder(jobs[0].url).is_shared:
        raise UsageError(
            f"--out: {jobs[0].url} lives in one process; expected a folder that all workers see."
        )
    with cluster(address) as client:
        yield from _through(client, jobs, address)


@contextmanager
def cluster(address: str) -> Generator[Any]:
    """Yield a client of the scheduler at an address, which has workers.

    Raises
    ------
    UsageError
        If dask is not installed, or there is no such scheduler, or it has no workers.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise UsageError(
            "--scheduler: dask is not installed. Run `pip install 'gradassay[sweep]'`, or use"
            " --workers."
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # errors are told by us
    try:
        client = distributed.Client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"--scheduler: no answer from {address!r} in {PATIENCE_S} s ({type(error).__name__});"
            " expected the address that `dask scheduler` printed, for example"
            " tcp://192.0.2.1:8786."
        ) from error
    try:
        try:
            client.wait_for_workers(1, timeout=PATIENCE_S)
        except TimeoutError:
            raise UsageError(
                f"--scheduler: {address!r} has no workers; expected at least one. Start some with"
                f" `dask worker {address} --nthreads 1`."
            ) from None
        yield client
    finally:
        client.close(timeout=PATIENCE_S)


def _through(client: Any, jobs: Sequence[Job], address: str) -> Iterator[Outcome]:
    """Hand out jobs and yield what comes back."""
    distributed: Any = importlib.import_module("distributed")
    run, more = uuid4().hex[:8], iter(jobs)  # keys of a run: another one's are other futures

    def submitted(count: int) -> dict[Any, Job]:
        return {
            client.submit(work, job, key=f"cell-{job.cell.digest}-{run}", pure=False): job
            for job in islice(more, count)
        }

    under_way = submitted(MOST_UNDER_WAY)
    done = distributed.as_completed(list(under_way), loop=client.loop)
    for future in done:
        job = under_way.pop(future)
        if future.cancelled() or future.status == "lost":
            raise _gone(address)
        try:
            outcome = future.result(timeout=PATIENCE_S)
        except (distributed.CancelledError, TimeoutError, OSError):
            raise _gone(address) from None
        except Exception as error:  # whatever the cluster says: the worker died, has no gradassay
            outcome = Outcome(job.cell, f"{type(error).__name__}: {str(error)[:300]}")
        for added, next_job in submitted(1).items():
            under_way[added] = next_job
            done.add(added)
        yield outcome


def _gone(address: str) -> UsageError:
    return UsageError(
        f"--scheduler: {address!r} went away; expected it to stay until the end. What is finished"
        " stays: run the same command again when it is back."
    )
