"""Norse's `LIFBoxCell`."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from norse.torch.functional import threshold
from norse.torch.functional.lif_box import LIFBoxParameters
from norse.torch.module.lif_box import LIFBoxCell
from torch import Tensor

from gradassay.core.neuron import Neuron, Surrogate
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.implementation import Profile
from gradassay.crosscheck.scripts import Code
from gradassay.crosscheck.surrogate_functions import SurrogateFunction, by_autograd, numbers_taken
from gradassay.crosscheck.torch_implementation import TorchImplementation

STEP_S = 0.001
# its alpha, 100, is not used
SUPERSPIKE = Surrogate("superspike", 1.0)


@dataclass
class Box(TorchImplementation):
    """`LIFBoxCell`, as it comes or with leak, threshold and input scaled to the task's.

    Parameters
    ----------
    name : str
        For people.
    profile : Profile
        What it is expected to do.
    matched : bool
        Set ``tau_mem_inv = (1 - leak) / dt``, in the task's precision, and undo its factor
        ``1 - leak`` on the input.
    """

    name: str
    profile: Profile
    matched: bool = False

    def make(self, neuron: Neuron, units: int, dtype: torch.dtype) -> Any:
        """Return the cell and its factor on the input; see the base."""
        if not self.matched:
            return LIFBoxCell(), 1.0
        names = {"tau_mem_inv": (1 - neuron.leak) / STEP_S, "v_th": neuron.threshold}
        given = {name: torch.tensor(value, dtype=dtype) for name, value in names.items()}
        zero = torch.tensor(0.0, dtype=dtype)
        p = LIFBoxParameters(
            **given, v_leak=zero, v_reset=zero, alpha=torch.tensor(100.0, dtype=dtype)
        )
        return LIFBoxCell(p, dt=STEP_S), 1 / (1 - neuron.leak)

    def step(self, node: Any, current: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return one step; see the base."""
        cell, gain = node
        spikes, state = cell(current * gain, state)
        return spikes, state.v, state

    def code(self, neuron: Neuron) -> Code | None:
        """Return it in code, as it comes; see the base."""
        if self.matched:
            return None
        return Code(
            imports="from norse.torch import LIFBoxCell",
            node="LIFBoxCell()",
            start="state = None",
            step="spikes, state = node(current, state); u = state.v",
        )


def default() -> Box:
    """Return it as it comes."""
    return Box("norse LIFBoxCell", Profile())


def matched() -> tuple[Box, ...]:
    """Return the configurations that have an equal among the conventions."""
    profile = Profile(Conventions(">", "hard"), SUPERSPIKE, reset_gradient=True)
    return (Box("norse LIFBoxCell", profile, matched=True),)


def suspects() -> tuple[Box, ...]:
    """Return configurations that say that they are a neuron of the reference, and are not."""
    return ()


def surrogates() -> tuple[SurrogateFunction, ...]:
    """Return the threshold functions, whose parameter is 1 where it has no default."""
    return tuple(
        SurrogateFunction(
            f"norse {name}",
            lambda function=function, **given: by_autograd(partial(function, **given)),
            taken,
            f"from norse.torch.functional.threshold import {name}",
            f"torch.autograd.grad({name}(x, {{parameters}}), x)[0]",
        )
        for name, function in inspect.getmembers(threshold, inspect.isfunction)
        if name.endswith("_fn") and (taken := numbers_taken(function, missing=1.0))
    )
