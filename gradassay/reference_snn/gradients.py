"""Gradients of the mean loss by the book: online (OTTT) and through time (BPTT).

They stand beside the estimators as an oracle: loops over steps and layers, in plain order.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.layers import (
    Fixed,
    Gain,
    Layer,
    Spiking,
    Weighted,
)
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.reference_snn.loss import losses_and_errors
from gradassay.reference_snn.maps import bias_sums, transposed_map, weight_products
from gradassay.reference_snn.model import Recording, input_sequence, layer_weight, run
from gradassay.reference_snn.neuron import (
    Float,
    membrane_by_membrane,
    membrane_by_spike,
    surrogate_derivative,
)
from gradassay.reference_snn.standardisation import parameter_gradient


def _forward(
    network: Network, params: Mapping[str, Float], batch: Batch, noise: Noise | None
) -> tuple[Recording, Float]:
    inputs = input_sequence(batch, network.steps)
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

    With ``a`` the eligibility traces and ``e`` the errors, at each step, written for a chain:

        g_N[t]     = W_{N+1}^T e[t]
        delta_l[t] = psi(u_l[t]) g_l[t]
        g_{l-1}[t] = W_l^T delta_l[t]
        dW_l      += delta_l[t] a_{l-1}[t]^T        dW_{N+1} += e[t] s_N[t]^T

    A layer that feeds several has the sum of what comes from them. With direct feedback
    ``g_l[t] = B_l e[t]`` at the hidden spiking layers.

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
    sums = _Sums(network, params)
    for t in range(network.steps):
        deltas = {network.output.name: errors[t]}
        for layer in reversed(network.layers):
            delta = deltas.pop(layer.name)
            if isinstance(layer, Spiking):
                if feedback is not None and layer != network.output:
                    delta = errors[t] @ feedback[layer.name].T
                delta = surrogate_derivative(network.neuron, recording.seen[layer.name][t]) * delta
            elif isinstance(layer, Weighted):
                memory = network.has_memory(layer)
                constant = recording.constant[t] if memory else np.ones(1)
                sums.add(layer, delta, recording.eligibility[layer.name][t], constant)
            _send_down(network, params, layer, delta, deltas)
    return sums.gradient(batch.size)


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
    sums = _Sums(network, params)
    later: dict[str, Float] = {}
    for t in reversed(range(network.steps)):
        deltas = {network.output.name: errors[t]}
        for layer in reversed(network.layers):
            delta = deltas.pop(layer.name)
            if isinstance(layer, Spiking):
                delta = later[layer.name] = _through_time(
                    network, recording, layer.name, t, delta, later, reset_gradient=reset_gradient
                )
            elif isinstance(layer, Weighted):
                sums.add(layer, delta, recording.activity[layer.name][t], np.ones(1))
            _send_down(network, params, layer, delta, deltas)
    return sums.gradient(batch.size)


def _through_time(
    network: Network,
    recording: Recording,
    name: str,
    t: int,
    signal: Float,
    later: Mapping[str, Float],
    *,
    reset_gradient: bool,
) -> Float:
    """Return epsilon_l[t] from g_l[t] and epsilon_l[t+1]."""
    after = later[name] if name in later else np.zeros_like(signal)
    if reset_gradient:
        signal = signal + membrane_by_spike(network.neuron, recording.membrane[name][t]) * after
    epsilon = surrogate_derivative(network.neuron, recording.seen[name][t]) * signal
    return epsilon + membrane_by_membrane(network.neuron, recording.spikes[name][t]) * after


def _send_down(
    network: Network,
    params: Mapping[str, Float],
    layer: Layer,
    delta: Float,
    deltas: dict[str, Float],
) -> None:
    """Add what a layer sends to those that feed it."""
    if isinstance(layer, Weighted):
        delta = transposed_map(layer, layer_weight(layer, params), delta)
    elif isinstance(layer, Fixed):
        delta = transposed_map(layer, None, delta)
    for source in network.sources(layer):
        deltas[source] = deltas[source] + delta if source in deltas else delta


class _Sums:
    """Sums over steps and samples of the derivatives by each layer's effective weight and bias."""

    def __init__(self, network: Network, params: Mapping[str, Float]) -> None:
        self.network, self.params = network, params
        self.weights = {x.name: np.zeros(x.weight_shape) for x in network.weighted}
        self.biases: dict[str, Float] = {}

    def add(self, layer: Weighted, delta: Float, presynaptic: Float, constant: Float) -> None:
        """Add one step: ``dW += delta a^T`` and ``db += delta * constant``."""
        self.weights[layer.name] += weight_products(layer, delta[None], presynaptic[None])[0]
        step = bias_sums(layer, delta).sum(axis=0) * constant
        self.biases[layer.name] = self.biases.get(layer.name, 0) + step

    def gradient(self, samples: int) -> Params:
        """Return the gradient of the mean over samples, by the parameters."""
        found: dict[str, Float] = {}
        for layer in self.network.weighted:
            by_weight = self.weights[layer.name]
            found |= {f"{layer.name}.bias": self.biases[layer.name]}
            if isinstance(layer, Gain):
                found[f"{layer.name}.weight"] = by_weight
            else:
                found |= parameter_gradient(layer, self.params, by_weight)
        return Params({name: found[name] / samples for name in self.network.shapes})
