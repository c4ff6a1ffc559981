"""Of which other rule a gradient is the right one, that is wrong for the one asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gradassay.crosscheck.comparison import relative_difference
from gradassay.crosscheck.conventions import Float
from gradassay.crosscheck.expected import expected_gradient
from gradassay.crosscheck.implementation import Answer, Differentiated, Profile, Task
from gradassay.reference_snn.loss import losses_and_errors

RULES: dict[Differentiated, str] = {
    "through_time": "backpropagation through time",
    "online": "the online rule",
    "spatial": "the spatial rule",
}


def rules_that_agree(
    task: Task,
    profile: Profile,
    expected: Answer,
    found: Answer,
    wrong: Sequence[str],
    bound: float,
) -> list[str]:
    """Return a line for each rule that has some of the wrong gradients.

    Parameters
    ----------
    task : Task
        What was asked.
    profile : Profile
        What the implementation says of itself.
    expected, found : Answer
        The reference's; the implementation's.
    wrong : sequence of str
        Parameters whose gradient is wrong; each is named once.
    bound : float
        Largest relative difference of a gradient that agrees.
    """
    told, left = list[str](), list(wrong)
    for what, gradient in _others(task, profile, expected) if wrong else ():
        agree = [
            name
            for name in left
            if name in gradient
            and relative_difference(found.gradient[name], gradient[name]) <= bound
        ]
        if agree:
            told.append(f"{', '.join(agree)}: as of {what}")
            left = [name for name in left if name not in agree]
    return told


def _others(
    task: Task, profile: Profile, expected: Answer
) -> Iterator[tuple[str, Mapping[str, Float]]]:
    """Yield rules in words, and their gradients."""
    if task.differentiated == "through_time":
        flipped = dataclasses.replace(profile, reset_gradient=not profile.reset_gradient)
        reset = "kept" if flipped.reset_gradient else "cut"
        told = f"{RULES['through_time']} with the gradient through the reset {reset}"
        yield told, expected_gradient(task, flipped)
    for rule, told in RULES.items():
        if rule != task.differentiated:
            other = dataclasses.replace(task, differentiated=rule)
            yield told, expected_gradient(other, profile)
    yield "a readout that sees traces", _traced_readout(task, expected)


def _traced_readout(task: Task, expected: Answer) -> Mapping[str, Float]:
    """Return ``mean_b sum_t e[t] trace[t]`` with ``trace[t] = leak trace[t-1] + s[t]``."""
    network = task.network
    readout, spikes = network.readout.name, expected.spikes[network.spiking[-1].name]
    if expected.outputs is None:
        raise ValueError("the expected answer has no outputs; expected those of a whole pass")
    _, errors = losses_and_errors(network.loss, expected.outputs, task.targets, network.steps)
    trace = np.zeros_like(spikes)
    for step, fired in enumerate(spikes):
        trace[step] = fired + (network.neuron.leak * trace[step - 1] if step else 0.0)
    samples = len(task.targets)
    return {f"{readout}.weight": np.einsum("tbm,tbn->mn", errors, trace) / samples}
