"""Effective synaptic operations in closed form, from how often each activity was not 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.core.layers import Weighted
from gradassay.core.network import INPUT, Network
from gradassay.cost.connections import (
    carries_spikes,
    connections,
    fan_in,
    fan_out,
    fed_by_neurons,
    reach,
)
from gradassay.cost.declared import Declared
from gradassay.cost.effective import Synaptic


@dataclass(frozen=True)
class Activities:
    """How often activities of one sample were not 0.

    Parameters
    ----------
    inputs : array, shape (n,)
        Of each input, over all steps and forward passes.
    input_spikes : bool
        Whether the input is a spike train.
    spikes : mapping from hidden spiking layer's name to array, shape (n,)
        Of each unit, over all steps and forward passes.
    presynaptic : mapping from weighted layer's name to array, shape (inputs,)
        Of what the weight gradient multiplies delta with, over all steps.
    traced : frozenset of str
        Weighted layers for which that is a trace of spikes, not the spikes themselves.
    deltas : mapping from weighted layer's name to float
        Derivatives by the outputs that are sent down through the layer.
    """

    inputs: np.ndarray
    input_spikes: bool
    spikes: Mapping[str, np.ndarray]
    presynaptic: Mapping[str, np.ndarray]
    traced: frozenset[str]
    deltas: Mapping[str, float]


def effective_closed_form(
    network: Network, signal: Declared, activities: Activities
) -> dict[str, Synaptic]:
    """Return the operations of forward passes, errors sent down and weight gradients.

    With a_i how often activity i was not 0, r_i the connections that it reaches, f_l the fan-in:

        forward    sum_i a_i r_i;  noise that is never 0: sum_i r_i at each step of a noisy pass
        backward   sum_l f_l (derivatives of layer l that are not 0)
        update     sum_l sum_i a_li r_li

    Parameters
    ----------
    network, signal
        As in `closed_form`, the passes claimed.
    activities : Activities
        What is known of one sample.

    Notes
    -----
    For networks whose weighted layers are fed by the input or by neurons, without a pool or a sum
    between, where activities would meet and no longer be one each.
    """
    layers = {layer.name: layer for layer in network.weighted}
    sent = {name: fan_in(layers[name]) * count for name, count in activities.deltas.items()}
    swept = network.steps * sum(connections(layers[name]) for name in activities.deltas)
    return {
        "forward": _forward(network, signal, activities),
        "backward": Synaptic(swept, sum(sent.values())),
        "update": _update(network, signal, activities),
    }


def _forward(network: Network, signal: Declared, activities: Activities) -> Synaptic:
    """Return the operations of all forward passes."""
    steps, passes = network.steps, signal.passes
    forward = 0 if passes is None else passes.forward
    noisy = forward if passes is None or passes.noisy is None else passes.noisy
    on_spikes = signal.noise is not None and signal.noise.position == "spike"
    dense = macs = acs = 0.0
    for layer in network.weighted:
        dense += forward * steps * connections(layer)
        spiking = _spiking(network, layer, activities)
        noise = on_spikes and spiking and layer.name in fed_by_neurons(network)
        dense += noisy * steps * connections(layer) if noise else 0
        for name, reached in reach(network, layer).items():
            seen = activities.inputs if name == INPUT else activities.spikes[name]
            arriving = float(np.dot(seen, reached))
            macs, acs = (macs, acs + arriving) if spiking else (macs + arriving, acs)
            macs += noisy * steps * float(reached.sum()) if noise else 0
    return Synaptic(dense, macs, acs)


def _update(network: Network, signal: Declared, activities: Activities) -> Synaptic:
    """Return the operations of the weight gradients."""
    if signal.in_weights:
        return Synaptic(0, 0)
    macs = acs = 0.0
    for layer in network.weighted:
        products = float(np.dot(activities.presynaptic[layer.name], fan_out(layer)))
        as_spikes = _spiking(network, layer, activities) and layer.name not in activities.traced
        macs, acs = (macs, acs + products) if as_spikes else (macs + products, acs)
    dense = network.steps * sum(connections(layer) for layer in network.weighted)
    return Synaptic(dense, macs, acs)


def _spiking(network: Network, layer: Weighted, activities: Activities) -> bool:
    return carries_spikes(network, layer, input_spikes=activities.input_spikes)
