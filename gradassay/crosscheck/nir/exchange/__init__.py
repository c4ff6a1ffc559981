"""Frameworks' own NIR exports and imports; each file is imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from gradassay.core.errors import unknown_name
from gradassay.crosscheck.adapters import LIBRARIES, MissingLibrary

# of each layer in turn: (outputs, inputs); neurons come after each
Weights = Sequence[Tensor]
Runs = Callable[[Tensor], Tensor]


class Exchange(Protocol):
    """A framework: networks of its own, and its way to and from NIR.

    Networks are dense layers, each followed by neurons, in float32. What runs takes inputs
    (T, B, n) and returns the spikes (T, B, m) of the last layer, from rest.

    Attributes
    ----------
    NETWORKS : mapping from configuration to callable
        Makes a network from its weights.
    IMPORTS : mapping from import to callable
        Makes what runs a NIR graph for a number of samples.
    """

    @property
    def NETWORKS(self) -> Mapping[str, Callable[[Weights], Any]]:  # noqa: D102
        ...

    @property
    def IMPORTS(self) -> Mapping[str, Callable[[Any, int], Runs]]:  # noqa: D102
        ...

    def runs(self, network: Any) -> Runs:
        """Return what runs a network as it is."""
        ...

    def exported(self, network: Any, inputs: Tensor) -> Any:
        """Return its NIR graph; inputs of one step, (B, n)."""
        ...


def exchange(name: str) -> Exchange:
    """Return a framework's exchange.

    Parameters
    ----------
    name : str
        snntorch, spikingjelly, norse or sinabs.

    Raises
    ------
    UsageError
        If there is no such framework.
    MissingLibrary
        If it, nir or nirtorch is not installed.
    """
    if name not in LIBRARIES:
        raise unknown_name("library", name, LIBRARIES)
    try:
        return cast("Exchange", importlib.import_module(f"{__name__}.{name}"))
    except ImportError as error:
        raise MissingLibrary(
            f"{name}: cannot be imported ({error}). "
            f"Install it with `pip install {name} nir nirtorch`."
        ) from error


def dense(weight: Tensor) -> torch.nn.Linear:
    """Return a layer with a bias of 0, since not every import takes one without.

    Parameters
    ----------
    weight : tensor, shape (outputs, inputs)
        Its weight.
    """
    module = torch.nn.Linear(weight.shape[1], weight.shape[0])
    module.weight.data.copy_(weight)
    module.bias.data.zero_()
    return module


def layers(weights: Weights, neuron: Callable[[int], Any]) -> OrderedDict[str, Any]:
    """Return dense layers with neurons after each, by name.

    Parameters
    ----------
    weights : sequence of tensor
        Of each layer.
    neuron : callable
        Makes the neurons of a layer from their number.
    """
    made = OrderedDict[str, Any]()
    for number, weight in enumerate(weights, 1):
        made[f"dense{number}"], made[f"lif{number}"] = dense(weight), neuron(len(weight))
    return made


def step_by_step(call: Callable[[Tensor, Any], tuple[Tensor, Any]], start: Any = None) -> Runs:
    """Return what calls a module on one step after the other.

    Parameters
    ----------
    call : callable
        From the input of a step (B, n) and the state to its output and the next state.
    start : object
        The state at rest.
    """

    def run(inputs: Tensor) -> Tensor:
        state, found = start, list[Tensor]()
        with torch.no_grad():
            for values in inputs:
                output, state = call(values, state)
                found.append(output)
        return torch.stack(found)

    return run
