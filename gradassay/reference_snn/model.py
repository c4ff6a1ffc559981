"""The forward pass: a loop over steps and layers, written as the equations stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gradassay.core.errors import ConfigurationError
from gradassay.core.network import Linear, Network
from gradassay.core.noise import Noise
from gradassay.reference_snn.neuron import Float, charge, fire


@dataclass
class Recording:
    """Everything that happened in a block of t steps, by layer's name, one array (B, n) a step.

    Parameters
    ----------
    membrane, spikes, received : dict of list of array
        By spiking layer: u[t] before the reset, s[t], r[t] = s[t] + alpha z[t].
    activity, eligibility : dict of list of array
        By weighted layer: its clean input, and the trace of that input,
        ``a[t] = leak * a[t-1] + s[t]``; the readout, without memory, has its input for trace.
    constant : list of array, shape (1,)
        Trace of the bias's input 1.
    outputs : list of array, shape (B, m)
        o[t].
    """

    membrane: dict[str, list[Float]] = field(default_factory=dict)
    spikes: dict[str, list[Float]] = field(default_factory=dict)
    received: dict[str, list[Float]] = field(default_factory=dict)
    activity: dict[str, list[Float]] = field(default_factory=dict)
    eligibility: dict[str, list[Float]] = field(default_factory=dict)
    constant: list[Float] = field(default_factory=list)
    outputs: list[Float] = field(default_factory=list)


def run(
    network: Network,
    params: Mapping[str, Float],
    inputs: Float,
    noise: Noise | None,
    carry: Mapping[str, Float],
) -> tuple[Recording, dict[str, Float]]:
    """Run a block of steps and record everything.

    At each step, for each layer in order:

        current       I[t] = W r_{l-1}[t] + b
        membrane      u[t] = leak (u[t-1] - V_th s[t-1]) + I[t]     (soft reset; see `charge`)
        spike         s[t] = 1 if u[t] >= V_th else 0
        received      r[t] = s[t] + alpha z[t]
        trace         a[t] = leak a[t-1] + s[t]

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
        clean = received = step_inputs
        state["constant"] = network.neuron.leak * state.get("constant", np.zeros(1)) + 1
        recording.constant.append(state["constant"])
        for layer in network.layers:
            if isinstance(layer, Linear):
                _record_input(network, recording, state, layer, clean)
                received = _current(params, layer, received)
            else:
                clean = _spikes(network, recording, state, layer.name, received)
                received = _received(noise, layer.name, step, clean)
                recording.received.setdefault(layer.name, []).append(received)
        recording.outputs.append(received)
    return recording, state


def _current(params: Mapping[str, Float], layer: Linear, received: Float) -> Float:
    """Return I = W r + b."""
    current = received @ params[f"{layer.name}.weight"].T
    return current + params[f"{layer.name}.bias"] if layer.bias else current


def _spikes(
    network: Network, recording: Recording, state: dict[str, Float], name: str, current: Float
) -> Float:
    """Advance one population by one step and return its spikes."""
    zero = np.zeros_like(current)
    before = state.get(f"{name}.membrane", zero), state.get(f"{name}.spikes", zero)
    membrane = charge(network.neuron, *before, current)
    spikes = fire(network.neuron, membrane)
    state[f"{name}.membrane"], state[f"{name}.spikes"] = membrane, spikes
    recording.membrane.setdefault(name, []).append(membrane)
    recording.spikes.setdefault(name, []).append(spikes)
    return spikes


def _received(noise: Noise | None, name: str, step: int, spikes: Float) -> Float:
    """Return r = s + alpha z."""
    if noise is None or name not in noise.values:
        return spikes
    injected: Float = noise.scale * noise.values[name][step]
    return spikes + injected


def _record_input(
    network: Network, recording: Recording, state: dict[str, Float], layer: Linear, clean: Float
) -> None:
    """Record the clean input of a weighted layer and its trace."""
    recording.activity.setdefault(layer.name, []).append(clean)
    trace = clean
    if layer != network.readout:
        name = f"{layer.name}.eligibility"
        trace = state[name] = network.neuron.leak * state.get(name, np.zeros_like(clean)) + clean
    recording.eligibility.setdefault(layer.name, []).append(trace)


def require_block(network: Network, steps: int) -> None:
    """Refuse a loss of the sequence on a part of the sequence.

    Raises
    ------
    ConfigurationError
        If the block is shorter than T and the loss is of the sequence.
    """
    if network.loss.over == "sequence" and steps != network.steps:
        raise ConfigurationError(
            f"steps: got a block of {steps} with a loss of the sequence; expected all"
            f" T = {network.steps} steps at once. Use the loss of the step to go in blocks."
        )
