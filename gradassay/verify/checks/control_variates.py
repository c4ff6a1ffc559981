"""Control variates: numbers of known mean 0, made from the same draws as an estimate.

Where noise z is injected at the spikes, and c[t] is the loss of step t (or of the sequence) of a
pass without noise, b a running baseline where there is one, g_l[t] the surrogate derivative of the
loss by the spikes of layer l, the signal

    z_l[t] (c[t] - b) / alpha  +  z_l[t] (sum_m z_m[t] . g_m[t]) - g_l[t]

has mean 0 under any law with ``E z z^T = I``, and so has the weight gradient that the local rule
makes of it, because psi and the traces of a layer do not depend on the noise of its own spikes. The
first part is a single point's draw of the offset; the second is the draw of the linear part of the
loss, less its mean. What is left of an estimate is curvature.

Where the weights are perturbed, the control variate is ``z (z . g) - g`` with g the estimand. The
new term of momentum feedback has the part ``z_l[t] o[t]^T / alpha`` with the clean output o,
averaged over samples and steps as the term is.

They are made from the noise that the estimator did use. Were it of another law than claimed, its
mean could be hidden by them: so the noise has a check of its own (`noise_checks`), and a bias that
is seen without them counts too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.claims import VarianceLaw
from gradassay.core.estimator import State
from gradassay.core.layers import Spiking
from gradassay.core.noise import Noise
from gradassay.estimators.descent import Descent
from gradassay.estimators.passes import Pass
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.blocks import Vectors
from gradassay.verify.checks.case import Case, claims_of_kind
from gradassay.verify.checks.sampling import BLOCK, Draws
from gradassay.verify.measuring.draws import by_layer
from gradassay.verify.oracles.declared import claimed_estimand, meets_sequence
from gradassay.verify.oracles.estimands import given_signal
from gradassay.verify.statistics.moments import Float

ZEROTH_ORDER = ("expected_central_difference", "smoothed_loss")
ESTIMANDS = (*ZEROTH_ORDER, "smoothed_jacobian")


def control_variate(case: Case, state: State) -> Callable[[Draws], Vectors] | None:
    """Return what makes the control variate of a block; None where there is none.

    There is one for zeroth and pseudo-zeroth order with noise on the spikes.
    """
    model, network = case.estimator.noise, case.problem.network
    estimand = claimed_estimand(case.estimator)
    if estimand is None or estimand.name not in ESTIMANDS:
        return None
    if model is None or model.position != "spike":
        return None
    clean = _clean_pass(case, state)
    offset = estimand.name in ZEROTH_ORDER and _single_point(case)
    hidden = {layer.name for layer in network.weighted} - {network.readout.name}

    def made(draws: Draws) -> Vectors:
        if draws.noise is None:
            return {}
        signals = _signals(clean, draws.noise, offset=offset)
        rule = given_signal(case.estimator, signals)
        injected = None if estimand.at == "clean" else draws.noise
        observed = rule.observe(
            ReferenceBackend(), network, case.problem.params, case.problem.batch, injected, BLOCK
        )
        rows = by_layer(network, rule.gradient({}, observed, BLOCK), folded=True)
        return {name: array for name, array in rows.items() if name in hidden}

    return made


@dataclass(frozen=True)
class CleanPass:
    """Losses (T, B) that noise meets, and signals (T, B, n) by layer, of a pass without noise."""

    losses: Float
    signals: Mapping[str, Float]


def _clean_pass(case: Case, state: State) -> CleanPass:
    """Run the reference without noise, and send its errors down; subtract a baseline."""
    network = case.problem.network
    rule = _Signals()
    backend = ReferenceBackend()
    observed = rule.observe(backend, network, case.problem.params, case.problem.batch, None, 1)
    rule.deltas({}, observed)
    losses = observed.trace.losses
    if network.loss.over == "sequence":
        losses = np.broadcast_to(losses.sum(axis=0), losses.shape)
    memory = getattr(case.estimator, "baseline", None)
    if memory is not None:
        losses = losses - state["baseline"] / (1 - memory ** max(float(state["updates"]), 1))
    return CleanPass(losses, rule.seen)


@dataclass(frozen=True, kw_only=True)
class _Signals(SpatialBP):
    """Spatial backpropagation that keeps its signals."""

    seen: dict[str, Float] = dataclasses.field(default_factory=dict[str, Float])

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        self.seen[layer.name] = super().top_down(state, observed, layer, descent)
        return self.seen[layer.name]


def _single_point(case: Case) -> bool:
    """Whether the loss's offset is in a draw."""
    laws = {claim.name for claim in claims_of_kind(case.estimator, VarianceLaw)}
    return "single_point_variance" in laws


def _signals(clean: CleanPass, noise: Noise, *, offset: bool) -> dict[str, Float]:
    """Return the signal of the module's equation for a block of draws, (T, R*B, n) by layer."""
    tiled = {name: np.tile(g, (1, BLOCK, 1)) for name, g in clean.signals.items()}
    slope: Float = np.sum([(noise.values[n] * g).sum(axis=-1) for n, g in tiled.items()], axis=0)
    if offset:
        slope = slope + np.tile(clean.losses, (1, BLOCK)) / noise.scale
    return {name: noise.values[name] * slope[..., None] - g for name, g in tiled.items()}


def weight_control_variate(case: Case, direction: Float) -> Callable[[Draws], Float] | None:
    """Return what makes the control variate of a block where the weights are perturbed.

    ``z (z . g) - g``, z read off the parameters of each replicate's first forward pass.

    Parameters
    ----------
    case : Case
        An estimator with noise on the weights.
    direction : array, shape (p,)
        g, any fixed vector in the order of the parameters.

    Returns
    -------
    callable or None
        Gives an array (BLOCK, p), 0 where the passes are not the same number for each replicate.
    """
    model, params = case.estimator.noise, case.problem.params
    if model is None or model.position != "weights":
        return None

    def made(draws: Draws) -> Float:
        passes = len(draws.params) // BLOCK
        if passes * BLOCK != len(draws.params) or not passes:
            return np.zeros((BLOCK, len(direction)))
        moved = [
            np.concatenate([np.ravel(one[name] - params[name]) for name in params])
            for one in draws.params[::passes]
        ]
        z = np.stack(moved) / model.scale
        variate: Float = z * (z @ direction)[:, None] - direction
        return variate

    return made


def momentum_control_variate(case: Case, gain: float) -> Callable[[Draws], Vectors]:
    """Return what makes the control variate of the new term of M, 0 where there is none.

    Parameters
    ----------
    case : Case
        An estimator with momentum feedback.
    gain : float
        Factor on the term, as `gradassay.core.claims.MomentumFeedback` has it.
    """
    network, problem = case.problem.network, case.problem
    outputs = ReferenceBackend().forward(network, problem.params, problem.batch).outputs
    if meets_sequence(case.estimator):
        outputs = np.broadcast_to(outputs.sum(axis=0), outputs.shape)
    size = network.steps * problem.batch.size

    def made(draws: Draws) -> Vectors:
        if draws.noise is None:
            return {layer.name: np.zeros(1) for layer in network.spiking}
        factor, rows = gain / (size * draws.noise.scale), {}
        for layer in network.spiking:
            z = draws.noise.values[layer.name].reshape(network.steps, BLOCK, -1, layer.units)
            term = np.einsum("trbn,tbm->rnm", z, outputs) * factor
            rows[layer.name] = term.reshape(BLOCK, -1)
        return rows

    return made
