"""The verifier's own error rates: how often a suite fails right estimators."""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from gradassay.core.records import CheckResult, Interval
from gradassay.estimators import make_estimator, zoo_names
from gradassay.verify.checks.case import Settings
from gradassay.verify.statistics.proportions import proportion_interval
from gradassay.verify.suite import verify

LEVEL = 0.95


@dataclass(frozen=True)
class SuiteRun:
    """One run of a suite on a right estimator.

    Parameters
    ----------
    subject : str
        Name in the zoo.
    seed : int
        Of the run.
    false_alarms : tuple of CheckResult
        What failed.
    undecided : int
        Checks that were inconclusive.
    checks, sampled : int
        Results, and those of them that spend of the false-alarm rate.
    evaluations : int
        Gradients computed.
    """

    subject: str
    seed: int
    false_alarms: tuple[CheckResult, ...]
    undecided: int
    checks: int
    sampled: int
    evaluations: int


def suite_runs(
    count: int,
    *,
    settings: Settings | None = None,
    names: Sequence[str] | None = None,
    suite: str = "quick",
    workers: int = 1,
) -> Iterator[SuiteRun]:
    """Yield runs of a suite on right estimators: run i takes the next name and seed + i.

    Parameters
    ----------
    count : int
        Runs.
    settings : Settings or None
        Of every suite; its seed is that of the first run.
    names : sequence of str or None
        Estimators by name, taken in turn; None for the zoo.
    suite : {"quick", "full"}
        As in `gradassay.verify.verify`.
    workers : int
        Processes.
    """
    chosen = tuple(names or zoo_names())
    one = functools.partial(_run, names=chosen, settings=settings or Settings(), suite=suite)
    if workers == 1:
        yield from map(one, range(count))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(one, range(count))


def _run(number: int, names: Sequence[str], settings: Settings, suite: str) -> SuiteRun:
    """Return one run."""
    name, seed = names[number % len(names)], settings.seed + number
    own = dataclasses.replace(settings, seed=seed)
    results = verify({name: make_estimator(name)}, settings=own, suite=suite)
    verdicts = [result.verdict for result in results]
    return SuiteRun(
        subject=name,
        seed=seed,
        false_alarms=tuple(result for result in results if result.verdict == "FAIL"),
        undecided=verdicts.count("INCONCLUSIVE"),
        checks=len(results),
        sampled=sum(result.level >= 2 for result in results),
        evaluations=sum(result.evaluations for result in results),
    )


def false_alarm_rate(runs: Sequence[SuiteRun]) -> Interval:
    """Return the share of suites in which anything failed, with Clopper and Pearson's interval.

    Examples
    --------
    >>> run = SuiteRun("dfa", 0, (), 0, 40, 0, 80)
    >>> interval = false_alarm_rate([run] * 300)
    >>> interval.value, round(interval.high, 4)
    (0.0, 0.0122)
    """
    failed = sum(bool(run.false_alarms) for run in runs)
    return proportion_interval(failed, len(runs), LEVEL)
