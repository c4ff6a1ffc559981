"""The checks that estimators' claims call for, planned, run, and reported in one order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping

from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.verify.checks.case import Case, Settings
from gradassay.verify.checks.exact_checks import exact_cases
from gradassay.verify.checks.identity_checks import identity_cases
from gradassay.verify.runner import run_cases

QUICK = (identity_cases, exact_cases)


def verify(
    estimators: Mapping[str, Estimator],
    *,
    seed: int = 0,
    settings: Settings | None = None,
    workers: int = 1,
    on_result: Callable[[CheckResult], None] = lambda result: None,
) -> list[CheckResult]:
    """Run the suite.

    Parameters
    ----------
    estimators : mapping from name to Estimator
        What is verified.
    seed : int
        Of problems and draws, where no settings are given.
    settings : Settings or None
        Margin, error rate, budget, time limit, seed.
    workers : int
        Processes. Results do not depend on it.
    on_result : callable
        Called with each result, in the order of the list.

    Returns
    -------
    list of CheckResult
        In the order of the estimators; within one, level 0 first.
    """
    cases = planned_cases(estimators, settings or Settings(seed=seed))
    return list(run_cases(cases, workers=workers, on_result=on_result))


def planned_cases(estimators: Mapping[str, Estimator], settings: Settings) -> list[Case]:
    """Return all cases of a suite, the false-alarm rate divided over those that are sampled."""
    cases = [case for name, one in estimators.items() for case in _cases(name, one, settings)]
    sampled = sum(case.check.sampled for case in cases)
    rate = settings.false_alarm_rate / max(sampled, 1)
    return [dataclasses.replace(c, rate=rate if c.check.sampled else 0.0) for c in cases]


def _cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    for cases in QUICK:
        yield from cases(name, estimator, settings)
