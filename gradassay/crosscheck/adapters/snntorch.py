"""snnTorch's `Leaky`."""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from torch import Tensor

from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.expected import spike
from gradassay.crosscheck.implementation import Profile
from gradassay.crosscheck.torch_implementation import TorchImplementation


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
    **options
        Of `snntorch.Leaky`.
    """

    def __init__(self, name: str, profile: Profile, *, matched: bool, **options: Any) -> None:
        self.name, self.profile = name, profile
        self.matched, self.options = matched, options

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
    return Leaky("snntorch Leaky", Profile(), matched=False)


def matched() -> tuple[Leaky, ...]:
    """Return the configurations that have an equal among the conventions."""
    late = Conventions(reset_before="comparison")
    return (
        Leaky(
            "snntorch Leaky zero",
            Profile(Conventions(reset="hard")),
            matched=True,
            reset_mechanism="zero",
        ),
        Leaky("snntorch Leaky subtract", Profile(late), matched=True),
        Leaky(
            "snntorch Leaky none",
            Profile(Conventions(reset="none")),
            matched=True,
            reset_mechanism="none",
        ),
    )


def suspects() -> tuple[Leaky, ...]:
    """Return configurations that say that they are a neuron of the reference, and are not."""
    subtract = {"reset_mechanism": "subtract", "reset_delay": False}
    zero = {"reset_mechanism": "zero", "reset_delay": False}
    return (
        Leaky("snntorch Leaky subtract, reset_delay=False", Profile(), matched=True, **subtract),
        Leaky(
            "snntorch Leaky zero, reset_delay=False",
            Profile(Conventions(reset="hard")),
            matched=True,
            **zero,
        ),
    )
