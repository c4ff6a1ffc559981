"""Level 1: the gradient of a method that draws nothing against its estimand's oracle."""

from __future__ import annotations

from collections.abc import Iterator

from gradassay.core.claims import Deterministic, UnbiasedFor
from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks import bounds
from gradassay.verify.checks.case import (
    Case,
    Check,
    Given,
    Settings,
    cached_problems,
    claims_of_kind,
)
from gradassay.verify.checks.options import accepts
from gradassay.verify.oracles.means import oracle_mean
from gradassay.verify.oracles.small_problems import agreement_problems


def oracle_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the comparison with an oracle on dense, convolutional and residual problems."""
    claimed = bool(claims_of_kind(estimator, UnbiasedFor))
    deterministic = bool(claims_of_kind(estimator, Deterministic))
    for problem in cached_problems(agreement_problems, settings.seed):
        if claimed and deterministic and accepts(estimator, problem):
            yield Case(name, estimator, problem, MATCHES, settings)


def matches_oracle(case: Case) -> Iterator[CheckResult]:
    """Compare one estimate with its exact mean, given the same feedback state."""
    backend = ReferenceBackend()
    given = Given.of(case, backend)
    oracle = oracle_mean(case.estimator, case.problem, given.state)
    if oracle is None:
        return
    estimate = case.estimator.estimate(
        backend,
        case.problem.network,
        given.params,
        given.batch,
        given.state,
        case.key / "estimate",
    )
    yield case.result(
        f"the gradient = {oracle.says}",
        estimate.gradient,
        oracle.mean,
        bound=bounds.AUTOGRAD,
        evaluations=2,
    )


MATCHES = Check("matches_oracle", 1, matches_oracle)
