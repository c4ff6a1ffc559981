"""snnTorch's `Leaky`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import snntorch
import snntorch.surrogate
import torch
from torch import Tensor

from gradassay.core.neuron import Neuron, Surrogate
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.expected import spike
from gradassay.crosscheck.implementation import SINGLE_BOUND, Profile
from gradassay.crosscheck.scripts import Code, options
from gradassay.crosscheck.surrogate_functions import SurrogateFunction, by_autograd, numbers_taken
from gradassay.crosscheck.torch_implementation import TorchImplementation

ARCTAN = Surrogate("arctan", 2.0)


@dataclass
class Leaky(TorchImplementation):
    """`snntorch.Leaky`, with its own surrogate derivative or that of the task.

    Parameters
    ----------
    name : str
        For people.
    profile : Profile
        What it is expected to do.
    matched : bool
        Give it leak and threshold in the task's precision (Python numbers are kept in single
        precision).
    fires_as_asked : bool
        Give it the task's surrogate derivative and comparison.
    options : mapping
        Of `snntorch.Leaky`.
    """

    name: str
    profile: Profile
    matched: bool = False
    fires_as_asked: bool = False
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Any:
        """Return the module; see the base."""
        if not self.matched:
            return snntorch.Leaky(beta=neuron.leak, threshold=neuron.threshold, **self.options)

        def fire(shifted: Tensor) -> Tensor:
            return spike(shifted + neuron.threshold, neuron)

        given = {"spike_grad": fire} if self.fires_as_asked else {}
        leak, threshold = (torch.tensor(x, dtype=dtype) for x in (neuron.leak, neuron.threshold))
        return snntorch.Leaky(beta=leak, threshold=threshold, **given, **self.options)

    def step(self, node: Any, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return one step; see the base."""
        spikes, membrane = node(current, torch.zeros_like(current) if state is None else state)
        return spikes, membrane, membrane

    def code(self, neuron: Neuron) -> Code:
        """Return it in code, with snnTorch's surrogate derivative; see the base."""
        leak, threshold = f"{neuron.leak}", f"{neuron.threshold}"
        if self.matched:
            leak, threshold = (f"torch.tensor({x}, dtype=torch.float64)" for x in (leak, threshold))
        return Code(
            imports="import snntorch",
            node=f"snntorch.Leaky(beta={leak}, threshold={threshold}{options(self.options)})",
            start="u = torch.zeros(1, 1, dtype=torch.float64)",
            step="spikes, u = node(current, u)",
        )


def default() -> Leaky:
    """Return it as it comes."""
    return Leaky("snntorch Leaky", Profile())


def matched() -> tuple[Leaky, ...]:
    """Return the configurations that have an equal among the conventions."""
    return (
        _matched("zero", Conventions(reset="hard")),
        _matched("subtract", Conventions(reset_before="comparison")),
        _matched("none", Conventions(reset="none")),
    )


def _matched(reset: str, conventions: Conventions) -> Leaky:
    """Return a neuron with a mechanism of reset, that fires as asked."""
    given = {"reset_mechanism": reset}
    name, profile = f"snntorch Leaky {reset}", Profile(conventions)
    return Leaky(name, profile, matched=True, fires_as_asked=True, options=given)


def suspects() -> tuple[Leaky, ...]:
    """Return configurations that say that they are a neuron of the reference, and are not."""
    return (_at_once("subtract", Conventions(">")), _at_once("zero", Conventions(">", "hard")))


def _at_once(reset: str, conventions: Conventions) -> Leaky:
    """Return a neuron that resets in the same step, and fires in its own way."""
    given = {"reset_mechanism": reset, "reset_delay": False}
    profile = Profile(conventions, ARCTAN, bound=SINGLE_BOUND)
    return Leaky(f"snntorch Leaky{options(given)}", profile, matched=True, options=given)


def surrogates() -> tuple[SurrogateFunction, ...]:
    """Return the surrogate derivatives that can be made without arguments."""
    return tuple(
        SurrogateFunction(
            f"snntorch {name}",
            lambda make=make, **given: by_autograd(make(**given)),
            taken,
            "from snntorch import surrogate",
            f"torch.autograd.grad(surrogate.{name}({{parameters}})(x), x)[0]",
        )
        for name, make in inspect.getmembers(snntorch.surrogate, inspect.isfunction)
        if (taken := numbers_taken(make)) is not None
    )
