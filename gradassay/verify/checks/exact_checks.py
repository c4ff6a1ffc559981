"""Level 1: exact mean and variance over all Rademacher signs against the claimed estimand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gradassay.core.claims import Deterministic, MomentumFeedback, UnbiasedFor, VarianceLaw
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.layers import Linear
from gradassay.core.records import CheckResult
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.options import with_options
from gradassay.verify.checks.results import check_result
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


def exact_checks(name: str, estimator: Estimator, seed: int) -> Iterator[CheckResult]:
    """Yield the level-1 checks that the estimator's claims under Rademacher noise call for."""
    subject = with_options(estimator, law="rademacher")
    if subject is None or subject.noise is None:
        return
    in_weights = subject.noise.position == "weights"
    for problem in (weight_problem(seed),) if in_weights else enumeration_problems(seed):
        for options in MEAN_VARIANTS:
            variant = _variant(subject, options)
            if variant is not None:
                yield from _mean_checks(name, variant, problem, seed, options)
        for options in MOMENTUM_VARIANTS:
            variant = _variant(subject, options)
            if variant is not None:
                yield from _momentum_checks(name, variant, problem, seed, options)


def _variant(subject: Estimator, options: Options) -> Estimator | None:
    """Return the estimator with other options; None if it has not got them, or they contradict."""
    try:
        return with_options(subject, **options)
    except ConfigurationError:
        return None


def _row(
    name: str, problem: SmallProblem, seed: int, evaluations: int
) -> Callable[..., CheckResult]:
    """Return a function that makes one row of this problem."""
    return functools.partial(
        check_result,
        subject=name,
        problem=problem,
        level=1,
        bound=BOUND,
        evaluations=evaluations,
        seed=seed,
    )


def _told(options: Options) -> str:
    """Return the options of a variant for people."""
    return ", ".join(f"{option} {value}" for option, value in options.items()) or "its own options"


def _mean_checks(
    name: str, subject: Estimator, problem: SmallProblem, seed: int, options: Options
) -> Iterator[CheckResult]:
    """Mean over all signs against the estimand; variance against the table's."""
    oracles = [exact_oracle(c.estimand) for c in subject.claims if isinstance(c, UnbiasedFor)]
    if Deterministic() in subject.claims or subject.init(
        ReferenceBackend(), problem.network, Key(seed)
    ):
        return
    for oracle in filter(None, oracles):
        exact, _ = enumerate_estimator(subject, problem.network, problem.params, problem.batch, {})
        row = _row(name, problem, seed, exact.evaluations)
        yield row(
            check="enumerated_mean",
            claim=f"mean over all signs = {oracle.says} ({_told(options)})",
            found=exact.mean,
            expected=oracle.gradient(subject, problem),
        )
        if _has_single_point_variance(subject, problem) and not options:
            variance = single_point_variance(sign_table(subject, problem), exact.mean)
            yield row(
                check="enumerated_variance",
                claim="variance over all signs = that of noise times loss (Rademacher)",
                found={"total variance": np.array(exact.variance)},
                expected={"total variance": np.array(variance)},
            )


def _has_single_point_variance(subject: Estimator, problem: SmallProblem) -> bool:
    """Whether the variance can be read off the table: dense layers, noise times loss."""
    laws = {claim.name for claim in subject.claims if isinstance(claim, VarianceLaw)}
    dense = all(isinstance(layer, Linear) for layer in problem.network.weighted)
    return dense and "single_point_variance" in laws


def _momentum_checks(
    name: str, subject: Estimator, problem: SmallProblem, seed: int, options: Options
) -> Iterator[CheckResult]:
    """Momentum after one step against the expected Jacobian; gradient against M fed back."""
    claim = next((c for c in subject.claims if isinstance(c, MomentumFeedback)), None)
    whole = options.get("output") == "sequence"
    network = problem.network
    if claim is None or (whole and network.loss.over != "sequence"):
        return
    state = _some_state(subject, problem, seed)
    exact, after = enumerate_estimator(subject, network, problem.params, problem.batch, state)
    table = sign_table(subject, problem)
    matrices = {layer.name: np.asarray(state[layer.name]) for layer in network.spiking}
    term = expected_feedback(table, claim, whole_sequence=whole)
    moved = {n: claim.momentum * m + (1 - claim.momentum) * term[n] for n, m in matrices.items()}
    row = _row(name, problem, seed, exact.evaluations)
    lag = " with its lagged term" if table.signs.pairing == "time" else ""
    yield row(
        check="enumerated_momentum",
        claim=f"mean of M after a step holds the expected Jacobian{lag} ({_told(options)})",
        found=after,
        expected=moved,
    )
    yield row(
        check="enumerated_mean",
        claim=f"mean over all signs = M fed back ({_told(options)})",
        found=exact.mean,
        expected=momentum_gradient(
            table, subject, claim, matrices, int(state["updates"]), whole_sequence=whole
        ),
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
