"""The forward pass of a block of steps, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, get_args

import torch
from torch import Tensor

from gradassay.core.batch import Batch
from gradassay.core.network import Linear, Network, Neuron, Spiking
from gradassay.core.noise import Noise
from gradassay.core.trace import Carry, Recorded, Trace
from gradassay.torch_snn.loss import losses_and_errors
from gradassay.torch_snn.neuron import scan, surrogate_derivative
from gradassay.torch_snn.traces import activity, bias_trace, eligibility


def run_block(
    network: Network,
    params: Mapping[str, Tensor],
    batch: Batch,
    noise: Noise | None,
    run: Run,
) -> Trace:
    """Run all layers over a block; the arguments are those of the backend's contract."""
    clean = received = batch.inputs
    for linear, spiking in zip(network.weighted[:-1], network.spiking, strict=True):
        run.keep_presynaptic(linear, clean, leaky=True)
        currents = dense(linear, params, received)
        if currents.ndim == 2:
            currents = currents.expand(run.steps, -1, -1)
        clean = run.fire(spiking, currents)
        received = _with_noise(spiking, clean, noise)
        run.keep("received", spiking.name, received)
    run.keep_presynaptic(network.readout, clean, leaky=False)
    outputs = dense(network.readout, params, received)
    losses, errors = losses_and_errors(network.loss, outputs, batch.targets, network.steps)
    return Trace(outputs, losses, errors, run.left, **run.kept)


def dense(layer: Linear, params: Mapping[str, Tensor], received: Tensor) -> Tensor:
    """Return ``W r + b``: one product over all rows of all steps, shape (..., outputs)."""
    rows = received.reshape(-1, layer.inputs)
    weight = params[f"{layer.name}.weight"]
    if layer.bias:
        product = torch.addmm(params[f"{layer.name}.bias"], rows, weight.T)
    else:
        product = torch.mm(rows, weight.T)
    return product.reshape(*received.shape[:-1], layer.outputs)


def _with_noise(layer: Spiking, spikes: Tensor, noise: Noise | None) -> Tensor:
    """Return ``r = s + alpha z``, or the spikes themselves where the layer has no noise."""
    if noise is None or layer.name not in noise.values:
        return spikes
    return torch.add(spikes, noise.values[layer.name], alpha=noise.scale)


@dataclass
class Run:
    """One block under way: what was left by the block before, what is kept, what is left.

    Parameters
    ----------
    neuron : Neuron
        Of all spiking layers.
    steps : int
        t.
    record : set of str
        What to keep.
    carry : mapping or None
        State left by the block before. ``membrane/<layer>``: membrane potential after the reset.
        ``trace/<layer>``: trace of the layer's input; ``trace``: of the bias's input 1, float64 on
        the CPU. Traces are carried on only where ``eligibility`` is recorded.
    """

    neuron: Neuron
    steps: int
    record: Set[Recorded]
    carry: Carry | None
    kept: dict[str, dict[str, Any]] = field(init=False)
    left: dict[str, Tensor] = field(default_factory=dict)
    bias: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kept = {kind: {} for kind in get_args(Recorded)}
        if "eligibility" in self.record:
            before = 0.0 if self.carry is None else float(self.carry["trace"])
            self.bias = bias_trace(self.neuron.leak, self.steps, before)
            self.left["trace"] = torch.tensor(self.bias[-1], dtype=torch.float64)

    def keep(self, kind: Recorded, layer: str, value: object) -> None:
        """Keep a value if its kind was asked for."""
        if kind in self.record:
            self.kept[kind][layer] = value

    def keep_presynaptic(self, layer: Linear, clean: Tensor, *, leaky: bool) -> None:
        """Keep activity and eligibility of a layer's clean input; only a leaky one has a trace."""
        self.keep("activity", layer.name, activity(clean, self.steps))
        if "eligibility" not in self.record:
            return
        if not leaky:
            self.keep("eligibility", layer.name, activity(clean, self.steps))
            return
        before = self._before(f"trace/{layer.name}")
        presynaptic, last = eligibility(
            clean, clean.new_tensor(self.bias), self.neuron.leak, before
        )
        self.keep("eligibility", layer.name, presynaptic)
        if last is not None:
            self.left[f"trace/{layer.name}"] = last

    def fire(self, layer: Spiking, currents: Tensor) -> Tensor:
        """Run one layer's neurons, keep what was asked for, return the spikes."""
        state = f"membrane/{layer.name}"
        membrane, spikes, self.left[state] = scan(self.neuron, currents, self._before(state))
        self.keep("membrane", layer.name, membrane)
        self.keep("spikes", layer.name, spikes)
        if "derivative" in self.record:
            self.keep("derivative", layer.name, surrogate_derivative(self.neuron, membrane))
        return spikes

    def _before(self, name: str) -> Tensor | None:
        return None if self.carry is None else self.carry.get(name)
