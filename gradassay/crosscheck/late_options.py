"""Options that have no effect when they are set on a module that is made already."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import Float
from gradassay.crosscheck.probes import chosen_currents
from gradassay.crosscheck.reuse import potentials_of
from gradassay.crosscheck.torch_implementation import TorchImplementation

# no potential is at the threshold, where comparisons differ
OFF_TIES = 1.25


@runtime_checkable
class HasOptions(Protocol):
    """An adapter that is a dataclass with options of the module's constructor."""

    options: Mapping[str, Any]


@dataclass(frozen=True)
class LateOption:
    """An option that counts at construction alone.

    Parameters
    ----------
    name : str
        Of the option, and of the module's attribute.
    value : object
        What it was set to.
    without : TorchImplementation
        The implementation without it.
    current : array, shape (T,)
        Under which the potential of the last step differs from that of a module made with it.
    """

    name: str
    value: Any
    without: TorchImplementation
    current: Float


def late_options(implementation: TorchImplementation, neuron: Neuron) -> list[LateOption]:
    """Return the options that do nothing when they are set afterwards.

    Parameters
    ----------
    implementation : TorchImplementation
        A dataclass with `options`; else it has none.
    neuron : Neuron
        Asked for.
    """
    if not isinstance(implementation, HasOptions):
        return []
    currents = OFF_TIES * chosen_currents(0) * neuron.threshold
    found = []
    for name, value in implementation.options.items():
        others = {key: kept for key, kept in implementation.options.items() if key != name}
        plain: Any = dataclasses.replace(implementation, options=others)  # type: ignore[type-var]
        late = plain.make(neuron, 1, torch.float64)
        if not hasattr(late, name):
            continue
        setattr(late, name, value)
        nodes = (plain.make(neuron, 1, torch.float64), late)
        without, after = (potentials_of(implementation, node, currents) for node in nodes)
        made = implementation.make(neuron, 1, torch.float64)
        wanted = potentials_of(implementation, made, currents)
        if (after == without).all() and (wanted != without).any():
            found.append(LateOption(name, value, plain, _first(currents, wanted != without)))
    return found


def _first(currents: Float, wrong: np.ndarray) -> Float:
    """Return the current whose potentials differ first, up to there."""
    steps = np.where(wrong.any(axis=0), wrong.argmax(axis=0), len(wrong))
    column = int(steps.argmin())
    shortest: Float = currents[: int(steps[column]) + 1, column]
    return shortest
