"""sinabs' `LIF`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sinabs.activation as activation
import torch
from sinabs.layers import LIF
from torch import Tensor

from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.implementation import Profile
from gradassay.crosscheck.torch_implementation import TorchImplementation


@dataclass
class Layer(TorchImplementation):
    """`sinabs.layers.LIF`, one step at a time.

    Parameters
    ----------
    name : str
        For people.
    profile : Profile
        What it is expected to do.
    options : mapping
        Of the layer, beside ``tau_mem`` and ``spike_threshold``.
    """

    name: str
    profile: Profile
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Any:
        """Return the layer; see the base."""
        threshold = torch.tensor(neuron.threshold, dtype=dtype)
        tau = torch.tensor(-1 / math.log(neuron.leak), dtype=dtype)
        return LIF(tau_mem=tau, spike_threshold=threshold, **self.options)

    def step(self, node: Any, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return one step; see the base."""
        spikes = node(current[:, None])[:, 0]
        return spikes, node.v_mem, None


def default() -> Layer:
    """Return it as it comes."""
    return Layer("sinabs LIF", Profile())


def matched() -> tuple[Layer, ...]:
    """Return the configurations that have an equal among the conventions."""
    options = {"spike_fn": activation.SingleSpike, "norm_input": False}
    return (
        Layer("sinabs LIF soft", Profile(differentiates=()), options),
        Layer(
            "sinabs LIF hard",
            Profile(Conventions(reset="hard"), differentiates=()),
            options | {"reset_fn": activation.MembraneReset()},
        ),
    )


def suspects() -> tuple[Layer, ...]:
    """Return configurations that say that they are a neuron of the reference, and are not."""
    return ()
