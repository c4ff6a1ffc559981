"""Jacobians of a network's outputs by the spikes of its layers."""

from __future__ import annotations

from dataclasses import replace

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.estimators.descent import Descent
from gradassay.estimators.passes import Pass


def average_jacobians(
    backend: Backend, network: Network, params: Params, batch: Batch
) -> dict[str, Array]:
    """Return, of each hidden spiking layer, the transposed Jacobian of outputs by spikes.

    ``J_l[t]^T e`` is what the network above sends down for an error e of the outputs at step t,
    through the surrogate derivatives of a pass without noise; its mean over steps and samples is
    what direct feedback weights should be.

    Parameters
    ----------
    backend, network, params, batch
        The model; arrays of the backend.

    Returns
    -------
    mapping of str to array, shape (n_l, m)

    Notes
    -----
    As many backward passes as there are classes.
    """
    trace = backend.forward(network, params, batch, record=frozenset({"derivative"}))
    xp = array_namespace(trace.errors)
    columns: dict[str, list[Array]] = {layer.name: [] for layer in network.spiking}
    for number in range(network.classes):
        errors = xp.zeros_like(trace.errors)
        errors[..., number] = 1.0
        observed = Pass(
            backend, network, params, batch, replace(trace, errors=errors), None, replicates=1
        )
        descent = _descent(observed)
        for name, found in columns.items():
            found.append(xp.mean(descent.output(name), axis=(0, 1)))
    return {name: xp.stack(found, axis=-1) for name, found in columns.items()}


def _descent(observed: Pass) -> Descent:
    """Return the way down through the network's own weights."""
    return Descent(
        observed,
        lambda layer, descent: descent.output(layer.name),
        lambda layer, signal: observed.trace.derivative[layer.name] * signal,
        lambda layer: observed.backend.weight(layer, observed.params),
    )
