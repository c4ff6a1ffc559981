"""snnTorch's `Leaky`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import snntorch
import torch
from torch import Tensor

from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.expected import spike
from gradassay.crosscheck.implementation import Profile
from gradassay.crosscheck.torch_implementation import TorchImplementation


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
        Give it the task's surrogate derivative and comparison, and leak and threshold in the task's
        precision (Python numbers are kept in single precision).
    options : mapping
        Of `snntorch.Leaky`.
    """

    name: str
    profile: Profile
    matched: bool = False
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Any:
        """Return the module; see the base."""
        if not self.matched:
            return snntorch.Leaky(beta=neuron.leak, threshold=neuron.threshold, **self.options)

        def fire(shifted: Tensor) -> Tensor:
            return spike(shifted + neuron.threshold, neuron)

        leak, threshold = (torch.tensor(x, dtype=dtype) for x in (neuron.leak, neuron.threshold))
        return snntorch.Leaky(beta=leak, threshold=threshold, spike_grad=fire, **self.options)

    def step(self, node: Any, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return one step; see the base."""
        spikes, membrane = node(current, torch.zeros_like(current) if state is None else state)
        return spikes, membrane, membrane


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


def suspects() -> tuple[Leaky, ...]:
    """Return configurations that say that they are a neuron of the reference, and are not."""
    return (
        _matched("subtract", Conventions(), reset_delay=False),
        _matched("zero", Conventions(reset="hard"), reset_delay=False),
    )


def _matched(reset: str, conventions: Conventions, **options: Any) -> Leaky:
    """Return a neuron with a mechanism of reset."""
    told = "".join(f", {name}={value}" for name, value in options.items())
    given = {"reset_mechanism": reset, **options}
    return Leaky(f"snntorch Leaky {reset}{told}", Profile(conventions), matched=True, options=given)
