"""Running cases in order, in this process or in several."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from gradassay.core.errors import UsageError
from gradassay.core.records import CheckResult
from gradassay.verify.checks.case import Case
from gradassay.verify.checks.guard import failed, run_case


def run_cases(cases: Sequence[Case], *, workers: int = 1) -> Iterator[list[CheckResult]]:
    """Return the results of each case, in order, made as they are asked for.

    Parameters
    ----------
    cases : sequence of Case
        What to run.
    workers : int
        Processes, at least 1; with 1 everything runs here. Results do not depend on it.

    Raises
    ------
    UsageError
        If `workers` is below 1, or an estimator cannot be sent to another process.
    """
    if workers < 1:
        raise UsageError(f"workers: got {workers}; expected at least 1.")
    if workers == 1:
        return map(run_case, cases)
    _require_picklable(cases)
    return _in_processes(cases, workers)


def _in_processes(cases: Sequence[Case], workers: int) -> Iterator[list[CheckResult]]:
    """Yield the results of each case; a process that dies fails the case that it had."""
    done = 0
    while done < len(cases):
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            futures: list[Future[list[CheckResult]]] = []
            try:
                for case in cases[done:]:
                    futures.append(pool.submit(run_case, case))
                for future in futures:
                    yield future.result()
                    done += 1
            except BrokenProcessPool:
                yield _after_death(cases[done])
                done += 1
            finally:
                _cancel(futures)


def _after_death(case: Case) -> list[CheckResult]:
    """Run the case that a pool was waiting for when a process died, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(run_case, case).result()
        except BrokenProcessPool:
            return [failed(case, "the process died (killed, or a crash in compiled code)")]


def _cancel(futures: Sequence[Future[list[CheckResult]]]) -> None:
    for future in futures:
        future.cancel()


def _require_picklable(cases: Sequence[Case]) -> None:
    """Refuse estimators that other processes cannot be given.

    Raises
    ------
    UsageError
        Names the estimator.
    """
    for case in {case.subject: case for case in cases}.values():
        try:
            pickle.dumps(case)
        except Exception as error:  # whatever a third party's code raises
            raise UsageError(
                f"workers: {case.subject!r} cannot be sent to another process ({error}); expected"
                " an estimator whose class stands in a module, or one worker."
            ) from error
