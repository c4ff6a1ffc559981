"""Defects of a library's neurons, each with the shortest script that shows it.

A script runs the library alone; what it prints is compared with what it should print, and where
both are the same there is no defect.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from gradassay.core.neuron import Neuron, Surrogate
from gradassay.crosscheck.conventions import REFERENCE, after_reset, simulate
from gradassay.crosscheck.findings import leak_error
from gradassay.crosscheck.implementation import Implementation, Profile
from gradassay.crosscheck.late_options import late_options
from gradassay.crosscheck.neuron_checks import conventions_told
from gradassay.crosscheck.reproduction import Reproduction, printed_by
from gradassay.crosscheck.reuse import reuse
from gradassay.crosscheck.scripts import (
    LEAK,
    PRECISION,
    RESET_GRADIENT,
    REUSE,
    SPIKES,
    Code,
    numbers,
)
from gradassay.crosscheck.smallest import Difference, smallest_difference
from gradassay.crosscheck.torch_implementation import TorchImplementation
from gradassay.reference_snn.neuron import surrogate_derivative

LEAK_ASKED, EXACT = 0.9, 1e-12
# two potentials below the threshold: without the gradient through the reset their own is linear
CURRENTS = (0.95, 0.1)
# of a net with one neuron; it spikes at the first and at the third step
INPUTS, PARAMETER = (1.5, 0.5, 1.0), 0.5


@runtime_checkable
class GivesOnlineScript(Protocol):
    """An implementation of an online rule that can be written down for a net with one neuron."""

    name: str
    profile: Profile

    def online_script(self, inputs: Sequence[float], parameter: float) -> str:
        """Return code that prints the gradients of four parameters, 6 digits; empty if none.

        Parameters
        ----------
        inputs : sequence of float
            One a step; the loss is the sum of the outputs.
        parameter : float
            Value of all of weight and bias before and after the neuron; leak 1/2, threshold 1.
        """
        ...


def default_defects(implementation: Implementation) -> Iterator[Reproduction]:
    """Yield what is wrong out of the box: types of spikes, the leak's digits, state at reuse.

    Parameters
    ----------
    implementation : Implementation
        As it comes; those that give no code have none.
    """
    neuron = Neuron(leak=LEAK_ASKED)
    if not isinstance(implementation, TorchImplementation):
        return
    code = implementation.code(neuron)
    if code is None:
        return
    yield from _shown(
        implementation.name,
        "spikes of float64 currents come in another type: the next layer cannot take them",
        code(PRECISION),
        "torch.float64",
    )
    error = leak_error(implementation)
    if error > EXACT:
        yield from _shown(
            implementation.name,
            f"the leak is off by {error:.1e} in float64: a constant is kept in float32",
            code(LEAK, impulse=0.125),
            f"{LEAK_ASKED}",
        )
    outcome = reuse(implementation, neuron, same_size=False)
    if "run to run" in outcome:
        yield from _shown(
            implementation.name,
            f"a module that is called on a batch of another size without a reset {outcome}",
            code(REUSE),
            "True",
        )


def option_defects(implementation: Implementation) -> Iterator[Reproduction]:
    """Yield options that do nothing when they are set on a module that is made already.

    Parameters
    ----------
    implementation : Implementation
        With options; those that give no code have none.
    """
    if not isinstance(implementation, TorchImplementation):
        return
    neuron = Neuron(leak=0.5)
    for late in late_options(implementation, neuron):
        made, without = implementation.code(neuron), late.without.code(neuron)
        if made is None or without is None:
            continue
        set_late = dataclasses.replace(
            without, start=f"node.{late.name} = {late.value!r}\n{without.start}"
        )
        currents = numbers(list(late.current))
        yield from _shown(
            late.without.name,
            f"{late.name} has no effect once the module is made",
            set_late(SPIKES, currents=currents),
            printed_by(made(SPIKES, currents=currents)),
        )


def suspect_defects(implementation: Implementation) -> Iterator[Reproduction]:
    """Yield what is wrong with a configuration that should be the neuron that it claims to be.

    Parameters
    ----------
    implementation : Implementation
        With a profile that says what its options promise; those that give no code have none.
    """
    if isinstance(implementation, GivesOnlineScript):
        yield from _online(implementation)
    if not isinstance(implementation, TorchImplementation):
        return
    profile = implementation.profile
    neuron = Neuron(leak=profile.leaks[0], reset=profile.conventions.reset)
    code = implementation.code(neuron)
    if code is None:
        return
    difference = smallest_difference(implementation, neuron)
    if difference is not None:
        yield from _spikes(implementation, neuron, code, difference)
    if not profile.reset_gradient:
        first, second = CURRENTS
        yield from _shown(
            implementation.name,
            "the gradient goes through the reset, though out of the box it does not",
            code(RESET_GRADIENT, currents=numbers(CURRENTS)),
            f"du/dw = {neuron.leak * first + second:g}",
        )


def _spikes(
    implementation: TorchImplementation, neuron: Neuron, code: Code, difference: Difference
) -> Iterator[Reproduction]:
    """Yield the smallest current under which the spikes are wrong."""
    profile = implementation.profile
    membrane, spikes = difference.expected
    after = after_reset(
        membrane, spikes, profile.conventions, neuron.threshold, profile.reset_value
    )
    rows = zip(difference.current, spikes, after, strict=True)
    yield from _shown(
        implementation.name,
        f"not the neuron promised: {conventions_told(profile.conventions)}",
        code(SPIKES, currents=numbers(list(difference.current))),
        "\n".join(f"{x:g}: {s:g} spikes, u = {u:g}" for x, s, u in rows),
    )


def _online(implementation: GivesOnlineScript) -> Iterator[Reproduction]:
    """Yield a net with one neuron whose gradients are not those of the online rule."""
    script = implementation.online_script(INPUTS, PARAMETER)
    if script:
        expected = _online_gradient(implementation.profile.surrogate or Surrogate())
        yield from _shown(
            implementation.name,
            "gradient of the online rule (weight and bias before the neuron, then after it): "
            "those before it see the trace of their input, those after it do not",
            script,
            str([round(value, 6) for value in expected]),
        )


def _online_gradient(surrogate: Surrogate) -> list[float]:
    """Return the gradient of the summed outputs by w, b, and by weight and bias of the readout.

    ``sum_t w psi(u[t]) trace[t]`` with ``trace[t] = leak trace[t-1] + x[t]``, x = 1 for the bias;
    the readout's are ``sum_t s[t]`` and T.
    """
    neuron = Neuron(leak=0.5, surrogate=surrogate)
    x = np.array(INPUTS)
    u, spikes = simulate(PARAMETER * x + PARAMETER, REFERENCE, leak=neuron.leak)
    psi = PARAMETER * surrogate_derivative(neuron, u)
    decay = neuron.leak ** np.subtract.outer(np.arange(len(x)), np.arange(len(x)))
    trace = np.tril(decay) @ np.stack([x, np.ones_like(x)], axis=1)
    return [*(psi @ trace).tolist(), float(spikes.sum()), float(len(x))]


def _shown(subject: str, defect: str, script: str, expected: str) -> Iterator[Reproduction]:
    """Yield a defect where the script does not print what it should."""
    printed = printed_by(script)
    if printed != expected:
        yield Reproduction(subject, defect, script, printed, expected)
