"""Level 1: exact mean and variance over all Rademacher signs against the claimed estimand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from gradassay.core.claims import UnbiasedFor
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.params import Params
from gradassay.core.records import CheckResult
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.enumeration import ExactMoments, Signs, SignTable, enumerate_estimator
from gradassay.verify.estimands import (
    expected_central_difference,
    expected_feedback,
    fed_back_gradient,
    single_point_variance,
)
from gradassay.verify.results import check_result
from gradassay.verify.small_problems import SmallProblem, enumeration_problems

BOUND = 1e-12


def under_rademacher(estimator: Estimator) -> Estimator | None:
    """Return the estimator with Rademacher noise; None if it has no noise law to set."""
    if dataclasses.is_dataclass(estimator) and not isinstance(estimator, type):
        if "law" in {field.name for field in dataclasses.fields(estimator)}:
            return dataclasses.replace(estimator, law="rademacher")
    return None


def exact_checks(name: str, estimator: Estimator, seed: int) -> Iterator[CheckResult]:
    """Yield the level-1 checks that the estimator's claims under Rademacher noise call for."""
    subject = under_rademacher(estimator)
    if subject is None:
        return
    estimands = {c.estimand.name for c in subject.claims if isinstance(c, UnbiasedFor)}
    for problem in enumeration_problems(seed):
        if "expected_central_difference" in estimands:
            yield from _zeroth_order_checks(name, subject, problem, seed)
        if "expected_jacobian_feedback" in estimands:
            for pairing in ("none", "time"):
                variant = dataclasses.replace(subject, pairing=pairing)  # type: ignore[type-var]
                yield from _feedback_checks(name, variant, problem, seed)


def _table(subject: Estimator, problem: SmallProblem) -> SignTable:
    model = subject.noise
    if model is None:
        raise ValueError(f"{subject.name} claims an estimand under noise but draws none")
    signs = Signs(problem.network, model.pairing)
    return SignTable.build(signs, problem.params, problem.batch, model.scale)


def _zeroth_order_checks(
    name: str, subject: Estimator, problem: SmallProblem, seed: int
) -> Iterator[CheckResult]:
    """Mean against expected central differences; variance against the table's."""
    exact, _ = enumerate_estimator(subject, problem.network, problem.params, problem.batch, {})
    table = _table(subject, problem)
    yield check_result(
        subject=name,
        problem=problem,
        check="enumerated_mean",
        level=1,
        claim="mean over all signs = expected central difference (Rademacher)",
        found=exact.mean,
        expected=expected_central_difference(table),
        bound=BOUND,
        evaluations=exact.evaluations,
        seed=seed,
    )
    yield _variance_check(name, problem, exact, single_point_variance(table), seed)


def _variance_check(
    name: str, problem: SmallProblem, exact: ExactMoments, expected: float, seed: int
) -> CheckResult:
    return check_result(
        subject=name,
        problem=problem,
        check="enumerated_variance",
        level=1,
        claim="variance over all signs = that of noise times loss (Rademacher)",
        found={"total variance": np.array(exact.variance)},
        expected={"total variance": np.array(expected)},
        bound=BOUND,
        evaluations=exact.evaluations,
        seed=seed,
    )


def _feedback_checks(
    name: str, subject: Estimator, problem: SmallProblem, seed: int
) -> Iterator[CheckResult]:
    """Momentum after one step against the expected Jacobian; gradient against M fed back."""
    network = problem.network
    state = _some_state(subject, problem, seed)
    exact, after = enumerate_estimator(subject, network, problem.params, problem.batch, state)
    table = _table(subject, problem)
    matrices = {layer.name: layer for layer in network.spiking}
    momentum = float(getattr(subject, "momentum"))  # noqa: B009
    term = expected_feedback(table)
    moved = {n: momentum * state[n] + (1 - momentum) * term[n] for n in matrices}
    pairing = subject.noise.pairing if subject.noise else "none"
    lag = "antithetic over time, with lagged Jacobian" if pairing == "time" else "independent steps"
    yield check_result(
        subject=name,
        problem=problem,
        check=f"enumerated_momentum_{pairing}",
        level=1,
        claim=f"mean of M after a step = lambda M + (1 - lambda) expected Jacobian ({lag})",
        found={n: after[n] for n in matrices},
        expected=moved,
        bound=BOUND,
        evaluations=exact.evaluations,
        seed=seed,
    )
    correction = 1 - momentum ** float(state["updates"])
    corrected = {n: np.asarray(state[n]) / correction for n in matrices}
    yield check_result(
        subject=name,
        problem=problem,
        check=f"enumerated_mean_{pairing}",
        level=1,
        claim=f"mean over all signs = M fed back, M from before the pass ({lag})",
        found=exact.mean,
        expected=Params(fed_back_gradient(table, corrected)),
        bound=BOUND,
        evaluations=exact.evaluations,
        seed=seed,
    )


def _some_state(subject: Estimator, problem: SmallProblem, seed: int) -> State:
    """Return the state after three estimates."""
    backend, key = ReferenceBackend(), Key(seed) / "exact" / subject.name
    state = subject.init(backend, problem.network, key)
    for step in range(3):
        state = subject.advance(
            backend, problem.network, problem.params, problem.batch, state, key / step
        )
    return state
