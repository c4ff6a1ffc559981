"""sinabs' `LIF`."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sinabs.activation as activation
import sinabs.activation.surrogate_gradient_fn as slopes
import torch
from sinabs.layers import LIF
from torch import Tensor

from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.implementation import SINGLE_BOUND, Profile
from gradassay.crosscheck.scripts import Code, options
from gradassay.crosscheck.surrogate_functions import SurrogateFunction, numbers_taken
from gradassay.crosscheck.torch_implementation import TorchImplementation
from gradassay.torch_snn.surrogate import surrogate_derivative


@dataclass
class Layer(TorchImplementation):
    """`sinabs.layers.LIF`, one step at a time.

    Parameters
    ----------
    name : str
        For people.
    profile : Profile
        What it is expected to do.
    matched : bool
        Give it the task's surrogate derivative.
    options : mapping
        Of the layer, beside ``tau_mem`` and ``spike_threshold``.
    """

    name: str
    profile: Profile
    matched: bool = False
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Any:
        """Return the layer; see the base."""
        threshold = torch.tensor(neuron.threshold, dtype=dtype)
        tau = torch.tensor(-1 / math.log(neuron.leak), dtype=dtype)
        own = {"surrogate_grad_fn": partial(_slope, neuron)} if self.matched else {}
        return LIF(tau_mem=tau, spike_threshold=threshold, **own, **self.options)

    def step(self, node: Any, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return one step; see the base."""
        spikes = node(current[:, None])[:, 0]
        return spikes, node.v_mem, None

    def code(self, neuron: Neuron) -> Code:
        """Return it in code, with sinabs' surrogate derivative; see the base."""
        threshold = f"torch.tensor({neuron.threshold}, dtype=torch.float64)"
        return Code(
            imports="import math\nimport sinabs.activation\nfrom sinabs.layers import LIF",
            before=f"tau = torch.tensor(-1 / math.log({neuron.leak}), dtype=torch.float64)",
            node=f"LIF(tau_mem=tau, spike_threshold={threshold}{options(self.options)})",
            step="spikes = node(current[:, None])[:, 0]; u = node.v_mem",
        )


def default() -> Layer:
    """Return it as it comes."""
    return Layer("sinabs LIF", Profile())


def _slope(neuron: Neuron, v_mem: Tensor, spike_threshold: Tensor) -> Tensor:
    """Return the task's surrogate derivative, as the layer calls it."""
    return surrogate_derivative(neuron, v_mem)


def matched() -> tuple[Layer, ...]:
    """Return the configurations that have an equal among the conventions."""
    soft, hard = Conventions(), Conventions(reset="hard")
    return (
        _matched("soft reset", soft),
        _matched("hard reset", hard, reset_fn=activation.MembraneReset()),
        _matched("several spikes", Conventions(several=True), spike_fn=activation.MultiSpike),
    )


def _matched(told: str, conventions: Conventions, value: float = 0.0, **options: Any) -> Layer:
    """Return a layer without its factor on the input, one spike a step unless said."""
    kept = conventions.reset == "soft"  # what sets the potential is detached
    profile = Profile(conventions, reset_value=value, reset_gradient=kept, bound=SINGLE_BOUND)
    given = {"spike_fn": activation.SingleSpike, "norm_input": False, **options}
    return Layer(f"sinabs LIF, {told}", profile, matched=True, options=given)


def suspects() -> tuple[Layer, ...]:
    """Return configurations that say that they are a neuron of the reference, and are not."""
    value, hard = 0.25, Conventions(reset="hard")
    reset = activation.MembraneReset(reset_value=value)
    return (_matched(f"hard reset to {value}", hard, value, reset_fn=reset),)


def surrogates() -> tuple[SurrogateFunction, ...]:
    """Return the surrogate derivatives, at threshold 1."""
    return tuple(
        SurrogateFunction(
            f"sinabs {name}",
            lambda kind=kind, **given: lambda x: kind(**given)(x + 1, 1.0),
            taken,
            f"from sinabs.activation import {name}",
            f"{name}({{parameters}})(x + 1, 1.0)",
        )
        for name, kind in inspect.getmembers(slopes, inspect.isclass)
        if (taken := numbers_taken(kind)) is not None
    )
