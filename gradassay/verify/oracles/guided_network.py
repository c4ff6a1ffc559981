"""A network in autograd whose derivatives go the way that a method sends them.

Four things can differ from plain backpropagation, none of which changes the forward pass by a bit:
derivatives may stop between spiking layers, go down through other matrices than the weights, meet
another slope than the surrogate at the spikes, and multiply traces in place of activities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional

from gradassay.core.batch import Batch
from gradassay.core.layers import Spiking, Weighted
from gradassay.core.network import Loss, Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.verify.oracles.autograd_network import (
    Unrolled,
    Weights,
    effective_weight,
    weighted_map,
)
from gradassay.verify.oracles.autograd_oracle import as_tensor
from gradassay.verify.oracles.declared import LocalRule

Tensors = Mapping[str, torch.Tensor]
# slope(layer, step, membrane potential) in place of psi, (K, n)
Slope = Callable[[Spiking, int, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Guide:
    """The way of the derivatives.

    Parameters
    ----------
    rule : LocalRule
        Time inside a layer, and what weights see.
    direct : bool
        Nothing goes down from one spiking layer to the next: a signal stands for it.
    downward : mapping from weighted layer's name to tensor
        Goes down in place of the layer's weight.
    slope : callable or None
        Stands for the surrogate derivative psi of hidden layers; None for psi itself.
    """

    rule: LocalRule
    direct: bool = True
    downward: Tensors = field(default_factory=dict[str, torch.Tensor])
    slope: Slope | None = None


@dataclass(frozen=True)
class GuidedPass:
    """One forward pass of K rows, in autograd's graph.

    Parameters
    ----------
    targets : tensor, shape (K,)
    outputs : tensor, shape (T, K, m)
    losses : tensor, shape (T, K)
        Whose sum over steps is the row's loss.
    spikes : mapping from hidden spiking layer's name to tensor, shape (T, K, n)
    sent : mapping from hidden spiking layer's name to T tensors (K, n)
        What the next layer receives; leaves of the graph where signals are direct.
    """

    targets: torch.Tensor
    outputs: torch.Tensor
    losses: torch.Tensor
    spikes: Tensors
    sent: Mapping[str, list[torch.Tensor]]

    @property
    def errors(self) -> torch.Tensor:
        """e, derivative of a row's loss by its outputs, (T, K, m)."""
        return derivative(self.losses, [self.outputs])[0]

    def by_sent(self, layer: str, value: torch.Tensor) -> torch.Tensor:
        """Return the exact derivative of each row's `value` by what a layer sends, (T, K, n)."""
        return torch.stack(derivative(value, self.sent[layer]))


class _Guided(Unrolled):
    """The unrolled network, its derivatives sent another way."""

    def __init__(
        self, network: Network, weights: Weights, guide: Guide, noise: Noise | None
    ) -> None:
        temporal = guide.rule.temporal
        super().__init__(
            network,
            weights,
            "through_time" if temporal == "local_bptt" else temporal,
            reset_gradient=guide.rule.reset_gradient,
            noise=noise,
        )
        self._guide = guide
        self.spikes: dict[str, list[torch.Tensor]] = {}
        self.sent: dict[str, list[torch.Tensor]] = {}

    def _spikes(
        self, layer: Spiking, current: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        spikes, sent = super()._spikes(layer, current, step)
        if layer == self._network.output:
            return spikes, sent
        membrane = self._state[layer.name][0]
        if self._guide.slope is not None:
            slope = self._guide.slope(layer, step, membrane.detach())
            moved = slope * (membrane - membrane.detach())  # 0 to the bit
            spikes, sent = spikes.detach() + moved, sent.detach() + moved
            self._state[layer.name] = (membrane, spikes)
        self.spikes.setdefault(layer.name, []).append(spikes)
        if self._guide.direct:
            spikes, sent = spikes.detach(), sent.detach().requires_grad_()
        self.sent.setdefault(layer.name, []).append(sent)
        return spikes, sent

    def _current(
        self, layer: Weighted, clean: torch.Tensor, received: torch.Tensor
    ) -> torch.Tensor:
        weight, bias = (
            effective_weight(layer, self._weights),
            self._weights.get(f"{layer.name}.bias"),
        )
        seen_input = received if self._guide.rule.traces == "received" else clean
        trace, constant = self._traced(layer, seen_input.detach())
        seen = weighted_map(layer, weight, None if bias is None else constant * bias, trace)
        down = weighted_map(
            layer, self._guide.downward.get(layer.name, weight.detach()), None, received
        )
        frozen = None if bias is None else bias.detach()
        value = weighted_map(layer, weight.detach(), frozen, received.detach())
        # both brackets are 0 to the bit: they carry derivatives only
        return value + (seen - seen.detach()) + (down - down.detach())


def run_guided(
    network: Network, weights: Weights, batch: Batch, guide: Guide, noise: Noise | None = None
) -> GuidedPass:
    """Return the forward pass of a batch whose derivatives go as `guide` says.

    Parameters
    ----------
    network, batch : Network, Batch
        The model and K rows, NumPy.
    weights : mapping from name to tensor
        The parameters.
    guide : Guide
    noise : Noise or None
        On spikes or membrane potentials; NumPy arrays (T, K, n).
    """
    drawn = None if noise is None else noise.map(as_tensor)
    unrolled = _Guided(network, weights, guide, drawn)
    outputs, targets = (
        unrolled.run(as_tensor(batch.inputs)),
        torch.tensor(np.asarray(batch.targets)),
    )
    spikes = {name: torch.stack(steps) for name, steps in unrolled.spikes.items()}
    losses = row_losses(network.loss, outputs, targets)
    return GuidedPass(targets, outputs, losses, spikes, unrolled.sent)


def guided_gradient(
    network: Network,
    params: Params,
    batch: Batch,
    guide: Guide,
    objective: Callable[[GuidedPass], torch.Tensor],
    *,
    noise: Noise | None = None,
) -> Params:
    """Return the derivative of an objective of the pass by the parameters, NumPy float64."""
    weights = {name: as_tensor(array).requires_grad_() for name, array in params.items()}
    with torch.enable_grad():
        value = objective(run_guided(network, weights, batch, guide, noise))
        found = torch.autograd.grad(value, list(weights.values()), materialize_grads=True)
    return Params({n: g.numpy() for n, g in zip(weights, found, strict=True)})


def derivative(value: torch.Tensor, by: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return the derivatives of the sum of `value`, the graph kept; 0 where it does not depend."""
    return list(torch.autograd.grad(value.sum(), by, retain_graph=True, materialize_grads=True))


def row_losses(loss: Loss, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the loss of each step and row, (T, K); that of the sequence spread over its steps."""
    steps = len(outputs)
    seen = outputs.mean(dim=0, keepdim=True) if loss.over == "sequence" else outputs
    onehot = functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)
    cross_entropy = -(torch.log_softmax(seen, dim=-1) * onehot).sum(dim=-1)
    squared = ((seen - onehot) ** 2).mean(dim=-1)
    mixed = (1 - loss.mse_weight) * cross_entropy + loss.mse_weight * squared
    return mixed.expand(steps, -1) / steps
