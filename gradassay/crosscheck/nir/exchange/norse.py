"""Norse's NIR export and import."""

from __future__ import annotations

from functools import partial
from typing import Any

import norse.torch
from norse.torch.functional.lif_box import LIFBoxParameters
from norse.torch.module.lif_box import LIFBoxCell
from torch import Tensor

from gradassay.crosscheck.nir.exchange import Runs, Weights, layers, step_by_step

# one number a neuron: its export cannot write numbers alone
PARAMETERS = ("tau_mem_inv", "v_leak", "v_th", "v_reset")


def _network(weights: Weights) -> Any:
    def neuron(units: int) -> Any:
        default = LIFBoxParameters()._asdict()
        given = {name: default[name].expand(units) for name in PARAMETERS}
        return LIFBoxCell(LIFBoxParameters(**given))

    cells = layers(weights, neuron)
    network = norse.torch.SequentialState(*cells.values())
    return network


NETWORKS = {"LIFBoxCell": _network}


def runs(network: Any) -> Runs:
    """Return what runs a network as it is."""
    return step_by_step(network)


def exported(network: Any, inputs: Tensor) -> Any:
    """Return its NIR graph."""
    return norse.torch.to_nir(network, inputs[0])


def _imported(graph: Any, samples: int, **given: float) -> Runs:
    """Return what runs a NIR graph."""
    return step_by_step(norse.torch.from_nir(graph, ignore_warnings=True, **given))


IMPORTS = {"norse": _imported, "norse, dt=1e-4": partial(_imported, dt=1e-4)}
