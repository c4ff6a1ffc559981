"""Estimands under Rademacher noise, exactly, from a table over all signs.

Nothing here uses the estimators' code: only losses and outputs at flipped signs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradassay.core.claims import MomentumFeedback
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.verify.enumeration import SignTable
from gradassay.verify.moments import Float


def _split(network: Network, layer: str, joined: Float) -> dict[str, Float]:
    """Split ``[W | b]`` of one layer into its parameters."""
    parts = {f"{layer}.weight": joined[:, :-1], f"{layer}.bias": joined[:, -1]}
    return {name: part for name, part in parts.items() if name in network.shapes}


def _readout(table: SignTable) -> dict[str, Float]:
    """Return the readout's exact gradient, averaged over signs."""
    network = table.signs.network
    name = network.readout.name
    mean = np.einsum("tcm,tcn->mn", table.errors, table.traces[name]) / table.losses.shape[1]
    return _split(network, name, mean)


def _losses_seen(table: SignTable, step: int) -> Float:
    """Return the loss that noise at a step is multiplied with: of the step, or of the sequence."""
    if table.signs.network.loss.over == "sequence":
        of_sequence: Float = table.losses.sum(axis=0)
        return of_sequence
    of_step: Float = table.losses[step]
    return of_step


def expected_central_difference(table: SignTable) -> Params:
    """Return the mean of zeroth order, single point: central differences in place of noise x loss.

    ``dW_l = E sum_t psi(u_l[t]) (L(z_i = 1) - L(z_i = -1)) / (2 alpha) a_{l-1}[t]^T``, the mean
    over the other signs; psi and the trace do not depend on the sign that is flipped.

    Parameters
    ----------
    table : SignTable
        All signs, independent at each step.
    """
    network = table.signs.network
    gradient = _readout(table)
    for weighted, spiking in zip(network.weighted, network.spiking, strict=False):
        joined = np.zeros((weighted.outputs, weighted.inputs + 1))
        for step, unit in np.ndindex(network.steps, spiking.units):
            signal = table.central_difference(_losses_seen(table, step), spiking.name, step, unit)
            delta = table.derivative[spiking.name][step, :, unit] * signal
            joined[unit] += delta @ table.traces[weighted.name][step] / len(delta)
        gradient |= _split(network, weighted.name, joined)
    return Params({name: gradient[name] for name in network.shapes})


def single_point_variance(table: SignTable) -> float:
    """Return the exact trace of the covariance of zeroth order, single point.

    ``E |G|^2 - |E G|^2`` with, for the weights of one layer,
    ``|G|^2 = sum_{s,t} (delta[s] . delta[t]) (a[s] . a[t])`` and
    ``delta[t] = psi(u[t]) z[t] L / alpha``.
    """
    network = table.signs.network
    count = table.losses.shape[1]
    readout = table.traces[network.readout.name]
    second = _squared(table.errors, readout)
    for weighted, spiking in zip(network.weighted, network.spiking, strict=False):
        losses = np.stack([_losses_seen(table, step) for step in range(network.steps)])
        signal = table.values[spiking.name] * losses[..., None] / table.scale
        second += _squared(table.derivative[spiking.name] * signal, table.traces[weighted.name])
    mean = expected_central_difference(table)
    return second / count - float(mean.dot(mean))


def _squared(delta: Float, traces: Float) -> float:
    """Return the sum over combinations of ``|sum_t delta[t] a[t]^T|^2``."""
    products = np.einsum("scn,tcn->stc", delta, delta) * np.einsum("scn,tcn->stc", traces, traces)
    return float(products.sum())


def expected_feedback(table: SignTable) -> dict[str, Float]:
    """Return ``E Z_l``, the mean of one term of OPZO's momentum, layer by layer, shape (n, m).

    Independent noise: the mean over steps of the expected central difference of o[t] by the noise
    at t. Noise paired over steps t and t + 1: half the central difference of ``o[t] - o[t+1]`` by
    the shared sign, which to first order is ``(J[t,t] + J[t+1,t+1] - J[t+1,t]) / 2``, J[s,t] the
    derivative of o[s] by the activity at t.
    """
    network, pairing = table.signs.network, table.signs.pairing
    feedback = {}
    for layer in network.spiking:
        total = np.zeros((layer.units, network.classes))
        for step, unit in np.ndindex(network.steps, layer.units):
            if pairing == "time" and step % 2:
                continue
            seen = table.outputs[step]
            if pairing == "time" and step + 1 < network.steps:
                seen = seen - table.outputs[step + 1]
            difference = table.central_difference(seen, layer.name, step, unit)
            total[unit] += difference.mean(axis=0)
        feedback[layer.name] = total / network.steps
    return feedback


def momentum_gradient(
    table: SignTable, feedback: MomentumFeedback, matrices: Mapping[str, Float], updates: int
) -> Params:
    """Return the mean gradient of one pass of momentum feedback.

    M used before its update is fixed: ``g_l[t] = M_l e[t] / (1 - lambda^k)``. Used after it,
    ``g_l[t] = (lambda M_l + (1 - lambda) Z_l) e[t] / (1 - lambda^(k + 1))``, where Z and e share
    their noise, so that the product rule hits both.

    Parameters
    ----------
    table : SignTable
        All signs.
    feedback : MomentumFeedback
        lambda, and when M is used.
    matrices : mapping from spiking layer's name to array, shape (n, m)
        M before the pass.
    updates : int
        k, updates before the pass, at least 1.
    """
    network = table.signs.network
    before = feedback.use == "before"
    weight = 1 - feedback.momentum ** (updates if before else updates + 1)
    share = (1.0 if before else feedback.momentum) / weight
    gradient = _readout(table)
    for weighted, spiking in zip(network.weighted, network.spiking, strict=False):
        signal = table.errors @ (matrices[spiking.name] * share).T
        delta = table.derivative[spiking.name] * signal
        joined = np.einsum("tcn,tci->ni", delta, table.traces[weighted.name])
        if not before:
            own = _own_draw(table, weighted.name, spiking.name)
            joined = joined + own * ((1 - feedback.momentum) / weight)
        gradient |= _split(network, weighted.name, joined / table.losses.shape[1])
    return Params({name: gradient[name] for name in network.shapes})


def _own_draw(table: SignTable, weighted: str, spiking: str) -> Float:
    """Return the sum over combinations of the gradient when e goes through this pass's own Z."""
    steps = table.signs.network.steps
    total: Float = np.zeros(())
    for s, t in np.ndindex(steps, steps):
        # Z = mean_s z[s] o[s]^T / alpha, applied to e[t]
        agreement = (table.outputs[s] * table.errors[t]).sum(axis=-1) / (steps * table.scale)
        delta = table.derivative[spiking][t] * table.values[spiking][s]
        total = total + np.einsum("c,cn,ci->ni", agreement, delta, table.traces[weighted][t])
    return total
