"""What a module does that is called on a second batch without a reset."""

from __future__ import annotations

from typing import Any

import torch

from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import Float
from gradassay.crosscheck.probes import chosen_currents
from gradassay.crosscheck.torch_implementation import TorchImplementation, as_float

SAMPLES = 4
AT_REST = "starts at rest"


def reuse(implementation: TorchImplementation, neuron: Neuron, *, same_size: bool) -> str:
    """Return what becomes of a second batch, in words.

    Parameters
    ----------
    implementation : TorchImplementation
        Its module is made once and called on two batches.
    neuron : Neuron
        Asked for.
    same_size : bool
        Whether the second batch has as many samples as the first.
    """
    currents = chosen_currents(0) * neuron.threshold
    first, rest = currents[:, :SAMPLES], currents[:, SAMPLES:]
    second = rest[:, : SAMPLES if same_size else SAMPLES + 2]
    try:
        runs = [_second(implementation, neuron, first, second, seed) for seed in (0, 1)]
    except Exception as error:  # a third party's code
        return f"raises {type(error).__name__}"
    if (runs[0] != runs[1]).any():
        return "differs from run to run"
    alone = potentials_of(implementation, implementation.make(neuron, 1, torch.float64), second)
    return AT_REST if (runs[0] == alone).all() else "goes on from the batch before"


def _second(
    implementation: TorchImplementation, neuron: Neuron, first: Float, second: Float, seed: int
) -> Float:
    """Return potentials, or spikes, of the second batch."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        node = implementation.make(neuron, 1, torch.float64)
        potentials_of(implementation, node, first)
        return potentials_of(implementation, node, second)


def potentials_of(implementation: TorchImplementation, node: Any, currents: Float) -> Float:
    """Return potentials (T, B) of one neuron; spikes where it hands out none.

    Parameters
    ----------
    implementation : TorchImplementation
        Runs the step.
    node : object
        From its `make`; in whatever state it is.
    currents : array, shape (T, B)
        Of each step and sample.
    """
    state, found = None, list[torch.Tensor]()
    with torch.no_grad():
        for current in torch.tensor(currents)[..., None]:
            spikes, u, state = implementation.step(node, current, state)
            found.append((spikes if u is None else u)[:, 0])
    return as_float(torch.stack(found))
