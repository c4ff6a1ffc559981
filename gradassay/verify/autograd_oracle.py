"""Independent oracle: the same gradients by torch autograd over a plain loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from gradassay.core.batch import Batch
from gradassay.core.network import Linear, Loss, Network, Neuron
from gradassay.core.params import Params


class _Spike(torch.autograd.Function):
    """Heaviside forward, sigmoid surrogate derivative backward."""

    @staticmethod
    def forward(ctx: Any, distance: torch.Tensor, scale: float) -> torch.Tensor:
        """Return 1 where the distance to the threshold is at least 0."""
        ctx.save_for_backward(distance)
        ctx.scale = scale
        return (distance >= 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Multiply with psi."""
        (distance,) = ctx.saved_tensors
        value = torch.sigmoid(ctx.scale * distance)
        return grad_outputs[0] * ctx.scale * value * (1 - value), None


def autograd_gradient(
    network: Network, params: Params, batch: Batch, *, through_time: bool, reset_gradient: bool
) -> Params:
    """Return the surrogate gradient of the mean loss by torch autograd, float64.

    Parameters
    ----------
    network, params, batch
        The model; NumPy arrays.
    through_time : bool
        True: plain autograd through the whole sequence (BPTT). False: membrane potential and spikes
        are detached at every step and the weights see the trace of their input (online).
    reset_gradient : bool
        Let the gradient pass through the reset; means something with `through_time` only.

    Returns
    -------
    Params
        NumPy float64.
    """
    weights = {
        name: torch.tensor(np.asarray(array), dtype=torch.float64, requires_grad=True)
        for name, array in params.items()
    }
    inputs = torch.tensor(np.asarray(batch.inputs), dtype=torch.float64)
    targets = torch.tensor(np.asarray(batch.targets))
    with torch.enable_grad():
        step = _through_time(network, weights, reset_gradient) if through_time else None
        advance = step or _online(network, weights)
        outputs = torch.stack(
            [advance(inputs if batch.static else inputs[t]) for t in range(network.steps)]
        )
        loss = _mean_loss(network.loss, outputs, targets)
        gradients = torch.autograd.grad(loss, list(weights.values()))
    return Params({n: g.numpy() for n, g in zip(weights, gradients, strict=True)})


Step = Callable[[torch.Tensor], torch.Tensor]


def _through_time(network: Network, weights: dict[str, torch.Tensor], reset_gradient: bool) -> Step:
    """Return a function that advances the network by one step, its state in the graph."""
    state: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def advance(received: torch.Tensor) -> torch.Tensor:
        for layer in network.layers:
            if isinstance(layer, Linear):
                received = _linear(layer, weights, received)
                continue
            zero = torch.zeros_like(received)
            membrane, spikes = state.get(layer.name, (zero, zero))
            reset = spikes if reset_gradient else spikes.detach()
            membrane = _charge(network.neuron, membrane, reset, received)
            received = _fire(network.neuron, membrane)
            state[layer.name] = (membrane, received)
        return received

    return advance


def _online(network: Network, weights: dict[str, torch.Tensor]) -> Step:
    """Return a function that advances by one step: state detached, traces for the weights."""
    state: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    traces: dict[str, torch.Tensor] = {}
    leak = network.neuron.leak

    def advance(received: torch.Tensor) -> torch.Tensor:
        for layer in network.layers:
            if isinstance(layer, Linear):
                memory = leak if layer != network.readout else 0.0
                ones = torch.ones(1, dtype=torch.float64)
                for name, new in ((layer.name, received.detach()), (f"{layer.name}.bias", ones)):
                    traces[name] = memory * traces.get(name, torch.zeros_like(new)) + new
                received = _traced_linear(layer, weights, traces, received)
                continue
            zero = torch.zeros_like(received)
            membrane, spikes = state.get(layer.name, (zero, zero))
            membrane = _charge(network.neuron, membrane.detach(), spikes.detach(), received)
            received = _fire(network.neuron, membrane)
            state[layer.name] = (membrane, received)
        return received

    return advance


def _traced_linear(
    layer: Linear,
    weights: dict[str, torch.Tensor],
    traces: dict[str, torch.Tensor],
    received: torch.Tensor,
) -> torch.Tensor:
    """Return W r + b in value; the gradient by W and b is that of W a + b c, a and c the traces."""
    frozen = {name: weight.detach() for name, weight in weights.items()}
    seen = functional.linear(traces[layer.name], weights[f"{layer.name}.weight"])
    if layer.bias:
        seen = seen + weights[f"{layer.name}.bias"] * traces[f"{layer.name}.bias"]
    return _linear(layer, frozen, received) + seen - seen.detach()


def _linear(
    layer: Linear, weights: dict[str, torch.Tensor], received: torch.Tensor
) -> torch.Tensor:
    bias = weights[f"{layer.name}.bias"] if layer.bias else None
    return functional.linear(received, weights[f"{layer.name}.weight"], bias)


def _charge(
    neuron: Neuron, membrane: torch.Tensor, spikes: torch.Tensor, current: torch.Tensor
) -> torch.Tensor:
    if neuron.reset == "soft":
        return neuron.leak * (membrane - neuron.threshold * spikes) + current
    if neuron.reset == "hard":
        return neuron.leak * membrane * (1 - spikes) + current
    return neuron.leak * membrane + current


def _fire(neuron: Neuron, membrane: torch.Tensor) -> torch.Tensor:
    distance = membrane - neuron.threshold
    if neuron.smooth:
        return torch.sigmoid(neuron.surrogate.scale * distance)
    spikes: torch.Tensor = _Spike.apply(  # type: ignore[no-untyped-call]
        distance, neuron.surrogate.scale
    )
    return spikes


def _mean_loss(loss: Loss, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the loss, mean over the batch."""
    seen = outputs.mean(dim=0, keepdim=True) if loss.over == "sequence" else outputs
    repeated = targets.repeat(len(seen))
    flat = seen.reshape(len(repeated), -1)
    onehot = functional.one_hot(repeated, flat.shape[1]).to(flat.dtype)
    cross_entropy = functional.cross_entropy(flat, repeated)
    squared = functional.mse_loss(flat, onehot)
    return (1 - loss.mse_weight) * cross_entropy + loss.mse_weight * squared
