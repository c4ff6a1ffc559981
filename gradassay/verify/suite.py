"""The checks that an estimator's claims call for, one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.verify.checks.exact_checks import exact_checks
from gradassay.verify.checks.identity_checks import identity_checks


def verify(
    estimators: Mapping[str, Estimator],
    *,
    seed: int,
    on_result: Callable[[CheckResult], None] = lambda result: None,
) -> list[CheckResult]:
    """Run all level-0 and level-1 checks.

    Parameters
    ----------
    estimators : mapping from name to Estimator
        What is verified.
    seed : int
        Seed of weights, batches and noise of the small problems.
    on_result : callable
        Called with each result as it comes.

    Returns
    -------
    list of CheckResult
        In the order of the estimators; within one, level 0 first.
    """
    results = []
    for name, estimator in estimators.items():
        for checks in (identity_checks, exact_checks):
            for result in checks(name, estimator, seed):
                results.append(result)
                on_result(result)
    return results
