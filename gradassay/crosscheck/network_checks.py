"""Checks on networks: spikes, membrane potentials, outputs and gradients."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from gradassay.core.records import CheckResult
from gradassay.crosscheck.comparison import (
    ROUNDINGS,
    Mask,
    compare_spikes,
    compared_steps,
    potential_error,
    relative_difference,
    unusable,
    value_error,
)
from gradassay.crosscheck.expected import expected_answer, network_for
from gradassay.crosscheck.implementation import (
    Answer,
    Differentiated,
    Implementation,
    Task,
)
from gradassay.crosscheck.problems import Problem
from gradassay.crosscheck.rows import RowMaker
from gradassay.crosscheck.rules import rules_that_agree

GRADIENTS: dict[Differentiated, str] = {
    "through_time": "bptt_agrees",
    "online": "online_agrees",
    "spatial": "spatial_agrees",
}


def agreement(
    implementation: Implementation, row: RowMaker, problem: Problem
) -> Iterator[CheckResult]:
    """Yield a problem's rows; values are compared where the spikes are the same.

    Parameters
    ----------
    implementation : Implementation
        Run once for each gradient that it has.
    row : RowMaker
        Makes them.
    problem : Problem
        Network, weights and inputs.
    """
    profile = implementation.profile
    for number, differentiated in enumerate(profile.differentiates or ("nothing",)):
        network = network_for(problem.task.network, profile)
        task = dataclasses.replace(problem.task, network=network, differentiated=differentiated)
        expected, found = expected_answer(task, profile), implementation.run(task)
        wrong = unusable(task, expected, found)
        if wrong:
            yield row(claim="the answer has the form asked for", measured=1.0, detail=wrong)
            return
        compared = compared_steps(task, expected, exact=problem.exact)
        spikes = compare_spikes(task, expected, found, compared)
        if number == 0:
            yield row(
                claim="spikes = the reference's",
                measured=float(spikes.differing),
                detail=f"{spikes.differing} of {spikes.compared} differ; first {spikes.first}",
                quantity="differing spikes",
            )
            if not spikes.differing:
                yield from _values(implementation, row, task, expected, found, compared)
        if differentiated != "nothing" and not spikes.differing + spikes.elsewhere:
            yield _gradients(implementation, row, task, expected, found)


def _bound(implementation: Implementation, task: Task) -> float:
    """Return the largest relative difference: in float32 some roundings a step."""
    if task.precision == "float64":
        return implementation.profile.bound
    return ROUNDINGS * float(np.finfo(np.float32).eps) * task.network.steps


def _values(
    implementation: Implementation,
    row: RowMaker,
    task: Task,
    expected: Answer,
    found: Answer,
    compared: Mask,
) -> Iterator[CheckResult]:
    """Compare membrane potentials and outputs, where they are handed out."""
    bound, quantity = _bound(implementation, task), "relative difference"
    if found.membrane:
        errors = [
            potential_error(name, task, implementation.profile, expected, found, compared)
            for name in found.membrane
        ]
        first = next((one for one in errors if one[0] > bound), errors[0])
        yield row(
            check="potentials_agree",
            claim="membrane potentials = the reference's, before or after the reset",
            measured=max(error for error, _ in errors),
            bound=bound,
            detail=first[1],
            quantity=quantity,
        )
    if found.outputs is not None and expected.outputs is not None:
        error, place = value_error(found.outputs, expected.outputs, compared)
        theirs, ours = found.outputs[place], expected.outputs[place]
        yield row(
            check="outputs_agree",
            claim="the readout's currents = the reference's",
            measured=error,
            bound=bound,
            detail="step {}, sample {}, class {}: ".format(*place)
            + f"{theirs:.9g}, reference {ours:.9g}",
            quantity=quantity,
        )


def _gradients(
    implementation: Implementation, row: RowMaker, task: Task, expected: Answer, found: Answer
) -> CheckResult:
    """Compare gradients parameter by parameter; one that is missing is infinitely wrong."""
    errors = {
        name: relative_difference(found.gradient[name], g) if name in found.gradient else math.inf
        for name, g in expected.gradient.items()
    }
    bound = _bound(implementation, task)
    numbers = ", ".join(f"{name} {error:.2g}" for name, error in errors.items())
    wrong = [name for name, error in errors.items() if error > bound and name in found.gradient]
    told = rules_that_agree(task, implementation.profile, expected, found, wrong, bound)
    return row(
        check=GRADIENTS[task.differentiated],
        claim="gradient = torch autograd's through the reference's equations",
        measured=max(errors.values()),
        bound=bound,
        detail="; ".join([numbers, *told]),
        quantity="relative difference",
    )
