"""Level 1: exact mean and variance over all Rademacher signs against the claimed estimand."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.claims import Deterministic, MomentumFeedback, UnbiasedFor
from gradassay.core.estimator import Estimator, State
from gradassay.core.records import CheckResult
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks import bounds
from gradassay.verify.checks.case import Case, Check, Settings, cached_problems, claims_of_kind
from gradassay.verify.checks.options import accepts, fresh_state, varied
from gradassay.verify.checks.results import SMALLEST_ARRAY
from gradassay.verify.oracles.declared import (
    is_asleep,
    is_frozen,
    meets_sequence,
    momentum_claim,
    noise_model,
)
from gradassay.verify.oracles.enumeration import enumerate_estimator
from gradassay.verify.oracles.estimands import expected_feedback, momentum_gradient
from gradassay.verify.oracles.exact_oracles import exact_oracle
from gradassay.verify.oracles.sign_tables import sign_table
from gradassay.verify.oracles.sign_variances import has_sign_variance, sign_variance
from gradassay.verify.oracles.small_problems import (
    SmallProblem,
    enumeration_problems,
    weight_problem,
)

Options = Mapping[str, Any]

# what is enumerated beside an estimator's own options, where it has the option
MEAN_VARIANTS: tuple[Options, ...] = (
    {},
    {"form": "forward"},
    {"traces": "received"},
    {"temporal": "local_bptt"},
    {"temporal": "spatial"},
)
VARIANCE_VARIANTS: tuple[Options, ...] = ({}, {"form": "forward"}, {"temporal": "spatial"})
MOMENTUM_VARIANTS: tuple[Options, ...] = (
    {},
    {"pairing": "none", "use": "before"},
    {"pairing": "none", "use": "after"},
    {"pairing": "time", "use": "before"},
    {"pairing": "time", "use": "after"},
    {"pairing": "none", "position": "membrane"},
    {"pairing": "none", "position": "membrane", "membrane_psi": True},
    {"pairing": "none", "traces": "received", "inverse_alpha": False},
    {"pairing": "none", "temporal": "spatial", "start": "zero_uncorrected"},
    {"pairing": "none", "temporal": "local_bptt"},
    {"pairing": "none", "output": "sequence", "use": "after"},
)


def exact_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the level-1 checks that the estimator's claims under Rademacher noise call for."""
    subject = varied(estimator, law="rademacher")
    if subject is None or subject.noise is None:
        return
    in_weights = subject.noise.position == "weights"
    make = _weight_problems if in_weights else enumeration_problems
    for problem in cached_problems(make, settings.seed):
        for check, variants in PLANNED:
            for options in variants:
                variant = varied(subject, **options)
                if variant is not None and _applies(check, variant, problem, options):
                    yield Case(name, variant, problem, check, settings, options)


def _weight_problems(seed: int) -> tuple[SmallProblem, ...]:
    return (weight_problem(seed),)


def _applies(check: Check, subject: Estimator, problem: SmallProblem, options: Options) -> bool:
    """Whether the claims call for a check."""
    if subject.noise is None or subject.noise.pairing == "batch":
        return False  # one sample has no other half
    momentum = bool(claims_of_kind(subject, MomentumFeedback))
    if check in (MOMENTUM, FEEDBACK):
        fits = problem.network.loss.over == "sequence" or not meets_sequence(subject)
        return momentum and fits
    if claims_of_kind(subject, Deterministic) or momentum or not accepts(subject, problem):
        return False
    if not any(exact_oracle(c.estimand) for c in claims_of_kind(subject, UnbiasedFor)):
        return False
    if fresh_state(subject, problem):
        return False
    return check != VARIANCE or has_sign_variance(subject, problem)


