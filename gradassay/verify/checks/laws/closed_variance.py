"""What is looked at in an estimate on a law's problem, and its mean and variance in closed form."""

from __future__ import annotations

import dataclasses

import numpy as np

from gradassay.core.claims import Estimand, VarianceLaw
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.params import Params
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import claims_of_kind
from gradassay.verify.oracles.closed_forms import (
    feedback_variance,
    momentum_mean,
    momentum_variance,
    paired_offsets,
    quadratic_variance,
    two_point_variance,
)
from gradassay.verify.oracles.declared import claimed_estimand, momentum_claim, noise_model
from gradassay.verify.oracles.exact_oracles import exact_surrogate_gradient
from gradassay.verify.oracles.law_problems import CONSTANT_SLOPE
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.oracles.zeroth_order_laws import Form
from gradassay.verify.statistics.moments import Float

BACKEND = ReferenceBackend()
LAYER = "lif1"
SIGNAL_LAWS = ("single_point_variance", "two_point_variance")
DIFFERENCES = ("smoothed_loss", "expected_central_difference")


def signal_law(estimator: Estimator) -> str:
    """Return the name of the claimed law of a signal's or a gradient's variance; empty if none."""
    claims = claims_of_kind(estimator, VarianceLaw)
    return next((claim.name for claim in claims if claim.name in SIGNAL_LAWS), "")


def seen_in(estimator: Estimator, gradient: Params) -> Float:
    """Return the part of gradients that a law is about, (R, p).

    All parameters where they carry the noise; else the gradient by ``hidden1.bias``: the mean over
    samples of the sum over steps of the signals, times psi.
    """
    if noise_model(estimator).position != "weights":
        return np.asarray(gradient["hidden1.bias"])
    parts = [np.asarray(array) for array in gradient.values()]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def drawn(
    estimator: Estimator, problem: SmallProblem, state: State, key: Key, numbers: range
) -> Float:
    """Return what is looked at in the estimates of some replicates, (R, p)."""
    estimate = estimator.estimate(
        BACKEND,
        problem.network,
        problem.params,
        problem.batch,
        state,
        key,
        replicates=numbers,
    )
    return seen_in(estimator, estimate.gradient)


def signal_variance(estimator: Estimator, problem: SmallProblem) -> float:
    """Return the variance of one draw, the trace of the covariance of what `seen_in` returns.

    ``psi^2 / B^2`` times the sum over samples and steps of `quadratic_variance`; in weight space
    `two_point_variance` of the whole gradient.
    """
    model = noise_model(estimator)
    if model.position == "weights":
        exact = exact_surrogate_gradient(
            Estimand("bptt", "gradient through the reset kept"), problem
        )
        flat = np.concatenate([np.ravel(array) for array in exact.values()])
        return two_point_variance(model.law, flat)
    network, weight = problem.network, problem.params["readout.weight"]
    trace = BACKEND.forward(network, problem.params, problem.batch)
    hessian = 2 / (network.classes * network.steps) * weight.T @ weight
    draws = [
        quadratic_variance(
            model.law, error @ weight, hessian, form=form_of(estimator), alpha=model.scale, offset=c
        )
        for error, c in zip(
            trace.errors.reshape(-1, network.classes), trace.losses.ravel(), strict=True
        )
    ]
    return CONSTANT_SLOPE**2 * sum(draws) / problem.batch.size**2


def form_of(estimator: Estimator) -> Form:
    """Return which of the draws on a quadratic loss the claims describe."""
    estimand = claimed_estimand(estimator)
    if signal_law(estimator) == "single_point_variance":
        return "single"
    forward = estimand is not None and estimand.name in DIFFERENCES and estimand.at == "clean"
    return "forward" if forward else "central"


# ---- momentum feedback


def independent_offsets(outputs: Float, model: NoiseModel) -> Float:
    """Return `paired_offsets`, without pairs where one step or sample has no partner."""
    even = outputs.shape[0 if model.pairing == "time" else 1] % 2 == 0
    return paired_offsets(outputs, model.pairing if even else "none")


def chain(
    estimator: Estimator, problem: SmallProblem, key: Key, numbers: range, looks: tuple[int, ...]
) -> dict[int, Float]:
    """Return what goes down after some numbers of updates at fixed weights, (R, p) by number."""
    states = chain_states(estimator, problem, key, numbers, looks)
    return {
        update: sent_down(estimator, problem, state, key, numbers)
        for update, state in states.items()
    }


def chain_states(
    estimator: Estimator, problem: SmallProblem, key: Key, numbers: range, looks: tuple[int, ...]
) -> dict[int, State]:
    """Return the feedback after some numbers of updates; every replicate has its own."""
    state: State = estimator.init(BACKEND, problem.network, key / "init")
    found = dict[int, State]()
    for update in range(max(looks)):
        state = estimator.advance(
            BACKEND,
            problem.network,
            problem.params,
            problem.batch,
            state,
            key / update,
            replicates=numbers,
        )
        if update + 1 in looks:
            found[update + 1] = state
    return found


def sent_down(
    estimator: Estimator, problem: SmallProblem, state: State, key: Key, numbers: range
) -> Float:
    """Return what a pass whose noise is 0, and whose error is the clean one, sends down."""
    model, network = noise_model(estimator), problem.network
    rows = problem.batch.size * len(numbers)
    rest = {layer.name: np.zeros((network.steps, rows, layer.units)) for layer in network.spiking}
    estimate = estimator.estimate(
        BACKEND,
        network,
        problem.params,
        problem.batch,
        state,
        key / "read",
        replicates=numbers,
        noise=Noise(model.scale, rest, model.position),
    )
    return seen_in(estimator, estimate.gradient)


@dataclasses.dataclass(frozen=True)
class MeanAndVariance:
    """Of what goes down after k updates: ``psi M_k e``, e the batch's error."""

    mean: Float
    variance: float


def momentum_after(
    estimator: Estimator,
    problem: SmallProblem,
    updates: int,
    key: Key,
    error: Float | None = None,
) -> MeanAndVariance:
    """Return mean and variance over chains, of what `chain` returns; or of another error.

    A pass with noise of 0 absorbs a term of 0 where M is updated before its use: then M_k is
    ``lambda`` times itself, and corrected for k + 1 updates.
    """
    claim, model = momentum_claim(estimator), noise_model(estimator)
    after, kept = claim.use == "after", claim.momentum
    trace = BACKEND.forward(problem.network, problem.params, problem.batch)
    seen: Float = trace.errors.sum(axis=0).mean(axis=0) if error is None else error
    jacobian = problem.params["readout.weight"]
    offsets = independent_offsets(trace.outputs, model)
    start = np.asarray(estimator.init(BACKEND, problem.network, key / "init")[LAYER])
    mean = momentum_mean(jacobian, momentum=kept, updates=updates, corrected=False)
    mean = claim.gain * mean + kept**updates * start
    single = feedback_variance(model.law, jacobian, seen, offsets=offsets, alpha=model.scale)
    variance = momentum_variance(single, momentum=kept, updates=updates, corrected=False)
    factor = CONSTANT_SLOPE * (kept if after else 1.0)
    if claim.corrected:
        factor /= 1 - kept ** (updates + after)
    return MeanAndVariance(factor * (mean @ seen), (factor * claim.gain) ** 2 * variance)
