"""The forward pass: a loop over steps and layers, written as the equations stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.layers import Gain, Spiking, Sum, Weighted
from gradassay.core.network import INPUT, Network
from gradassay.core.noise import Noise
from gradassay.reference_snn.maps import forward_map, spread_bias
from gradassay.reference_snn.neuron import Float, charge, fire
from gradassay.reference_snn.standardisation import effective_weight

Steps: TypeAlias = dict[str, list[Float]]


@dataclass
class Recording:
    """Everything that happened in a block of t steps, by layer's name, one array (B, n) a step.

    Parameters
    ----------
    membrane, seen, spikes, received : dict of list of array
        By spiking layer: u[t] before the reset, what the firing saw (u[t], with the noise on the
        membrane potential where there is some), s[t], what the next layer receives.
    activity, eligibility : dict of list of array
        By weighted layer: its clean input, and the trace of that input,
        ``a[t] = leak * a[t-1] + x[t]``; a layer that reaches no neuron has its input for trace.
    received_activity, received_eligibility : dict of list of array
        The same of the input with the noise in it.
    constant : list of array, shape (1,)
        Trace of the bias's input 1.
    outputs : list of array, shape (B, m)
        o[t].
    """

    membrane: Steps = field(default_factory=dict)
    seen: Steps = field(default_factory=dict)
    spikes: Steps = field(default_factory=dict)
    received: Steps = field(default_factory=dict)
    activity: Steps = field(default_factory=dict)
    eligibility: Steps = field(default_factory=dict)
    received_activity: Steps = field(default_factory=dict)
    received_eligibility: Steps = field(default_factory=dict)
    constant: list[Float] = field(default_factory=list)
    outputs: list[Float] = field(default_factory=list)


def input_sequence(batch: Batch, steps: int) -> Float:
    """Return the inputs as a sequence (t, B, n): a static input at every step."""
    inputs = np.asarray(batch.inputs)
    return np.broadcast_to(inputs, (steps, *inputs.shape)) if batch.static else inputs


def run(
    network: Network,
    params: Mapping[str, Float],
    inputs: Float,
    noise: Noise | None,
    carry: Mapping[str, Float],
) -> tuple[Recording, dict[str, Float]]:
    """Run a block of steps and record everything.

    At each step, for each layer in order:

        current       I[t] = W r_{l-1}[t] + b                       (or pooled, scaled, summed)
        membrane      u[t] = leak (u[t-1] - V_th s[t-1]) + I[t]     (soft reset; see `charge`)
        spike         s[t] = 1 if u[t] >= V_th else 0
        received      r[t] = s[t] + alpha z[t]
        trace         a[t] = leak a[t-1] + x[t]                     (x the layer's clean input)

    Beside what a layer receives goes its clean value, without the noise of the spikes below.

    Parameters
    ----------
    network, params : Network, mapping from name to array
        The model.
    inputs : array, shape (t, B, n)
        Input currents of the block.
    noise : Noise or None
        z of the block.
    carry : mapping
        What the block before returned; empty before the first step.

    Returns
    -------
    recording : Recording
    carry : dict
    """
    recording = Recording()
    state = dict(carry)
    for step, step_inputs in enumerate(inputs):
        state["constant"] = network.neuron.leak * state.get("constant", np.zeros(1)) + 1
        recording.constant.append(state["constant"])
        clean, received = {INPUT: step_inputs}, {INPUT: step_inputs}
        for layer in network.layers:
            below = network.sources(layer)
            if isinstance(layer, Spiking):
                values = _spikes(network, recording, state, layer, received[below[0]], noise, step)
            elif isinstance(layer, Sum):
                values = _sum([clean[n] for n in below]), _sum([received[n] for n in below])
            elif isinstance(layer, Weighted):
                _record_input(network, recording, state, layer, clean[below[0]], received[below[0]])
                current = _current(params, layer, received[below[0]])
                values = current, current
            else:
                values = (
                    forward_map(layer, None, clean[below[0]]),
                    forward_map(layer, None, received[below[0]]),
                )
            clean[layer.name], received[layer.name] = values
        recording.outputs.append(clean[network.output.name])
    return recording, state


def _sum(arrays: list[Float]) -> Float:
    total: Float = np.sum(arrays, axis=0)
    return total


def layer_weight(layer: Weighted, params: Mapping[str, Float]) -> Float:
    """Return the weight that a layer multiplies with; for a `Gain` its factor."""
    if isinstance(layer, Gain):
        return params[f"{layer.name}.weight"]
    return effective_weight(layer, params)


def _current(params: Mapping[str, Float], layer: Weighted, received: Float) -> Float:
    """Return I = W r + b."""
    current = forward_map(layer, layer_weight(layer, params), received)
    bias = f"{layer.name}.bias"
    return current + spread_bias(layer, params[bias]) if bias in layer.shapes else current


def _spikes(
    network: Network,
    recording: Recording,
    state: dict[str, Float],
    layer: Spiking,
    current: Float,
    noise: Noise | None,
    step: int,
) -> tuple[Float, Float]:
    """Advance one population by one step; return its spikes, and what the next layer receives."""
    name, zero = layer.name, np.zeros_like(current)
    before = state.get(f"{name}.membrane", zero), state.get(f"{name}.spikes", zero)
    membrane = charge(network.neuron, *before, current)
    injected = zero
    if noise is not None and name in noise.values:
        injected = noise.scale * noise.values[name][step]
    on_membrane = noise is not None and noise.position == "membrane"
    seen = membrane + injected if on_membrane else membrane
    spikes = fire(network.neuron, seen)
    received = spikes if on_membrane else spikes + injected
    state[f"{name}.membrane"], state[f"{name}.spikes"] = membrane, spikes
    recording.membrane.setdefault(name, []).append(membrane)
    recording.seen.setdefault(name, []).append(seen)
    recording.spikes.setdefault(name, []).append(spikes)
    recording.received.setdefault(name, []).append(received)
    return spikes, received


def _record_input(
    network: Network,
    recording: Recording,
    state: dict[str, Float],
    layer: Weighted,
    clean: Float,
    received: Float,
) -> None:
    """Record the input of a weighted layer and its trace, clean and received."""
    for kind, values, activity, eligibility in (
        ("clean", clean, recording.activity, recording.eligibility),
        ("received", received, recording.received_activity, recording.received_eligibility),
    ):
        activity.setdefault(layer.name, []).append(values)
        trace = values
        if network.has_memory(layer):
            name = f"{layer.name}.{kind}"
            before = state.get(name, np.zeros_like(values))
            trace = state[name] = network.neuron.leak * before + values
        eligibility.setdefault(layer.name, []).append(trace)
