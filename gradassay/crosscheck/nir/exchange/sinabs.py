"""sinabs' NIR export and import."""

from __future__ import annotations

import math
from typing import Any

import sinabs.activation
import sinabs.nir
import torch
from sinabs.layers import LIF, LIFSqueeze
from torch import Tensor

from gradassay.crosscheck.nir.exchange import Runs, Weights, layers

TAU = -1 / math.log(0.5)
SINGLE = {"spike_fn": sinabs.activation.SingleSpike}
OPTIONS: dict[str, dict[str, Any]] = {
    "LIF": {},
    "LIF, norm_input=False": {"norm_input": False},
    "LIF, spike_fn=SingleSpike, norm_input=False": {"norm_input": False} | SINGLE,
}


def _network(given: dict[str, Any], weights: Weights) -> Any:
    def neuron(units: int) -> Any:
        tau, threshold = torch.full((units,), TAU), torch.ones(units)
        return LIFSqueeze(tau_mem=tau, spike_threshold=threshold, batch_size=1, **given)

    return torch.nn.Sequential(layers(weights, neuron))


NETWORKS = {
    name: lambda weights, given=given: _network(given, weights) for name, given in OPTIONS.items()
}


def _in_rows(module: Any, inputs: Tensor) -> Tensor:
    """Return the output of a module that takes time and samples in one axis, sample by sample."""
    steps, samples, _ = inputs.shape
    with torch.no_grad():
        given = module(inputs.transpose(0, 1).flatten(0, 1))
    output = given[0] if isinstance(given, tuple) else given
    found: Tensor = output.unflatten(0, (samples, steps)).transpose(0, 1)
    return found


def runs(network: Any) -> Runs:
    """Return what runs a network as it is."""

    def run(inputs: Tensor) -> Tensor:
        for layer in network.modules():
            if isinstance(layer, LIF):
                layer.reset_states()
                layer.batch_size = inputs.shape[1]
        return _in_rows(network, inputs)

    return run


def exported(network: Any, inputs: Tensor) -> Any:
    """Return its NIR graph."""
    return sinabs.nir.to_nir(network, inputs)


def _imported(graph: Any, samples: int) -> Runs:
    """Return what runs a NIR graph, whose numbers its import wants as tensors."""
    for node in graph.nodes.values():
        for field in ("tau", "v_threshold", "v_leak", "r"):
            if hasattr(node, field):
                setattr(node, field, torch.as_tensor(getattr(node, field)))
    module = sinabs.nir.from_nir(graph, batch_size=samples)
    return lambda inputs: _in_rows(module, inputs)


IMPORTS = {"sinabs": _imported}
