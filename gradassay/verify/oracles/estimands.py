"""Estimands under Rademacher noise, read off a table of all signs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradassay.core.claims import MomentumFeedback
from gradassay.core.estimator import Estimator, State
from gradassay.core.layers import Spiking
from gradassay.core.params import Params
from gradassay.estimators.descent import Descent
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.temporal import Traces
from gradassay.verify.oracles.declared import local_rule
from gradassay.verify.oracles.sign_tables import SignTable
from gradassay.verify.statistics.moments import Float

At = Literal["noisy", "first", "clean"]


@dataclass(frozen=True, kw_only=True)
class GivenSignal(SignalEstimator):
    """The local rule alone: signals at the spikes are given, all else is as in any method.

    Parameters
    ----------
    signals : mapping from spiking layer's name to array, shape (T, R*B, n)
        g.
    traces : {"clean", "received"}
        Presynaptic activity.
    psi : bool
        Multiply with the surrogate derivative.
    """

    signals: Mapping[str, Float]
    traces: Traces = "clean"
    psi: bool = True

    @property
    def presynaptic_traces(self) -> Traces:
        """As given."""
        return self.traces

    def derivative(self, observed: Pass, layer: Spiking) -> Float:
        """Return psi, or 1 at hidden layers."""
        psi: Float = observed.trace.derivative[layer.name]
        return psi if self.psi or layer == observed.network.output else np.ones_like(psi)

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Float:
        """Return the given signal."""
        return self.signals[layer.name]


def given_signal(estimator: Estimator, signals: Mapping[str, Float]) -> GivenSignal:
    """Return the local rule that an estimator uses, for signals that are given."""
    rule = local_rule(estimator)
    on_membrane = estimator.noise is not None and estimator.noise.position == "membrane"
    psi = not on_membrane or getattr(estimator, "membrane_psi", True)
    return GivenSignal(temporal=rule.temporal, signals=signals, traces=rule.traces, psi=psi)


def _losses_seen(table: SignTable, step: int) -> Float:
    """Return the loss that noise at a step is multiplied with: of the step, or of the sequence."""
    if table.network.loss.over == "sequence":
        of_sequence: Float = table.losses.sum(axis=0)
        return of_sequence
    of_step: Float = table.losses[step]
    return of_step


def expected_central_difference(table: SignTable, estimator: Estimator, at: At) -> Params:
    """Return the mean of zeroth order: central differences in place of noise times loss.

    ``dW_l = E sum_t psi(u_l[t]) (L(z_i = 1) - L(z_i = -1)) / (2 alpha) a_{l-1}[t]^T``, the mean
    over the other signs; psi and the trace do not depend on the sign that is flipped. Of a pair
    with z and -z whose psi and traces are those of the first, half the difference of the two
    losses stands for L; with psi and traces of a clean pass, the central difference alone is
    averaged.

    Parameters
    ----------
    table : SignTable
        All signs, independent at each step.
    estimator : Estimator
        Gives the local rule.
    at : {"noisy", "first", "clean"}
        The pass of psi and traces.
    """
    signals = {}
    for layer in table.network.spiking:
        signal = np.zeros_like(table.values[layer.name])
        for step, unit in np.ndindex(table.network.steps, layer.units):
            losses = _losses_seen(table, step)
            if at == "first":
                losses = (losses - table.opposite(losses)) / 2
            signal[step, :, unit] = table.central_difference(losses, layer.name, step, unit)
        signals[layer.name] = signal
    return _mean_gradient(table, estimator, signals, at)


def smoothed_jacobian(table: SignTable, estimator: Estimator) -> Params:
    """Return the mean of two-point pseudo-zeroth order: ``E[do / dz_i]^T e``, e and all else clean.

    Parameters
    ----------
    table, estimator
        As in `expected_central_difference`.
    """
    signals = {}
    for layer in table.network.spiking:
        signal = np.zeros_like(table.values[layer.name])
        for step, unit in np.ndindex(table.network.steps, layer.units):
            outputs = table.observed.trace.outputs[step]
            slope = table.central_difference(outputs, layer.name, step, unit)
            signal[step, :, unit] = (slope * table.clean.errors[step]).sum(axis=-1)
        signals[layer.name] = signal
    return _mean_gradient(table, estimator, signals, "clean")


def _mean_gradient(
    table: SignTable, estimator: Estimator, signals: Mapping[str, Float], at: At
) -> Params:
    """Return the gradient of given signals, averaged over all signs."""
    observed = table.observed
    if at == "clean":
        observed = dataclasses.replace(observed, trace=table.clean)
    return given_signal(estimator, signals).gradient({}, observed, None)


def expected_feedback(
    table: SignTable, claim: MomentumFeedback, *, whole_sequence: bool
) -> dict[str, Float]:
    """Return ``E Z_l``, the mean of one term of OPZO's momentum, layer by layer, shape (n, m).

    Independent noise: the mean over steps of the expected central difference of o[t] by the noise
    at t. Noise paired over steps t and t + 1: half the central difference of ``o[t] - o[t+1]`` by
    the shared sign, which to first order is ``(J[t,t] + J[t+1,t+1] - J[t+1,t]) / 2``, J[s,t] the
    derivative of o[s] by the activity at t.

    Parameters
    ----------
    table : SignTable
        All signs.
    claim : MomentumFeedback
        Its gain.
    whole_sequence : bool
        Whether noise is multiplied with the sum of all steps' outputs.
    """
    network, pairing = table.network, table.signs.pairing
    outputs = table.observed.trace.outputs
    feedback = {}
    for layer in network.spiking:
        total = np.zeros((layer.units, network.classes))
        for step, unit in np.ndindex(network.steps, layer.units):
            if pairing == "time" and step % 2:
                continue
            seen = outputs.sum(axis=0) if whole_sequence else outputs[step]
            if pairing == "time" and step + 1 < network.steps:
                seen = seen - outputs[step + 1]
            difference = table.central_difference(seen, layer.name, step, unit)
            total[unit] += difference.mean(axis=0)
        feedback[layer.name] = claim.gain * total / network.steps
    return feedback


def momentum_gradient(
    table: SignTable,
    estimator: Estimator,
    claim: MomentumFeedback,
    matrices: Mapping[str, Float],
    updates: int,
    *,
    whole_sequence: bool,
) -> Params:
    """Return the mean gradient of one pass of momentum feedback.

    M used before its update is fixed: ``g_l[t] = M_l e[t] / (1 - lambda^k)``, without the
    denominator where M is not corrected. Used after it,
    ``g_l[t] = (lambda M_l + (1 - lambda) Z_l) e[t] / (1 - lambda^(k + 1))``, where Z and e share
    their noise, so that the product rule hits both.

    Parameters
    ----------
    table : SignTable
        All signs.
    estimator : Estimator
        Gives the local rule.
    claim : MomentumFeedback
        lambda, and when M is used.
    matrices : mapping from spiking layer's name to array, shape (n, m)
        M before the pass.
    updates : int
        k, updates before the pass, at least 1.
    whole_sequence : bool
        As in `expected_feedback`.
    """
    before = claim.use == "before"
    weight = 1 - claim.momentum ** (updates if before else updates + 1) if claim.corrected else 1.0
    share = (1.0 if before else claim.momentum) / weight
    errors = table.observed.trace.errors
    signals = {}
    for layer in table.network.spiking:
        signal = errors @ (matrices[layer.name] * share).T
        if not before:
            own = _own_draw(table, layer.name, whole_sequence=whole_sequence)
            signal = signal + own * (claim.gain * (1 - claim.momentum) / weight)
        signals[layer.name] = signal
    return _mean_gradient(table, estimator, signals, "noisy")


def _own_draw(table: SignTable, layer: str, *, whole_sequence: bool) -> Float:
    """Return ``Z e[t]`` of every combination, Z its own draw, (T, 2^count, n)."""
    outputs, errors = table.observed.trace.outputs, table.observed.trace.errors
    if whole_sequence:
        outputs = np.broadcast_to(outputs.sum(axis=0), outputs.shape)
    agreement = np.einsum("scm,tcm->stc", outputs, errors) / (len(outputs) * table.scale)
    result: Float = np.einsum("stc,scn->tcn", agreement, table.values[layer])
    return result
