"""SpikingJelly's NIR export and import."""

from __future__ import annotations

from typing import Any

import torch
from spikingjelly.activation_based import functional, nir_exchange
from spikingjelly.activation_based import neuron as nodes
from torch import Tensor

from gradassay.crosscheck.nir.exchange import Runs, Weights, layers, step_by_step

OPTIONS: dict[str, dict[str, Any]] = {
    "LIFNode": {},
    "LIFNode, decay_input=False": {"decay_input": False},
    "LIFNode, v_reset=None": {"v_reset": None},
}


def _network(given: dict[str, Any], weights: Weights) -> Any:
    return torch.nn.Sequential(layers(weights, lambda units: nodes.LIFNode(**given)))


NETWORKS = {
    name: lambda weights, given=given: _network(given, weights) for name, given in OPTIONS.items()
}


def runs(network: Any) -> Runs:
    """Return what runs a network as it is."""

    def run(inputs: Tensor) -> Tensor:
        functional.reset_net(network)
        return step_by_step(lambda values, state: (network(values), state))(inputs)

    return run


def exported(network: Any, inputs: Tensor) -> Any:
    """Return its NIR graph."""
    functional.reset_net(network)
    return nir_exchange.export_to_nir(network, inputs)


def _imported(graph: Any, samples: int) -> Runs:
    """Return what runs a NIR graph."""
    return step_by_step(nir_exchange.import_from_nir(graph))


IMPORTS = {"spikingjelly": _imported}
