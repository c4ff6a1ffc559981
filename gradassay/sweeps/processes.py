"""Cells in this process, or in several of this machine."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from gradassay.core.errors import UsageError
from gradassay.core.memory import keep_freed_memory
from gradassay.sweeps.store import SweepFolder
from gradassay.sweeps.working import Job, Outcome, work

# deaths of workers in a row, without a cell finished in between
MOST_DEATHS = 3


def run_here(jobs: Sequence[Job]) -> Iterator[Outcome]:
    """Yield the outcome of each cell, computed in this process."""
    for job in jobs:
        yield work(job)


def run_in_processes(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    """Yield the outcome of each cell as it is finished, computed in processes of this machine.

    A process that dies takes the others of its pool with it: the cells that were under way are
    begun again in a new pool.

    Raises
    ------
    UsageError
        If workers die again and again with no cell finished in between, or the folder is one that
        lives in a single process.
    """
    if jobs and not SweepFolder(jobs[0].url).is_shared:
        raise UsageError(f"--out: {jobs[0].url} lives in one process; expected --workers 1.")
    waiting, deaths = deque(jobs), 0
    while waiting:
        under_way: dict[Future[Outcome], Job] = {}
        try:
            with _pool(workers) as pool:
                for outcome in _through(pool, waiting, under_way, 2 * workers):
                    deaths = 0
                    yield outcome
        except BrokenProcessPool:
            waiting.extendleft(reversed(under_way.values()))
            deaths += 1
            if deaths == MOST_DEATHS:
                raise UsageError(
                    f"workers: {deaths} died in a row, killed or out of memory, at"
                    f" {waiting[0].cell.label}; expected them to live. What is finished stays; try"
                    " fewer workers."
                ) from None


def _through(
    pool: ProcessPoolExecutor,
    waiting: deque[Job],
    under_way: dict[Future[Outcome], Job],
    most: int,
) -> Iterator[Outcome]:
    """Hand out jobs, a few at a time, and yield what comes back."""
    broken: BrokenProcessPool | None = None
    while waiting or under_way:
        while waiting and len(under_way) < most:
            under_way[pool.submit(work, waiting[0])] = waiting[0]
            waiting.popleft()
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            try:
                outcome = future.result()
            except BrokenProcessPool as error:
                broken = error
                continue
            del under_way[future]
            yield outcome
        if broken is not None:
            raise broken


@contextmanager
def _pool(workers: int) -> Generator[ProcessPoolExecutor]:
    """Yield a pool of processes, which are ended at once where the context ends badly."""
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.kill()
        raise
    pool.shutdown()


def _begin() -> None:
    """Leave Ctrl-C to the parent, and end when it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
