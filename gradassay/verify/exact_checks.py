"""Level 1: exact mean and variance over all Rademacher signs against the claimed estimand."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import numpy as np

from gradassay.core.claims import MomentumFeedback, UnbiasedFor
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.records import CheckResult
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.enumeration import Signs, SignTable, enumerate_estimator
from gradassay.verify.estimands import (
    expected_central_difference,
    expected_feedback,
    momentum_gradient,
    single_point_variance,
)
from gradassay.verify.options import with_options
from gradassay.verify.results import check_result
from gradassay.verify.small_problems import SmallProblem, enumeration_problems

BOUND = 1e-12


def exact_checks(name: str, estimator: Estimator, seed: int) -> Iterator[CheckResult]:
    """Yield the level-1 checks that the estimator's claims under Rademacher noise call for."""
    subject = with_options(estimator, law="rademacher")
    if subject is None:
        return
    estimands = {c.estimand.name for c in subject.claims if isinstance(c, UnbiasedFor)}
    for problem in enumeration_problems(seed):
        if "expected_central_difference" in estimands:
            yield from _zeroth_order_checks(name, subject, problem, seed)
        for pairing, use in itertools.product(("none", "time"), ("before", "after")):
            variant = with_options(subject, pairing=pairing, use=use)
            if variant is not None:
                yield from _momentum_checks(name, variant, problem, seed)


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
    row = functools.partial(
        check_result,
        subject=name,
        problem=problem,
        level=1,
        bound=BOUND,
        evaluations=exact.evaluations,
        seed=seed,
    )
    yield row(
        check="enumerated_mean",
        claim="mean over all signs = expected central difference (Rademacher)",
        found=exact.mean,
        expected=expected_central_difference(table),
    )
    yield row(
        check="enumerated_variance",
        claim="variance over all signs = that of noise times loss (Rademacher)",
        found={"total variance": np.array(exact.variance)},
        expected={"total variance": np.array(single_point_variance(table))},
    )


def _momentum_checks(
    name: str, subject: Estimator, problem: SmallProblem, seed: int
) -> Iterator[CheckResult]:
    """Momentum after one step against the expected Jacobian; gradient against M fed back."""
    claim = next((c for c in subject.claims if isinstance(c, MomentumFeedback)), None)
    if claim is None:
        return
    network = problem.network
    state = _some_state(subject, problem, seed)
    exact, after = enumerate_estimator(subject, network, problem.params, problem.batch, state)
    table = _table(subject, problem)
    matrices = {layer.name: np.asarray(state[layer.name]) for layer in network.spiking}
    term = expected_feedback(table)
    moved = {n: claim.momentum * m + (1 - claim.momentum) * term[n] for n, m in matrices.items()}
    paired = table.signs.pairing == "time"
    noise = "paired over time" if paired else "independent"
    row = functools.partial(
        check_result,
        subject=name,
        problem=problem,
        level=1,
        bound=BOUND,
        evaluations=exact.evaluations,
        seed=seed,
    )
    lag = " with its lagged term" if paired else ""
    yield row(
        check="enumerated_momentum",
        claim=f"mean of M after a step holds the expected Jacobian{lag} (noise {noise})",
        found=after,
        expected=moved,
    )
    yield row(
        check="enumerated_mean",
        claim=f"mean over all signs = M fed back (noise {noise}, M used {claim.use} its update)",
        found=exact.mean,
        expected=momentum_gradient(table, claim, matrices, int(state["updates"])),
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
