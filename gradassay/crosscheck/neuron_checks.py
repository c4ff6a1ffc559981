"""Checks on single neurons: conventions, state, surrogate derivative, reset's gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.records import CheckResult
from gradassay.crosscheck.comparison import relative_difference
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.derivatives import gradient_through_reset, surrogate_derivative
from gradassay.crosscheck.implementation import Implementation
from gradassay.crosscheck.probes import (
    Found,
    differing_fields,
    find_conventions,
    response,
    state_is_kept,
)
from gradassay.crosscheck.rows import RowMaker
from gradassay.reference_snn.neuron import surrogate_derivative as reference_derivative

SURROGATE_BOUND = 1e-9
# within it a leak and a factor are what they should be
SINGLE_PRECISION = 1e-7
MEANING = {
    "comparison": "spikes where u {} V",
    "reset": "{} reset",
    "reset_before": "reset before the {} of the next step",
    "lag": "reset {} steps late",
    "several": "several spikes a step: {}",
}


def _neuron(implementation: Implementation, threshold: float) -> Neuron:
    """Return the neuron that single-neuron checks ask for."""
    profile = implementation.profile
    return Neuron(
        leak=profile.leaks[0],
        threshold=threshold,
        reset=profile.conventions.reset,
        surrogate=profile.surrogate or Surrogate(),
    )


def conventions_as_claimed(
    implementation: Implementation, row: RowMaker, *, threshold: float, seed: int
) -> Iterator[CheckResult]:
    """Compare the conventions found with those claimed.

    Parameters
    ----------
    implementation : Implementation
        Run on single neurons.
    row : RowMaker
        Makes the rows.
    threshold : float
        Asked for.
    seed : int
        Of the currents.
    """
    profile, neuron = implementation.profile, _neuron(implementation, threshold)
    claimed = profile.conventions
    found = find_conventions(implementation, neuron, seed, reset_value=profile.reset_value)
    wrong = _contradictions(found, claimed, neuron)
    yield row(
        claim=f"the neuron: {conventions_told(claimed)}",
        measured=float(len(wrong)),
        detail="; ".join(wrong),
        quantity="conventions that differ",
    )


def _contradictions(found: Found, claimed: Conventions, neuron: Neuron) -> list[str]:
    """Return what differs from the claims, for people."""
    wrong, linear = [], found.linear
    if linear.leak is not None and abs(linear.leak - neuron.leak) > SINGLE_PRECISION:
        wrong.append(f"leak {linear.leak:g}, expected {neuron.leak:g}")
    if linear.input_gain is not None and abs(linear.input_gain - 1) > SINGLE_PRECISION:
        wrong.append(f"input current times {linear.input_gain:g}, expected 1")
    if linear.drift:
        wrong.append(f"membrane potential {linear.drift:g} after a step without input, expected 0")
    for name in differing_fields(found, claimed):
        theirs = getattr(found.conventions[0] if found.conventions else found.closest, name)
        ours = getattr(claimed, name)
        wrong.append(f"{MEANING[name].format(theirs)}, expected {MEANING[name].format(ours)}")
    if not found.conventions:
        rest = f"{found.differing} of {found.compared} spikes are explained by no known conventions"
        wrong.append(f"{rest}; the closest are {conventions_told(found.closest)}")
    return wrong


def conventions_told(conventions: Conventions) -> str:
    """Return conventions in words.

    Examples
    --------
    >>> conventions_told(Conventions())
    'spikes where u >= V, soft reset before the leak of the next step'
    """
    words = [f"spikes where u {conventions.comparison} V"]
    if conventions.reset == "none":
        words.append("no reset")
    else:
        words.append(
            f"{conventions.reset} reset before the {conventions.reset_before} of the next step"
        )
    words += [f"{conventions.lag} step late"] if conventions.lag else []
    words += ["several spikes a step"] if conventions.several else []
    return ", ".join(words)


def state_is_reset(
    implementation: Implementation, row: RowMaker, *, threshold: float, seed: int
) -> Iterator[CheckResult]:
    """Run a batch again after another; parameters as in `conventions_as_claimed`."""
    kept = state_is_kept(implementation, _neuron(implementation, threshold), seed)
    detail = "the state is kept: a batch's spikes depend on the batch before it"
    yield row(claim="every batch starts at rest", measured=float(kept), detail=detail)


def surrogate_as_claimed(
    implementation: Implementation, row: RowMaker, *, threshold: float
) -> Iterator[CheckResult]:
    """Compare the surrogate derivative on a grid; parameters as in `conventions_as_claimed`."""
    neuron = _neuron(implementation, threshold)
    linear = response(implementation, neuron)
    found = surrogate_derivative(
        implementation, neuron, input_gain=linear.input_gain or 1.0, drift=linear.drift
    )
    expected = reference_derivative(neuron, found.x + neuron.threshold)
    peak = float(reference_derivative(neuron, np.full(1, neuron.threshold))[0])
    places = ", ".join(f"{x:g}" for x in found.not_finite[:4])
    detail = f"psi at the threshold {found.at_threshold:.6g}, expected {peak:.6g}; integral "
    detail += f"{found.integral:.4g}" + (f"; not finite at u - V = {places}" if places else "")
    yield row(
        claim=f"surrogate derivative: {neuron.surrogate.kind}, k = {neuron.surrogate.scale:g}",
        measured=relative_difference(found.values, expected),
        bound=max(SURROGATE_BOUND, implementation.profile.bound),
        detail=detail,
        quantity="relative difference",
    )


def reset_gradient_as_claimed(
    implementation: Implementation, row: RowMaker, *, threshold: float
) -> Iterator[CheckResult]:
    """Compare the gradient through the reset; parameters as in `conventions_as_claimed`."""
    profile, neuron = implementation.profile, _neuron(implementation, threshold)
    if profile.conventions.reset == "none" or profile.conventions.lag:
        return
    claimed = "kept" if profile.reset_gradient else "cut"
    found = gradient_through_reset(
        implementation,
        neuron,
        profile.conventions,
        leak=neuron.leak,
        reset_value=profile.reset_value,
    )
    yield row(
        claim=f"the gradient through the reset is {claimed}",
        measured=float(found != claimed),
        detail=f"it is {found}" if found != "neither" else "it is neither kept nor cut",
    )
