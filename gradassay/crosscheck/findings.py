"""What an implementation does out of the box: its conventions, found out from single neurons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import REFERENCE
from gradassay.crosscheck.derivatives import SYMMETRIC, gradient_through_reset, surrogate_derivative
from gradassay.crosscheck.firing import neuron_task
from gradassay.crosscheck.implementation import Implementation
from gradassay.crosscheck.probes import (
    FIELDS,
    Found,
    find_conventions,
    response,
    state_is_kept,
)
from gradassay.crosscheck.reuse import AT_REST, reuse
from gradassay.crosscheck.torch_implementation import TorchImplementation

UNKNOWN, CLOSEST = "cannot be told", "(the closest)"
# of float64
ROUNDING, NOTHING = 1e-14, "below 1e-14"
NAMES = {
    "comparison": "a neuron spikes where",
    "reset": "reset",
    "reset_before": "reset applied before",
    "lag": "steps by which the reset is late",
    "several": "several spikes a step",
}
WORDS = {
    ">=": "u >= V",
    ">": "u > V",
    "leak": "the next step's leak: what is subtracted decays",
    "comparison": "the next step's comparison: what is subtracted does not decay",
    True: "yes",
    False: "no",
}


@dataclass(frozen=True)
class Finding:
    """One convention, as found in an implementation.

    Parameters
    ----------
    subject, convention, found, reference : str
        Whose, which, what it is there, and what it is in the reference.
    """

    subject: str
    convention: str
    found: str
    reference: str

    @property
    def differs(self) -> bool:
        """Whether it is known to differ from the reference's."""
        return self.found not in (self.reference, UNKNOWN)


def findings(
    implementation: Implementation, neuron: Neuron | None = None, *, seed: int = 0
) -> Iterator[Finding]:
    """Yield the conventions of an implementation.

    Parameters
    ----------
    implementation : Implementation
        As it comes; whatever it raises is passed on.
    neuron : Neuron or None
        What it is asked for; leak 1/2 where None.
    seed : int
        Of the currents.
    """
    neuron, name = neuron or Neuron(leak=0.5), implementation.name
    found = find_conventions(implementation, neuron, seed)
    yield Finding(name, "leak", _number(found.linear.leak), f"{neuron.leak:g}")
    yield Finding(name, "leak 0.9 is off by", _small(leak_error(implementation)), NOTHING)
    yield Finding(name, "factor on the input current", _number(found.linear.input_gain), "1")
    for field in FIELDS:
        yield Finding(name, NAMES[field], _told(found, field), _word(getattr(REFERENCE, field)))
    if not found.conventions:
        rest = f"{found.differing} of {found.compared}"
        yield Finding(name, "spikes that no known conventions explain", rest, "0")
    yield Finding(
        name, "membrane potential handed out", f"{found.membrane} the reset", "before the reset"
    )
    yield from _state(implementation, neuron, seed)
    yield from _types(implementation, neuron)
    if "through_time" in implementation.profile.differentiates:
        yield from _derivatives(implementation, neuron, found)


def leak_error(implementation: Implementation) -> float:
    """Return by how much a leak of 0.9 is off, of which no binary number is equal.

    Parameters
    ----------
    implementation : Implementation
        Whatever leak it has, the nearest short decimal number is taken for what is meant.
    """
    return response(implementation, Neuron(leak=0.9)).rounding


def _small(error: float) -> str:
    return f"{error:.1e}" if error > ROUNDING else NOTHING


def _state(implementation: Implementation, neuron: Neuron, seed: int) -> Iterator[Finding]:
    """Yield what becomes of the state at the next batch."""
    name = implementation.name
    if not isinstance(implementation, TorchImplementation):
        kept = "yes" if state_is_kept(implementation, neuron, seed) else "no"
        yield Finding(name, "state kept from batch to batch", kept, "no")
        return
    for told, same in (("the next batch", True), ("a next batch of another size", False)):
        outcome = reuse(implementation, neuron, same_size=same)
        yield Finding(name, f"{told}, without a reset,", outcome, AT_REST)


def _types(implementation: Implementation, neuron: Neuron) -> Iterator[Finding]:
    """Yield the type of the spikes."""
    precision = implementation.run(neuron_task(np.ones((1, 1)), neuron)).precision
    if precision:
        yield Finding(implementation.name, "spikes of float64 currents are", precision, "float64")


def _derivatives(implementation: Implementation, neuron: Neuron, found: Found) -> Iterator[Finding]:
    """Yield surrogate derivative and gradient through the reset."""
    name, gain = implementation.name, found.linear.input_gain or 1.0
    leak = neuron.leak if found.linear.leak is None else found.linear.leak
    psi = surrogate_derivative(implementation, neuron, input_gain=gain, drift=found.linear.drift)
    yield Finding(name, "surrogate derivative at the threshold", f"{psi.at_threshold:.4g}", "1")
    yield Finding(name, "its integral over u - V in [-8, 8]", f"{psi.integral:.4g}", "1")
    symmetric = "yes" if psi.asymmetry < SYMMETRIC else "no"
    yield Finding(name, "surrogate derivative symmetric", symmetric, "yes")
    broken = ", ".join(f"{x:g}" for x in psi.not_finite[:4]) or "nowhere"
    yield Finding(name, "surrogate derivative not finite at u - V", broken, "nowhere")
    told = gradient_through_reset(implementation, neuron, found.closest, leak=leak, input_gain=gain)
    through = UNKNOWN if told == "neither" else told
    yield Finding(name, "gradient through the reset", through, "cut")


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:g}"


def _told(found: Found, field: str) -> str:
    """Return a convention where all that explain the spikes agree on it."""
    if field == "comparison" and not found.tells_comparison:
        return UNKNOWN
    if not found.conventions:
        return f"{_word(getattr(found.closest, field))} {CLOSEST}"
    values = found.values(field)
    if field in ("reset_before", "lag") and found.values("reset") == ("none",):
        return "no reset"
    return _word(values[0]) if len(values) == 1 else UNKNOWN


def _word(value: object) -> str:
    """Return a value in words."""
    return WORDS.get(value, str(value)) if isinstance(value, str | bool) else str(value)
