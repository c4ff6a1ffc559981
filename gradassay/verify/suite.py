"""The checks that estimators' claims call for: planned, run, reported in one order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

from gradassay.core.claims import (
    BiasOrder,
    Claim,
    Deterministic,
    Learns,
    MomentumFeedback,
    Online,
    Passes,
    UnbiasedFor,
    VarianceLaw,
)
from gradassay.core.errors import UsageError, unknown_name
from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.verify.checks.bounded_checks import bounded_cases
from gradassay.verify.checks.case import Case, Settings, claims_of
from gradassay.verify.checks.exact_checks import exact_cases
from gradassay.verify.checks.identity_checks import identity_cases
from gradassay.verify.checks.laws.planner import law_cases
from gradassay.verify.checks.learning_checks import learning_cases
from gradassay.verify.checks.nan_checks import nan_cases
from gradassay.verify.checks.noise_checks import noise_cases
from gradassay.verify.checks.oracle_checks import oracle_cases
from gradassay.verify.checks.results import not_measured
from gradassay.verify.checks.sampled_checks import sampled_cases
from gradassay.verify.checks.variance_checks import variance_cases
from gradassay.verify.runner import run_cases

# the checks that test a kind of claim, in every suite
TESTED_BY: dict[type, tuple[str, ...]] = {
    UnbiasedFor: (
        "matches_oracle",
        "enumerated_mean",
        "enumerated_feedback",
        "unbiased",
        "bounded_mean",
    ),
    MomentumFeedback: ("enumerated_momentum", "momentum_unbiased", "bounded_momentum"),
    Learns: ("learns_as_claimed",),
    Passes: ("passes_as_claimed",),
    Online: ("online_as_claimed",),
    Deterministic: ("deterministic_as_claimed",),
}
# those that the full suite tests beside them
LAWS_TESTED_BY: dict[type, tuple[str, ...]] = {
    BiasOrder: ("bias_order",),
    VarianceLaw: ("variance_law", "momentum_law"),
}
Planner = Callable[[str, Estimator, Settings], Iterator[Case]]
QUICK: tuple[Planner, ...] = (
    identity_cases,
    nan_cases,
    oracle_cases,
    learning_cases,
    exact_cases,
    noise_cases,
    sampled_cases,
    bounded_cases,
    variance_cases,
)
SUITES: dict[str, tuple[Planner, ...]] = {
    "quick": QUICK,
    "full": (*QUICK, law_cases),
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
    settings = settings or Settings(seed=seed)
    cases = planned_cases(estimators, settings, suite=suite)
    results = [result for found in run_cases(cases, workers=workers) for result in found]
    return results + untested_claims(estimators, results, settings, suite=suite)


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
        If there is no such suite or check, no estimator, or a name or class in place of one.
    """
    _require_made(estimators)
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


def _require_made(estimators: object) -> None:
    """Refuse names and classes where estimators are expected; what else is wrong, checks say."""
    if not isinstance(estimators, Mapping) or not estimators:
        raise UsageError(
            f"estimators: got {estimators!r}; expected a mapping from names to at least one"
            " estimator, for example {'dfa': make_estimator('dfa')}."
        )
    for one in estimators.values():
        if isinstance(one, str | type):
            told = repr(one) if isinstance(one, str) else f"the class {one.__qualname__}"
            raise UsageError(
                f"estimators: got {told}; expected an object. Make one with"
                " gradassay.estimators.make_estimator(NAME), or call the class."
            )


def untested_claims(
    estimators: Mapping[str, Estimator],
    results: Sequence[CheckResult],
    settings: Settings,
    *,
    suite: str = "quick",
) -> list[CheckResult]:
    """Return an INCONCLUSIVE for each claim that no check could test.

    Parameters
    ----------
    estimators : mapping from name to Estimator
        What was verified.
    results : sequence of CheckResult
        Of the whole suite.
    settings, suite
        Of the run.
    """
    tested_by = TESTED_BY | (LAWS_TESTED_BY if suite == "full" else {})
    made = {(result.subject, result.check) for result in results}
    return [
        _untested(name, claim, settings.seed)
        for name, estimator in estimators.items()
        for claim in claims_of(estimator)
        if type(claim) in tested_by
        and not any((name, check) in made for check in tested_by[type(claim)])
    ]


def _untested(name: str, claim: Claim, seed: int) -> CheckResult:
    unknown = f"no oracle for it: {claim.estimand.name!r}" if isinstance(claim, UnbiasedFor) else ""
    return not_measured(
        subject=name,
        problem="none",
        check="claim_is_tested",
        claim=str(claim),
        verdict="INCONCLUSIVE",
        detail=unknown or "no check of it can be made on any problem, with these options",
        seed=seed,
        low=0.0,
    )