def enumerated_mean(case: Case) -> Iterator[CheckResult]:
    """Mean over all signs against the estimand."""
    subject, problem = case.estimator, case.problem
    oracles = [exact_oracle(c.estimand) for c in claims_of_kind(subject, UnbiasedFor)]
    for oracle in filter(None, oracles):
        exact, _ = enumerate_estimator(subject, problem.network, problem.params, problem.batch, {})
        drawn = math.sqrt(exact.variance + float(exact.mean.dot(exact.mean)))
        yield case.result(
            f"mean over all signs = {oracle.says}",
            exact.mean,
            oracle.gradient(subject, problem),
            bound=bounds.ENUMERATED,
            evaluations=exact.evaluations,
            least=dict.fromkeys(exact.mean, SMALLEST_ARRAY * drawn),
        )


def enumerated_variance(case: Case) -> Iterator[CheckResult]:
    """Variance over all signs against the table's."""
    subject, problem = case.estimator, case.problem
    exact, _ = enumerate_estimator(subject, problem.network, problem.params, problem.batch, {})
    table = sign_table(problem, noise_model(subject))
    variance = sign_variance(table, subject, problem, exact.mean)
    yield case.result(
        "variance over all signs = that of noise times a number of each draw (Rademacher)",
        {"total variance": np.array(exact.variance)},
        {"total variance": np.array(variance)},
        bound=bounds.ENUMERATED,
        evaluations=exact.evaluations,
    )


def enumerated_momentum(case: Case) -> Iterator[CheckResult]:
    """Momentum after one step against the expected Jacobian."""
    problem = case.problem
    claim, state = momentum_claim(case.estimator), case.state(ReferenceBackend())
    exact, after = enumerate_estimator(
        case.estimator, problem.network, problem.params, problem.batch, state
    )
    table = sign_table(problem, noise_model(case.estimator))
    term = expected_feedback(table, claim, whole_sequence=meets_sequence(case.estimator))
    lag = " with its lagged term" if table.signs.pairing == "time" else ""
    yield case.result(
        f"mean of M after a step holds the expected Jacobian{lag}",
        {name: after[name] for name in term},
        {name: _moved(case, claim, state, name, mean) for name, mean in term.items()},
        bound=bounds.ENUMERATED,
        evaluations=exact.evaluations,
    )


def _moved(case: Case, claim: MomentumFeedback, state: State, name: str, term: Array) -> Array:
    """Return ``lambda M + (1 - lambda) E Z``, or M where it is frozen."""
    if is_frozen(case.estimator, state):
        return state[name]
    return claim.momentum * state[name] + (1 - claim.momentum) * term


def enumerated_feedback(case: Case) -> Iterator[CheckResult]:
    """Mean gradient of momentum feedback against M fed back."""
    problem, state = case.problem, case.state(ReferenceBackend())
    claim = momentum_claim(case.estimator)
    if is_frozen(case.estimator, state):
        claim = dataclasses.replace(claim, use="before")
    exact, _ = enumerate_estimator(
        case.estimator, problem.network, problem.params, problem.batch, state
    )
    expected = momentum_gradient(
        sign_table(problem, noise_model(case.estimator)),
        case.estimator,
        claim,
        {layer.name: np.asarray(state[layer.name]) for layer in problem.network.spiking},
        int(state["updates"]),
        whole_sequence=meets_sequence(case.estimator),
    )
    yield case.result(
        "mean over all signs = M fed back",
        exact.mean,
        expected.zeros_like() if is_asleep(case.estimator, state) else expected,
        bound=bounds.ENUMERATED,
        evaluations=exact.evaluations,
    )


MEAN = Check("enumerated_mean", 1, enumerated_mean)
VARIANCE = Check("enumerated_variance", 1, enumerated_variance)
MOMENTUM = Check("enumerated_momentum", 1, enumerated_momentum)
FEEDBACK = Check("enumerated_feedback", 1, enumerated_feedback)
PLANNED: tuple[tuple[Check, tuple[Options, ...]], ...] = (
    (MEAN, MEAN_VARIANTS),
    (VARIANCE, VARIANCE_VARIANTS),
    (MOMENTUM, MOMENTUM_VARIANTS),
    (FEEDBACK, MOMENTUM_VARIANTS),
)
