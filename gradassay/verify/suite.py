"""The checks that estimators' claims call for: planned, run, reported in one order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

from gradassay.core.errors import unknown_name
from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.verify.checks.case import Case, Settings
from gradassay.verify.checks.exact_checks import exact_cases
from gradassay.verify.checks.identity_checks import identity_cases
from gradassay.verify.checks.noise_checks import noise_cases
from gradassay.verify.checks.oracle_checks import oracle_cases
from gradassay.verify.checks.sampled_checks import sampled_cases
from gradassay.verify.runner import run_cases

Planner = Callable[[str, Estimator, Settings], Iterator[Case]]
SUITES: dict[str, tuple[Planner, ...]] = {
    "quick": (identity_cases, oracle_cases, exact_cases, noise_cases, sampled_cases),
    "full": (identity_cases, oracle_cases, exact_cases, noise_cases, sampled_cases),
}


def verify(
    estimators: Mapping[str, Estimator],
    *,
    seed: int = 0,
    settings: Settings | None = None,
    suite: str = "quick",
    workers: int = 1,
) -> list[CheckResult]:
    """Run a suite.

    Parameters
    ----------
    estimators : mapping from name to Estimator
        What is verified.
    seed : int
        Of problems and draws, where no settings are given.
    settings : Settings or None
        Margin, error rate, budget, time limit, seed.
    suite : {"quick", "full"}
        The full one holds laws over a range of settings too.
    workers : int
        Processes. Results do not depend on it.

    Returns
    -------
    list of CheckResult
        In the order of the estimators; within one, level 0 first.

    Raises
    ------
    UsageError
        If there is no such suite, or an estimator cannot be sent to other processes.
    """
    cases = planned_cases(estimators, settings or Settings(seed=seed), suite=suite)
    return [result for results in run_cases(cases, workers=workers) for result in results]


def check_estimator(estimator: Estimator, *, seed: int = 0, **options: object) -> list[CheckResult]:
    """Return the results of all checks of one estimator.

    Parameters
    ----------
    estimator : Estimator
        An object with the members of `gradassay.core.estimator.Estimator`.
    seed, options
        As `verify` has them.

    Examples
    --------
    >>> from gradassay.estimators import make_estimator
    >>> results = check_estimator(make_estimator("dfa"))
    >>> {result.verdict for result in results}
    {'PASS'}
    """
    name = getattr(estimator, "name", type(estimator).__name__)
    return verify({name: estimator}, seed=seed, **options)  # type: ignore[arg-type]


def planned_cases(
    estimators: Mapping[str, Estimator],
    settings: Settings,
    *,
    suite: str = "quick",
    checks: Sequence[str] = (),
) -> list[Case]:
    """Return all cases of a suite, the false-alarm rate divided over those that are sampled.

    Parameters
    ----------
    estimators, settings, suite
        As `verify` has them.
    checks : sequence of str
        Names of the checks that are wanted; all where empty. They keep the share of the false-alarm
        rate that they have in the whole suite.

    Raises
    ------
    UsageError
        If there is no such suite or check.
    """
    if suite not in SUITES:
        raise unknown_name("suite", suite, SUITES)
    planned = [
        case
        for name, estimator in estimators.items()
        for planner in SUITES[suite]
        for case in planner(name, estimator, settings)
    ]
    names = {case.check.name for case in planned}
    for name in checks:
        if name not in names:
            raise unknown_name("check", name, names)
    rate = settings.false_alarm_rate / max(sum(case.check.sampled for case in planned), 1)
    return [
        dataclasses.replace(case, rate=rate if case.check.sampled else 0.0)
        for case in planned
        if not checks or case.check.name in checks
    ]
