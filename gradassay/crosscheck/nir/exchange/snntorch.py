"""snnTorch's NIR export and import."""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from snntorch import utils
from snntorch.export_nir import export_to_nir
from snntorch.import_nir import import_from_nir
from torch import Tensor

from gradassay.crosscheck.nir.exchange import Runs, Weights, layers, step_by_step

LEAK = 0.5


def _network(reset: str, weights: Weights) -> Any:
    def neuron(units: int) -> Any:
        leak, threshold = torch.full((units,), LEAK), torch.ones(units)
        given = {"beta": leak, "threshold": threshold, "reset_mechanism": reset}
        return snntorch.Leaky(**given, init_hidden=True)

    return torch.nn.Sequential(layers(weights, neuron))


NETWORKS = {
    f"Leaky, reset_mechanism={reset!r}": lambda weights, reset=reset: _network(reset, weights)
    for reset in ("subtract", "zero", "none")
}


def runs(network: Any) -> Runs:
    """Return what runs a network as it is."""

    def run(inputs: Tensor) -> Tensor:
        utils.reset(network)
        return step_by_step(lambda values, state: (network(values), state))(inputs)

    return run


def exported(network: Any, inputs: Tensor) -> Any:
    """Return its NIR graph."""
    utils.reset(network)
    return export_to_nir(network, inputs, ignore_dims=[0])


def _imported(graph: Any, samples: int) -> Runs:
    """Return what runs a NIR graph."""
    module = import_from_nir(graph)

    def call(values: Tensor, state: Any) -> tuple[Tensor, Any]:
        output, state = module(values, state)
        return (output[0] if isinstance(output, tuple) else output), state

    return step_by_step(call, {})


IMPORTS = {"snntorch": _imported}
