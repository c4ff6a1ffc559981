"""Level 1: exact mean and variance over all Rademacher signs against the claimed estimand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradassay.core.claims import Deterministic, MomentumFeedback, UnbiasedFor, VarianceLaw
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.layers import Linear
from gradassay.core.records import CheckResult
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import Case, Check, Settings, cached_problems, claims_of
from gradassay.verify.checks.identity_checks import accepts
from gradassay.verify.checks.options import with_options
from gradassay.verify.oracles.enumeration import enumerate_estimator
from gradassay.verify.oracles.estimands import (
    expected_feedback,
    momentum_gradient,
    single_point_variance,
)
from gradassay.verify.oracles.exact_oracles import exact_oracle, sign_table
from gradassay.verify.oracles.small_problems import (
    SmallProblem,
    enumeration_problems,
    weight_problem,
)

# two writings, sums in another order; autograd's order is again another
BOUND = 1e-11

Options = Mapping[str, Any]

# what is enumerated beside an estimator's own options, where it has the option
MEAN_VARIANTS: tuple[Options, ...] = (
    {},
    {"form": "forward"},
    {"traces": "received"},
    {"temporal": "local_bptt"},
    {"temporal": "spatial"},
)
MOMENTUM_VARIANTS: tuple[Options, ...] = (
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
    subject = _variant(estimator, {"law": "rademacher"})
    if subject is None or subject.noise is None:
        return
    in_weights = subject.noise.position == "weights"
    make = _weight_problems if in_weights else enumeration_problems
    for problem in cached_problems(make, settings.seed):
        for check, variants in ((MEAN, MEAN_VARIANTS), (MOMENTUM, MOMENTUM_VARIANTS)):
            for options in variants:
                variant = _variant(subject, options)
                if variant is not None and _applies(check, variant, problem, options):
                    yield Case(name, variant, problem, check, settings, options)


def _weight_problems(seed: int) -> tuple[SmallProblem, ...]:
    return (weight_problem(seed),)


def _variant(subject: Estimator, options: Options) -> Estimator | None:
    """Return the estimator with other options; None if it has not got them, or they contradict."""
    try:
        return with_options(subject, **options)
    except ConfigurationError:
        return None


def _applies(check: Check, subject: Estimator, problem: SmallProblem, options: Options) -> bool:
    """Whether the claims call for a check."""
    claims = claims_of(subject)
    momentum = any(isinstance(claim, MomentumFeedback) for claim in claims)
    if check == MOMENTUM:
        whole = options.get("output") == "sequence"
        return momentum and not (whole and problem.network.loss.over != "sequence")
    if Deterministic() in claims or momentum or not accepts(subject, problem):
        return False
    means = [c for c in claims if isinstance(c, UnbiasedFor) and exact_oracle(c.estimand)]
    return bool(means) and not _has_state(subject, problem)


def _has_state(subject: Estimator, problem: SmallProblem) -> bool:
    """Whether there is a feedback state, on which a mean would depend."""
    try:
        return bool(subject.init(ReferenceBackend(), problem.network, Key(0)))
    except Exception:  # a third party's code: the checks find it too, and say so
        return False


def enumerated_mean(case: Case) -> Iterator[CheckResult]:
    """Mean over all signs against the estimand; variance against the table's."""
    subject, problem = case.estimator, case.problem
    oracles = [exact_oracle(c.estimand) for c in subject.claims if isinstance(c, UnbiasedFor)]
    for oracle in filter(None, oracles):
        exact, _ = enumerate_estimator(subject, problem.network, problem.params, problem.batch, {})
        yield case.result(
            f"mean over all signs = {oracle.says}",
            exact.mean,
            oracle.gradient(subject, problem),
            bound=BOUND,
            evaluations=exact.evaluations,
        )
        if _has_single_point_variance(subject, problem) and not case.options:
            variance = single_point_variance(sign_table(subject, problem), exact.mean)
            result = case.result(
                "variance over all signs = that of noise times loss (Rademacher)",
                {"total variance": np.array(exact.variance)},
                {"total variance": np.array(variance)},
                bound=BOUND,
                evaluations=exact.evaluations,
            )
            yield dataclasses.replace(result, check="enumerated_variance")


def _has_single_point_variance(subject: Estimator, problem: SmallProblem) -> bool:
    """Whether the variance can be read off the table: dense layers, noise times loss."""
    laws = {claim.name for claim in subject.claims if isinstance(claim, VarianceLaw)}
    dense = all(isinstance(layer, Linear) for layer in problem.network.weighted)
    return dense and "single_point_variance" in laws


def enumerated_momentum(case: Case) -> Iterator[CheckResult]:
    """Momentum after one step against the expected Jacobian; gradient against M fed back."""
    subject, problem = case.estimator, case.problem
    claim = next(c for c in subject.claims if isinstance(c, MomentumFeedback))
    network, whole = problem.network, case.options.get("output") == "sequence"
    state = case.state(ReferenceBackend())
    exact, after = enumerate_estimator(subject, network, problem.params, problem.batch, state)
    table = sign_table(subject, problem)
    matrices = {layer.name: np.asarray(state[layer.name]) for layer in network.spiking}
    term = expected_feedback(table, claim, whole_sequence=whole)
    moved = {n: claim.momentum * m + (1 - claim.momentum) * term[n] for n, m in matrices.items()}
    lag = " with its lagged term" if table.signs.pairing == "time" else ""
    yield case.result(
        f"mean of M after a step holds the expected Jacobian{lag}",
        {name: after[name] for name in moved},
        moved,
        bound=BOUND,
        evaluations=exact.evaluations,
    )
    fed_back = momentum_gradient(
        table, subject, claim, matrices, int(state["updates"]), whole_sequence=whole
    )
    result = case.result(
        "mean over all signs = M fed back",
        exact.mean,
        fed_back,
        bound=BOUND,
        evaluations=exact.evaluations,
    )
    yield dataclasses.replace(result, check="enumerated_mean")


MEAN = Check("enumerated_mean", 1, enumerated_mean)
MOMENTUM = Check("enumerated_momentum", 1, enumerated_momentum)
