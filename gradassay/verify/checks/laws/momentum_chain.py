"""Momentum feedback after some updates at fixed weights; its mean and variance in closed form."""

from __future__ import annotations

import dataclasses

import numpy as np

from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.noise import Noise, NoiseModel
from gradassay.verify.checks.laws.closed_variance import BACKEND, seen_in
from gradassay.verify.oracles.closed_forms import (
    feedback_variance,
    momentum_mean,
    momentum_variance,
    paired_offsets,
)
from gradassay.verify.oracles.declared import momentum_claim, noise_model
from gradassay.verify.oracles.law_problems import CONSTANT_SLOPE
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float

LAYER = "lif1"


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
