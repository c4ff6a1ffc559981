"""Running one case so that whatever an estimator does becomes a result."""

from __future__ import annotations

import dataclasses
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from threadpoolctl import threadpool_limits

from gradassay.core.records import CheckResult
from gradassay.verify.checks.case import Case
from gradassay.verify.checks.failure_text import one_line
from gradassay.verify.checks.results import not_measured

# seconds by the clock for each of the limit: on a busy machine a right estimator takes longer
CLOCK = 5
PACKAGE = Path(__file__).resolve().parents[2]


class OutOfTimeError(BaseException):
    """A check took longer than its time limit; no estimator that catches `Exception` stops it."""


def run_case(case: Case) -> list[CheckResult]:
    """Return the results of a case; a FAIL that names the culprit where it raises or never ends.

    One thread of the numerical libraries is used, so that the same bits come out wherever the case
    is run. It has a copy of its problem, so that an estimator that changes arrays changes no other
    case. The time limit is of processor time, so that a busy machine fails nobody, and five times
    as long by the clock. It holds in the main thread of a process, on systems with interval timers;
    it cannot break into a single long call of compiled code.
    """
    import torch

    case = dataclasses.replace(case, problem=case.problem.copied())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    results: list[CheckResult] = []
    try:
        with threadpool_limits(1), _time_limit(case.settings.time_limit), _quiet():
            for result in case.check.run(case):
                results.append(result)
    except KeyboardInterrupt:
        raise
    except OutOfTimeError:
        limit = case.settings.time_limit
        told = f"not done after {limit:g} s of processor time, or {CLOCK * limit:g} s by the clock"
        results.append(failed(case, f"{told}; --time-limit allows more"))
    except BaseException as error:  # whatever a third party's code raises
        results.append(failed(case, culprit(error)))
    finally:
        torch.set_num_threads(threads)
    return results


def failed(case: Case, detail: str) -> CheckResult:
    """Return the FAIL of a check that could not be made."""
    return not_measured(
        subject=case.subject,
        problem=case.problem.name,
        check=case.check.name,
        level=case.check.level,
        claim="the check can be made",
        verdict="FAIL",
        detail=detail,
        seed=case.settings.seed,
    )


def culprit(error: BaseException) -> str:
    """Return what was raised and where: the last line outside this package, if there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [f for f in frames if _foreign(f.filename)]
    told = one_line(f"{type(error).__name__}: {error}")
    if not frames:
        return f"raised {told}"
    last = (outside or list(frames))[-1]
    return f"raised {told} in {last.name} ({Path(last.filename).name}, line {last.lineno})"


def _foreign(filename: str) -> bool:
    """Whether a file is neither this package's nor an installed library's."""
    path = Path(filename)
    return not path.is_relative_to(PACKAGE) and "site-packages" not in path.parts


@contextmanager
def _time_limit(seconds: float) -> Generator[None, None, None]:
    """Raise `OutOfTimeError` after some seconds of work, where a signal can do so."""
    possible = hasattr(signal, "setitimer")
    if not possible or threading.current_thread() is not threading.main_thread():
        yield
        return

    worked, began = time.process_time(), time.monotonic()

    def stop(number: int, frame: FrameType | None) -> None:
        left = seconds - (time.process_time() - worked)
        if left <= 0 or time.monotonic() - began >= CLOCK * seconds:
            raise OutOfTimeError
        signal.setitimer(signal.ITIMER_REAL, max(left, seconds / 100))

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """Keep numerical warnings of faulty estimators off the screen: the result says it all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield
