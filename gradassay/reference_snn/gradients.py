"""Gradients of the mean loss by the book: online (OTTT) and through time (BPTT).

They stand beside the estimators as an oracle: loops over steps and layers, no shared code with
the verbs that estimators use.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.reference_snn.loss import losses_and_errors
from gradassay.reference_snn.model import Recording, run
from gradassay.reference_snn.neuron import (
    Float,
    membrane_by_membrane,
    membrane_by_spike,
    surrogate_derivative,
)


def input_sequence(network: Network, batch: Batch, steps: int) -> Float:
    """Return the inputs as a sequence (t, B, n): a static input at every step."""
    inputs = np.asarray(batch.inputs)
    return np.broadcast_to(inputs, (steps, *inputs.shape)) if batch.static else inputs


def _forward(
    network: Network, params: Mapping[str, Float], batch: Batch, noise: Noise | None
) -> tuple[Recording, Float]:
    inputs = input_sequence(network, batch, network.steps)
    recording, _ = run(network, params, inputs, noise, {})
    outputs = np.stack(recording.outputs)
    _, errors = losses_and_errors(network.loss, outputs, batch.targets, network.steps)
    return recording, errors


def online_gradient(
    network: Network,
    params: Mapping[str, Float],
    batch: Batch,
    noise: Noise | None = None,
    *,
    feedback: Mapping[str, Float] | None = None,
) -> Params:
    """Return the online gradient with spatial backpropagation, or with direct feedback.

    With ``a`` the eligibility traces and ``e`` the errors, at each step:

        g_N[t]     = W_{N+1}^T e[t]
        delta_l[t] = psi(u_l[t]) g_l[t]
        g_{l-1}[t] = W_l^T delta_l[t]
        dW_l      += delta_l[t] a_{l-1}[t]^T        dW_{N+1} += e[t] s_N[t]^T

    With direct feedback ``g_l[t] = B_l e[t]``.

    Parameters
    ----------
    network, params, batch, noise
        The model; NumPy arrays, float64.
    feedback : mapping from spiking layer's name to array, shape (n_l, m), or None
        B_l; None for spatial backpropagation.

    Returns
    -------
    Params
        Gradient of the loss's mean over the batch.

    References
    ----------
    Xiao et al., "Online Training Through Time for Spiking Neural Networks", 2022.
    """
    recording, errors = _forward(network, params, batch, noise)
    gradient = Params({n: np.zeros(s) for n, s in network.shapes.items()})
    for t in range(network.steps):
        delta = errors[t]
        for depth in reversed(range(len(network.weighted))):
            layer = network.weighted[depth]
            bias = np.ones(1) if layer == network.readout else recording.constant[t]
            _accumulate(gradient, layer.name, delta, recording.eligibility[layer.name][t], bias)
            if depth > 0:
                below = network.spiking[depth - 1].name
                if feedback is None:
                    signal = delta @ params[f"{layer.name}.weight"]
                else:
                    signal = errors[t] @ feedback[below].T
                delta = surrogate_derivative(network.neuron, recording.membrane[below][t]) * signal
    return gradient.map(lambda total: total / batch.size)


def bptt_gradient(
    network: Network,
    params: Mapping[str, Float],
    batch: Batch,
    noise: Noise | None = None,
    *,
    reset_gradient: bool,
) -> Params:
    """Return the surrogate gradient through time.

    Backwards over the steps, ``epsilon_l[t]`` being the derivative by u_l[t]:

        g_l[t]       = W_{l+1}^T epsilon_{l+1}[t]  +  (du[t+1]/ds[t]) epsilon_l[t+1]
        epsilon_l[t] = psi(u_l[t]) g_l[t]          +  (du[t+1]/du[t]) epsilon_l[t+1]
        dW_l        += epsilon_l[t] s_{l-1}[t]^T

    The second term of the first line is the gradient through the reset. For a smooth neuron with
    that term the result is the true gradient.

    Parameters
    ----------
    network, params, batch, noise
        The model; NumPy arrays, float64.
    reset_gradient : bool
        Keep the gradient through the reset, or cut it.

    Returns
    -------
    Params
        Gradient of the loss's mean over the batch.
    """
    recording, errors = _forward(network, params, batch, noise)
    gradient = Params({n: np.zeros(s) for n, s in network.shapes.items()})
    later: dict[str, Float] = {}
    for t in reversed(range(network.steps)):
        epsilon = errors[t]
        for depth in reversed(range(len(network.weighted))):
            layer = network.weighted[depth]
            _accumulate(
                gradient, layer.name, epsilon, recording.activity[layer.name][t], np.ones(1)
            )
            if depth == 0:
                continue
            name = network.spiking[depth - 1].name
            membrane, spikes = recording.membrane[name][t], recording.spikes[name][t]
            signal = epsilon @ params[f"{layer.name}.weight"]
            after = later[name] if name in later else np.zeros_like(signal)
            if reset_gradient:
                signal = signal + membrane_by_spike(network.neuron, membrane) * after
            epsilon = surrogate_derivative(network.neuron, membrane) * signal
            epsilon = epsilon + membrane_by_membrane(network.neuron, spikes) * after
            later[name] = epsilon
    return gradient.map(lambda total: total / batch.size)


def _accumulate(
    gradient: Params, name: str, delta: Float, presynaptic: Float, constant: Float
) -> None:
    """Add one step: ``dW += delta a^T`` and ``db += delta * constant``, summed over the batch."""
    gradient[f"{name}.weight"][...] += delta.T @ presynaptic
    if f"{name}.bias" in gradient:
        gradient[f"{name}.bias"][...] += delta.sum(axis=0) * constant
