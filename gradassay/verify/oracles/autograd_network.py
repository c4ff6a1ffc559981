"""A network as a plain loop over steps in torch, whose derivatives autograd can take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, assert_never

import torch
from torch.nn import functional

from gradassay.core.layers import (
    STANDARDISATION_EPSILON,
    AvgPool,
    Conv2d,
    Fixed,
    Flatten,
    Gain,
    Linear,
    Scale,
    Spiking,
    Sum,
    Weighted,
)
from gradassay.core.network import INPUT, Network
from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.noise import Noise

Temporal = Literal["online", "spatial", "through_time"]
Weights: TypeAlias = Mapping[str, torch.Tensor]


class Unrolled:
    """A network that goes forward step by step, its state and traces kept between steps.

    Beside what each layer sends goes its clean value, without the noise of the spikes below.

    Parameters
    ----------
    network : Network
        The model.
    weights : mapping from name to tensor
        Its parameters.
    temporal : {"online", "spatial", "through_time"}
        What stays in autograd's graph; see `gradassay.verify.oracles.autograd_oracle`.
    reset_gradient : bool
        Leave the spikes of the step before in the graph.
    noise : Noise or None
        Tensors (T, B, n) by hidden spiking layer's name.
    """

    def __init__(
        self,
        network: Network,
        weights: Weights,
        temporal: Temporal = "through_time",
        *,
        reset_gradient: bool = False,
        noise: Noise | None = None,
    ) -> None:
        self._network, self._weights = network, weights
        self._temporal, self._reset_gradient, self._noise = temporal, reset_gradient, noise
        self._state: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self._traces: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def run(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs (T, B, m) of a sequence; inputs (T, B, n), or (B, n) for all steps."""
        steps = range(self._network.steps)
        return torch.stack(
            [self.advance(inputs[t] if inputs.ndim > 2 else inputs, t) for t in steps]
        )

    def advance(self, inputs: torch.Tensor, step: int) -> torch.Tensor:
        """Return the outputs (B, m) of one step, given its inputs (B, n)."""
        clean, sent = {INPUT: inputs}, {INPUT: inputs}
        for layer in self._network.layers:
            first, *others = self._network.sources(layer)
            if isinstance(layer, Spiking):
                values = self._spikes(layer, sent[first], step)
            elif isinstance(layer, Sum):
                values = (
                    sum((clean[name] for name in others), clean[first]),
                    sum((sent[name] for name in others), sent[first]),
                )
            elif isinstance(layer, Linear | Conv2d | Gain):
                current = self._current(layer, clean[first], sent[first])
                values = current, current
            else:
                values = fixed_map(layer, clean[first]), fixed_map(layer, sent[first])
            clean[layer.name], sent[layer.name] = values
        return clean[self._network.output.name]

    def _spikes(
        self, layer: Spiking, current: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a population's spikes, and what it sends on."""
        neuron, zero = self._network.neuron, torch.zeros_like(current)
        membrane, before = self._state.get(layer.name, (zero, zero))
        if self._temporal != "through_time":
            membrane = membrane.detach()
        if self._temporal != "through_time" or not self._reset_gradient:
            before = before.detach()
        membrane = _charge(neuron, membrane, before, current)
        noise = self._noise
        if noise is None or layer.name not in noise.values:
            spikes = sent = _fire(neuron, membrane)
        elif noise.position == "membrane":
            spikes = sent = _fire(neuron, membrane + noise.scale * noise.values[layer.name][step])
        else:
            spikes = _fire(neuron, membrane)
            sent = spikes + noise.scale * noise.values[layer.name][step]
        self._state[layer.name] = (membrane, spikes)
        return spikes, sent

    def _current(
        self, layer: Weighted, clean: torch.Tensor, received: torch.Tensor
    ) -> torch.Tensor:
        """Return W r + b; in value always, its derivative by W and b as `temporal` says.

        Unless that is through time, they are those of ``W a + b c``, a the clean input or its trace
        and c that of 1.
        """
        weight = effective_weight(layer, self._weights)
        bias = self._weights.get(f"{layer.name}.bias")
        if self._temporal == "through_time":
            return weighted_map(layer, weight, bias, received)
        trace, constant = self._traced(layer, clean.detach())
        frozen = None if bias is None else bias.detach()
        seen = weighted_map(layer, weight, None if bias is None else constant * bias, trace)
        # the bracket is 0 to the bit, so the value is that of the first term
        return weighted_map(layer, weight.detach(), frozen, received) + (seen - seen.detach())

    def _traced(self, layer: Weighted, clean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the weight and the bias see at this step."""
        now = clean, torch.ones(1, dtype=clean.dtype)
        if self._temporal == "online" and self._network.has_memory(layer):
            leak = self._network.neuron.leak
            before = self._traces.get(layer.name, (torch.zeros_like(clean), torch.zeros(1)))
            now = leak * before[0] + now[0], leak * before[1] + now[1]
            self._traces[layer.name] = now
        return now


def effective_weight(layer: Weighted, weights: Weights) -> torch.Tensor:
    """Return the weight that a layer multiplies with, in autograd's graph."""
    weight = weights[f"{layer.name}.weight"]
    if isinstance(layer, Gain) or not layer.standardised:
        return weight
    rows = weight.flatten(start_dim=1)
    spread = rows.var(dim=1, correction=1, keepdim=True)
    scaled = rows - rows.mean(dim=1, keepdim=True)
    scaled = scaled / torch.sqrt(spread * layer.fan_in + STANDARDISATION_EPSILON)
    return (weights[f"{layer.name}.gain"][:, None] * scaled).reshape(weight.shape)


def weighted_map(
    layer: Weighted, weight: torch.Tensor, bias: torch.Tensor | None, values: torch.Tensor
) -> torch.Tensor:
    """Return W x + b, shape (B, outputs), for x of shape (B, inputs)."""
    if isinstance(layer, Gain):
        return weight * values
    if isinstance(layer, Linear):
        return functional.linear(values, weight, bias)
    maps = values.reshape(-1, *layer.input_shape)
    return functional.conv2d(maps, weight, bias, layer.stride, layer.padding).flatten(1)


def fixed_map(layer: Fixed, values: torch.Tensor) -> torch.Tensor:
    """Return the output (B, outputs) of a layer without weights."""
    match layer:
        case AvgPool():
            maps = values.reshape(-1, *layer.input_shape)
            return functional.avg_pool2d(maps, layer.kernel).flatten(1)
        case Scale():
            return layer.factor * values
        case Flatten():
            return values
        case _:
            assert_never(layer)


def _charge(
    neuron: Neuron, membrane: torch.Tensor, spikes: torch.Tensor, current: torch.Tensor
) -> torch.Tensor:
    if neuron.reset == "soft":
        return neuron.leak * (membrane - neuron.threshold * spikes) + current
    if neuron.reset == "hard":
        return neuron.leak * (membrane * (1 - spikes)) + current
    return neuron.leak * membrane + current


def _fire(neuron: Neuron, membrane: torch.Tensor) -> torch.Tensor:
    spikes: torch.Tensor = _Spike.apply(  # type: ignore[no-untyped-call]
        membrane - neuron.threshold, neuron.surrogate, neuron.smooth
    )
    return spikes


class _Spike(torch.autograd.Function):
    """Heaviside or the smooth function S forward, the surrogate derivative psi backward.

    psi is not left to autograd where S is the forward function: at the corners of S, where there is
    no derivative, the table of `Surrogate` says what psi is.
    """

    @staticmethod
    def forward(
        ctx: Any, distance: torch.Tensor, surrogate: Surrogate, smooth: bool
    ) -> torch.Tensor:
        """Return the spikes, given u - V_th."""
        ctx.save_for_backward(distance)
        ctx.surrogate = surrogate
        if smooth:
            return _SMOOTH[surrogate.kind](distance, surrogate.scale)
        return (distance >= 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Multiply with psi."""
        (distance,) = ctx.saved_tensors
        surrogate: Surrogate = ctx.surrogate
        slope = _SLOPES[surrogate.kind](distance, surrogate.scale)
        return grad_outputs[0] * slope, None, None


def _triangle(x: torch.Tensor, k: float) -> torch.Tensor:
    y = (k * x).clamp(-1, 1)
    return 0.5 + y - y * y.abs() / 2


Curve = Callable[[torch.Tensor, float], torch.Tensor]
_SMOOTH: dict[str, Curve] = {
    "sigmoid": lambda x, k: torch.sigmoid(k * x),
    "arctan": lambda x, k: torch.atan(math.pi * k * x / 2) / math.pi + 0.5,
    "triangle": _triangle,
    "rectangle": lambda x, k: (k * x + 0.5).clamp(0, 1),
    "superspike": lambda x, k: x / (1 + k * x.abs()) + 0.5,
    "gaussian": lambda x, k: torch.special.ndtr(k * x),
}
_SLOPES: dict[str, Curve] = {
    "sigmoid": lambda x, k: k * torch.sigmoid(k * x) * torch.sigmoid(-k * x),
    "arctan": lambda x, k: k / (2 + 2 * (math.pi * k * x / 2) ** 2),
    "triangle": lambda x, k: k * (1 - k * x.abs()).clamp(min=0),
    "rectangle": lambda x, k: k * (x.abs() < 1 / (2 * k)).to(x.dtype),
    "superspike": lambda x, k: (1 + k * x.abs()) ** -2,
    "gaussian": lambda x, k: k * torch.exp(-((k * x) ** 2) / 2) / math.sqrt(2 * math.pi),
}
