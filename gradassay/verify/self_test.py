"""The verifier's own test: every planted fault must be caught by the check that it names."""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from gradassay.core.errors import UsageError
from gradassay.core.records import CheckResult
from gradassay.estimators import zoo_names
from gradassay.verify.checks.case import Settings
from gradassay.verify.faults import FAULTS, Fault
from gradassay.verify.runner import run_cases
from gradassay.verify.suite import planned_cases


@dataclass(frozen=True)
class FaultOutcome:
    """What became of one planted fault.

    Parameters
    ----------
    fault, kind, base, check : str
        As in `Fault`; `fault` is its name.
    caught : bool
        Whether the named check gave a FAIL.
    caught_by : tuple of str
        All checks that gave a FAIL; the named one alone unless the test was thorough.
    evaluations : int
        Of the named check's first FAIL; 0 where it gave none, or could not be made.
    detail : str
        What that FAIL said.
    seconds : float
        Wall-clock time until then, for people: not part of equality.
    """

    fault: str
    kind: str
    base: str
    check: str
    caught: bool
    caught_by: tuple[str, ...]
    evaluations: int
    detail: str
    seconds: float = field(compare=False)


@dataclass(frozen=True)
class KillRate:
    """How many faults of a kind were caught."""

    kind: str
    caught: int
    planted: int


def run_self_test(
    faults: Sequence[Fault] = FAULTS,
    *,
    settings: Settings | None = None,
    workers: int = 1,
    thorough: bool = False,
) -> Iterator[FaultOutcome]:
    """Yield the outcome of each fault, in order.

    Parameters
    ----------
    faults : sequence of Fault
        What is planted.
    settings : Settings or None
        Of a suite over the whole zoo: a fault has one method's share of its false-alarm rate.
    workers : int
        Processes, at least 1, one fault each. Outcomes do not depend on it.
    thorough : bool
        Run all other checks too; else the named one alone, up to its first FAIL.

    Raises
    ------
    UsageError
        If `workers` is below 1.
    """
    if workers < 1:
        raise UsageError(f"workers: got {workers}; expected at least 1.")
    one = functools.partial(outcome, settings=settings or Settings(), thorough=thorough)
    if workers == 1:
        yield from map(one, faults)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(one, faults)


def outcome(fault: Fault, settings: Settings, *, thorough: bool = False) -> FaultOutcome:
    """Return what becomes of one fault, at the error rate of one method among the whole zoo."""
    start = time.perf_counter()
    share = settings.false_alarm_rate / len(zoo_names())
    own = dataclasses.replace(settings, false_alarm_rate=share)
    cases = planned_cases({fault.name: fault.estimator}, own)
    named = [case for case in cases if case.check.name == fault.check]
    first = next(_failures(run_cases(named)), None)
    seconds = time.perf_counter() - start
    caught_by = [] if first is None else [first.check]
    if thorough:
        others = [case for case in cases if case.check.name != fault.check]
        caught_by += [result.check for result in _failures(run_cases(others))]
    return FaultOutcome(
        fault=fault.name,
        kind=fault.kind,
        base=fault.base,
        check=fault.check,
        caught=first is not None,
        caught_by=tuple(dict.fromkeys(caught_by)),
        evaluations=0 if first is None else first.evaluations,
        detail="" if first is None else first.detail,
        seconds=seconds,
    )


def kill_rates(outcomes: Sequence[FaultOutcome]) -> list[KillRate]:
    """Return how many faults of each kind the named checks caught, in the order of the kinds."""
    kinds = dict.fromkeys(outcome.kind for outcome in outcomes)
    return [
        KillRate(
            kind,
            sum(outcome.caught for outcome in outcomes if outcome.kind == kind),
            sum(outcome.kind == kind for outcome in outcomes),
        )
        for kind in kinds
    ]


def self_test_markdown(outcomes: Sequence[FaultOutcome]) -> str:
    """Return the kill rates and all outcomes as two Markdown tables."""
    rates = kill_rates(outcomes)
    caught = sum(rate.caught for rate in rates)
    lines = [
        f"{caught} of {len(outcomes)} planted faults are caught by the check that must catch them.",
        "",
        "| kind | caught | planted |",
        "|---|---:|---:|",
        *(f"| {rate.kind.replace('_', ' ')} | {rate.caught} | {rate.planted} |" for rate in rates),
        "",
        "| fault | in | caught by | evaluations | seconds |",
        "|---|---|---|---:|---:|",
        *map(_row, outcomes),
    ]
    return "\n".join(lines) + "\n"


def _row(outcome: FaultOutcome) -> str:
    """Return a fault's row."""
    by = outcome.check if outcome.caught else f"**not caught** ({outcome.check})"
    others = [check for check in outcome.caught_by if check != outcome.check]
    told = ", ".join([by, *others])
    numbers = f"{outcome.evaluations:,} | {outcome.seconds:.1f}"
    return f"| {outcome.fault} | `{outcome.base}` | {told} | {numbers} |"


def _failures(results: Iterator[list[CheckResult]]) -> Iterator[CheckResult]:
    """Yield the results that are a FAIL, no sooner run than asked for."""
    for several in results:
        yield from (result for result in several if result.verdict == "FAIL")
