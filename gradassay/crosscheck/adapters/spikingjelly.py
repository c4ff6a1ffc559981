"""SpikingJelly's `LIFNode`, and its online `OTTTLIFNode` and `SLTTLIFNode`."""

from __future__ import annotations

from typing import Any

import torch
from spikingjelly.activation_based import neuron as nodes
from spikingjelly.activation_based import surrogate
from torch import Tensor

from gradassay.core.neuron import Neuron, Surrogate
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.implementation import Profile
from gradassay.crosscheck.torch_implementation import TorchImplementation

SIGMOID = Surrogate("sigmoid", 4.0)


class Node(TorchImplementation):
    """A node of SpikingJelly, step by step.

    Parameters
    ----------
    name : str
        For people.
    profile : Profile
        What it is expected to do.
    kind : type
        Class of the node.
    **options
        Of the class, beside tau and v_threshold.
    """

    def __init__(self, name: str, profile: Profile, kind: Any, **options: Any) -> None:
        self.name, self.profile = name, profile
        self.kind, self.options = kind, options

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Any:
        """Return the module; see the base."""
        tau = 1 / (1 - neuron.leak)
        return self.kind(
            tau=tau,
            v_threshold=neuron.threshold,
            surrogate_function=surrogate.Sigmoid(alpha=neuron.surrogate.scale),
            **self.options,
        )

    def step(self, node: Any, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return one step; see the base."""
        spikes = node(current)
        return spikes, node.v, None


def default() -> Node:
    """Return it as it comes."""
    return Node("spikingjelly LIFNode", Profile(surrogate=SIGMOID), nodes.LIFNode)


def matched() -> tuple[Node, ...]:
    """Return the configurations that have an equal among the conventions."""
    return tuple(
        _matched(conventions, value, kept=kept)
        for conventions, value in ((Conventions(), None), (Conventions(reset="hard"), 0.0))
        for kept in (False, True)
    )


def _matched(conventions: Conventions, value: float | None, *, kept: bool) -> Node:
    """Return a node without decay of the input, that resets to a value, or by subtraction."""
    told = f"{conventions.reset} reset, its gradient {'kept' if kept else 'cut'}"
    return Node(
        f"spikingjelly LIFNode, {told}",
        Profile(conventions, SIGMOID, reset_gradient=kept),
        nodes.LIFNode,
        decay_input=False,
        v_reset=value,
        detach_reset=not kept,
    )


def suspects() -> tuple[Node, ...]:
    """Return configurations that say that they are a neuron of the reference, and are not."""
    return ()
