"""Which conventions an implementation has, found out from single neurons under chosen currents.

Every combination of conventions is simulated on the same currents; those that give the spikes of
the implementation to the last one are its own. Currents in multiples of a quarter, with a leak of
one half, are exact in float64 and put potentials on the threshold, so that the comparison shows;
strong ones go beyond twice the threshold, where resets and several spikes a step show.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradassay.core.keys import Key
from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import (
    REFERENCE,
    Comparison,
    Conventions,
    Float,
    Moment,
    Reset,
    after_reset,
    simulate,
)
from gradassay.crosscheck.firing import (
    comparison_at_threshold,
    leak_and_gain_from_spikes,
    neuron_task,
)
from gradassay.crosscheck.implementation import Answer, Implementation

STEPS, SAMPLES = 12, 256
# of the threshold: far below it, so that nothing spikes
IMPULSE = 0.125
# relative, of single precision: of a number read off a potential, and of one off a smallest current
# or of a whole trace of potentials
SINGLE, COARSE = 1e-7, 1e-6
COMPARISONS: tuple[Comparison, ...] = (">=", ">")
RESETS: tuple[Reset, ...] = ("soft", "hard")
MOMENTS: tuple[Moment, ...] = ("leak", "comparison")
FIELDS = tuple(field.name for field in dataclasses.fields(Conventions))


@dataclass(frozen=True)
class Response:
    """What one small impulse leaves of itself, against no input.

    Parameters
    ----------
    leak, input_gain : float or None
        Factor on the potential from step to step, and on the current; None where they cannot be
        told.
    drift : float
        Potential after one step without input, from rest.
    rounding : float
        By how much the leak is off the short decimal number that is given.
    """

    leak: float | None = None
    input_gain: float | None = None
    drift: float = 0.0
    rounding: float = 0.0


@dataclass(frozen=True)
class Found:
    """What probes found out.

    Parameters
    ----------
    linear : Response
        Leak, factor on the input, drift.
    conventions : tuple of Conventions
        All that explain every spike; empty if none does.
    closest : Conventions
        Those that explain most.
    differing, compared : int
        Spikes that the closest does not explain, of all.
    tells_comparison : bool
        Whether potentials met the threshold: those of short binary fractions, or one of one step.
    membrane : {"before", "after", "neither", "not given"}
        Whether the potentials handed out are those before or after the reset.
    """

    linear: Response
    conventions: tuple[Conventions, ...]
    closest: Conventions
    differing: int
    compared: int
    tells_comparison: bool
    membrane: str

    def values(self, field: str) -> tuple[object, ...]:
        """Return the values of a convention that explain every spike, each once."""
        return tuple(dict.fromkeys(getattr(one, field) for one in self.conventions))


def candidates() -> tuple[Conventions, ...]:
    """Return all combinations of conventions that differ."""
    resets: list[Conventions] = [Conventions(reset="none")]
    for reset, before, lag in itertools.product(RESETS, MOMENTS, (0, 1)):
        resets.append(Conventions(reset=reset, reset_before=before, lag=lag))
    return tuple(
        dataclasses.replace(one, comparison=comparison, several=several)
        for one in resets
        for comparison, several in itertools.product(COMPARISONS, (False, True))
    )


def find_conventions(
    implementation: Implementation, neuron: Neuron, seed: int = 0, *, reset_value: float = 0.0
) -> Found:
    """Return the conventions of an implementation's neurons.

    Parameters
    ----------
    implementation : Implementation
        Whatever it raises is passed on.
    neuron : Neuron
        Leak and threshold asked for; a leak of 1/2 shows comparisons best.
    seed : int
        Of the currents.
    reset_value : float
        What a hard reset is thought to set.
    """
    linear = response(implementation, neuron)
    leak, gain = linear.leak, linear.input_gain
    exact = all(x is None or (1024 * x).is_integer() for x in (leak, gain))
    # elsewhere rounding decides the ties that multiples of a quarter make
    units = chosen_currents(seed)
    units = units if exact else units[:, -SAMPLES:]
    currents = units * neuron.threshold / (gain or 1.0)
    answer = implementation.run(neuron_task(currents, neuron))
    spikes = answer.spikes["lif1"][..., 0]
    arriving = currents * (gain or 1.0)
    used = {
        "leak": neuron.leak if leak is None else leak,
        "threshold": neuron.threshold,
        "reset_value": reset_value,
    }
    tie = None if exact else comparison_at_threshold(implementation, neuron)
    tried = [one for one in candidates() if tie in (None, one.comparison)]
    counts = {one: _differing(spikes, arriving, one, used) for one in tried}
    closest = min(counts, key=lambda one: (counts[one], one != REFERENCE))
    explaining = tuple(one for one, count in counts.items() if count == 0)
    return Found(
        linear=linear,
        conventions=explaining,
        closest=closest,
        differing=counts[closest],
        compared=spikes.size,
        tells_comparison=exact or tie is not None,
        membrane=_reported(answer, closest, simulate(arriving, closest, **used), used),
    )


def _differing(
    spikes: Float, arriving: Float, conventions: Conventions, used: dict[str, float]
) -> int:
    """Return the number of spikes that conventions do not explain."""
    return int((simulate(arriving, conventions, **used)[1] != spikes).sum())


def response(implementation: Implementation, neuron: Neuron) -> Response:
    """Return leak, factor on the input, and drift, from the potentials of two steps.

    Where no potentials are handed out, from the smallest currents that make a spike.

    Parameters
    ----------
    implementation, neuron
        As in `find_conventions`.
    """
    currents = np.zeros((2, 2))
    currents[0, 0] = IMPULSE * neuron.threshold
    membrane = implementation.run(neuron_task(currents, neuron)).membrane.get("lif1")
    if membrane is None:
        told = leak_and_gain_from_spikes(implementation, neuron)
        return Response(*(_rounded(x, COARSE) for x in told)) if told else Response()
    drift = float(membrane[0, 1, 0])
    first, second = (float(u) for u in membrane[:, 0, 0] - membrane[:, 1, 0])
    if not first:
        return Response(drift=drift)
    leak, gain = second / first, first / float(currents[0, 0])
    short = _rounded(leak)
    return Response(short, _rounded(gain), drift, rounding=abs(leak - short))


def _rounded(value: float, within: float = SINGLE) -> float:
    """Return the short decimal number that a value is within single precision, if it is one."""
    short = round(value, 6)
    return short if abs(value - short) <= within * max(abs(short), 1e-3) else value


def chosen_currents(seed: int) -> Float:
    """Return currents in units of the threshold, shape (T, B): dyadic, strong, of a density.

    Parameters
    ----------
    seed : int
        Of all.
    """
    generator = (Key(seed) / "probes").generator()
    weak = generator.integers(-1, 5, (STEPS, SAMPLES)) / 4.0
    strong = generator.integers(-4, 14, (STEPS, SAMPLES)) / 4.0
    dense = generator.normal(0.5, 0.75, (STEPS, SAMPLES))
    return np.concatenate([weak, strong, dense], axis=1)


def _reported(
    answer: Answer,
    closest: Conventions,
    simulated: tuple[Float, Float],
    used: dict[str, float],
) -> str:
    """Return which potentials are handed out."""
    if "lif1" not in answer.membrane:
        return "not given"
    theirs, (before, spikes) = answer.membrane["lif1"][..., 0], simulated
    after = after_reset(before, spikes, closest, used["threshold"], used["reset_value"])
    for told, ours in (("before", before), ("after", after)):
        if np.allclose(theirs, ours, rtol=COARSE, atol=COARSE * used["threshold"]):
            return told
    return "neither"


def state_is_kept(implementation: Implementation, neuron: Neuron, seed: int = 0) -> bool:
    """Return whether a batch's spikes depend on the batch that was run before it.

    Parameters
    ----------
    implementation, neuron, seed
        As in `find_conventions`.
    """
    currents = chosen_currents(seed) * neuron.threshold
    once = _spikes_of(implementation, currents[:, :SAMPLES], neuron)
    _spikes_of(implementation, currents[:, SAMPLES : 2 * SAMPLES], neuron)
    again = _spikes_of(implementation, currents[:, :SAMPLES], neuron)
    return bool((once != again).any())


def _spikes_of(implementation: Implementation, currents: Float, neuron: Neuron) -> Float:
    return implementation.run(neuron_task(currents, neuron)).spikes["lif1"]


def differing_fields(found: Found, claimed: Conventions) -> Sequence[str]:
    """Return the names of the conventions that differ from those claimed.

    Where several explain every spike, those that differ least count.

    Parameters
    ----------
    found : Found
        Of `find_conventions`.
    claimed : Conventions
        What the implementation says.
    """
    explaining = found.conventions or (found.closest,)
    told = [name for name in FIELDS if found.tells_comparison or name != "comparison"]

    def wrong(one: Conventions) -> list[str]:
        return [name for name in told if getattr(one, name) != getattr(claimed, name)]

    return min((wrong(one) for one in explaining), key=len)
