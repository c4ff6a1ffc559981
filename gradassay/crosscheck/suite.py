"""The checks of an implementation against the reference."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.records import CheckResult, Verdict
from gradassay.crosscheck.comparison import compare_spikes, relative_difference, unusable
from gradassay.crosscheck.conventions import Conventions
from gradassay.crosscheck.derivatives import gradient_through_reset, surrogate_derivative
from gradassay.crosscheck.expected import expected_answer, network_for
from gradassay.crosscheck.implementation import (
    Answer,
    Differentiated,
    Implementation,
    Task,
)
from gradassay.crosscheck.probes import (
    Found,
    differing_fields,
    find_conventions,
    leak_and_gain,
    state_is_kept,
)
from gradassay.crosscheck.problems import Problem, problems
from gradassay.reference_snn.neuron import surrogate_derivative as reference_derivative

NEURONS = "single neurons"
SURROGATE_BOUND = 1e-9
FLOAT32_BOUND = 1e-3
# within it a leak and a factor are what they should be
SINGLE_PRECISION = 1e-7
GRADIENTS: dict[Differentiated, str] = {
    "through_time": "bptt_agrees",
    "online": "online_agrees",
    "spatial": "spatial_agrees",
}
MEANING = {
    "comparison": "spikes where u {} V",
    "reset": "{} reset",
    "reset_before": "reset before the {} of the next step",
    "lag": "reset {} steps late",
    "several": "several spikes a step: {}",
}


Row = Callable[..., CheckResult]
Check = Callable[[Implementation, Row], Iterator[CheckResult]]


@dataclass(frozen=True)
class Planned:
    """One check of one implementation.

    Parameters
    ----------
    check, problem : str
        Its name, and where.
    run : callable
        Yields its results; a FAIL that says so where the implementation raises.
    """

    check: str
    problem: str
    run: Callable[[], Iterator[CheckResult]]


def crosscheck(implementation: Implementation, *, seed: int = 0) -> Iterator[CheckResult]:
    """Yield the results of all checks of an implementation; none stops the others.

    Parameters
    ----------
    implementation : Implementation
        Compared with the reference under the conventions of its profile.
    seed : int
        Of the problems.
    """
    for planned in planned_checks(implementation, seed=seed):
        yield from planned.run()


def planned_checks(implementation: Implementation, *, seed: int = 0) -> list[Planned]:
    """Return all checks of an implementation, not run.

    Parameters
    ----------
    implementation, seed
        As in `crosscheck`.
    """
    checks: list[tuple[str, str, Check]] = [
        ("conventions_as_claimed", NEURONS, partial(_conventions, seed=seed)),
        ("state_is_reset", NEURONS, partial(_state, seed=seed)),
    ]
    if "through_time" in implementation.profile.differentiates:
        checks += [
            ("surrogate_as_claimed", NEURONS, _surrogate),
            ("reset_gradient_as_claimed", NEURONS, _reset_gradient),
        ]
    for problem in problems(seed, implementation.profile.leaks):
        checks.append(("spikes_agree", problem.name, partial(_agreement, problem=problem)))
    return [
        Planned(
            name,
            where,
            partial(_guarded, run, implementation, _rows(implementation, name, where, seed)),
        )
        for name, where, run in checks
    ]


def _guarded(run: Check, implementation: Implementation, row: Row) -> Iterator[CheckResult]:
    """Yield the results of a check, or a FAIL that says what it raised."""
    try:
        yield from list(run(implementation, row))
    except Exception as error:  # a third party's code
        raised = f"raised {type(error).__name__}: {error}".splitlines()[0]
        yield row(claim="runs", measured=math.inf, detail=raised)


def _rows(implementation: Implementation, check: str, problem: str, seed: int) -> Row:
    """Return what makes the rows of one check."""
    return partial(_row, subject=implementation.name, check=check, problem=problem, seed=seed)


def _row(
    *,
    subject: str,
    check: str,
    problem: str,
    claim: str,
    measured: float,
    bound: float = 0.0,
    detail: str,
    seed: int,
    quantity: str = "mismatches",
) -> CheckResult:
    """Return a row: PASS where what was measured is at most the bound."""
    verdict: Verdict = "PASS" if measured <= bound else "FAIL"
    return CheckResult(
        subject=subject,
        problem=problem,
        check=check,
        level=0,
        claim=claim,
        verdict=verdict,
        measured=measured,
        low=measured,
        high=measured,
        bound=bound,
        detail="" if verdict == "PASS" else detail,
        evaluations=1,
        seed=seed,
        quantity=quantity,
    )


def _neuron(implementation: Implementation) -> Neuron:
    """Return the neuron that single-neuron checks ask for."""
    profile = implementation.profile
    return Neuron(
        leak=profile.leaks[0],
        reset=profile.conventions.reset,
        surrogate=profile.surrogate or Surrogate(),
    )


def _conventions(implementation: Implementation, row: Row, seed: int) -> Iterator[CheckResult]:
    """Compare the conventions found with those claimed."""
    claimed, neuron = implementation.profile.conventions, _neuron(implementation)
    found = find_conventions(implementation, neuron, seed)
    wrong = _contradictions(found, claimed, neuron)
    yield row(
        claim=f"the neuron: {told(claimed)}",
        measured=float(len(wrong)),
        detail="; ".join(wrong),
        quantity="conventions that differ",
    )


def _contradictions(found: Found, claimed: Conventions, neuron: Neuron) -> list[str]:
    """Return what differs from the claims, for people."""
    wrong = []
    if found.leak is not None and abs(found.leak - neuron.leak) > SINGLE_PRECISION:
        wrong.append(f"leak {found.leak:g}, expected {neuron.leak:g}")
    if found.input_gain is not None and abs(found.input_gain - 1) > SINGLE_PRECISION:
        wrong.append(f"input current times {found.input_gain:g}, expected 1")
    for name in differing_fields(found, claimed):
        theirs = getattr(found.conventions[0] if found.conventions else found.closest, name)
        ours = getattr(claimed, name)
        wrong.append(f"{MEANING[name].format(theirs)}, expected {MEANING[name].format(ours)}")
    if not found.conventions:
        rest = f"{found.differing} of {found.compared} spikes are explained by no known conventions"
        wrong.append(f"{rest}; the closest are {told(found.closest)}")
    return wrong


def told(conventions: Conventions) -> str:
    """Return conventions in words.

    Examples
    --------
    >>> told(Conventions())
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


def _state(implementation: Implementation, row: Row, seed: int) -> Iterator[CheckResult]:
    """Run a batch again after another."""
    kept = state_is_kept(implementation, _neuron(implementation), seed)
    detail = "the state is kept: a batch's spikes depend on the batch before it"
    yield row(claim="every batch starts at rest", measured=float(kept), detail=detail)


def _surrogate(implementation: Implementation, row: Row) -> Iterator[CheckResult]:
    """Compare the surrogate derivative on a grid."""
    neuron = _neuron(implementation)
    _, gain = leak_and_gain(implementation, neuron)
    found = surrogate_derivative(implementation, neuron, input_gain=gain or 1.0)
    expected = reference_derivative(neuron, found.x + neuron.threshold)
    peak = float(reference_derivative(neuron, np.full(1, neuron.threshold))[0])
    places = ", ".join(f"{x:g}" for x in found.not_finite[:4])
    detail = f"psi at the threshold {found.at_threshold:.6g}, expected {peak:.6g}; integral "
    detail += f"{found.integral:.4g}" + (f"; not finite at u - V = {places}" if places else "")
    yield row(
        claim=f"surrogate derivative: {neuron.surrogate.kind}, k = {neuron.surrogate.scale:g}",
        measured=relative_difference(found.values, expected),
        bound=SURROGATE_BOUND,
        detail=detail,
        quantity="relative difference",
    )


def _reset_gradient(implementation: Implementation, row: Row) -> Iterator[CheckResult]:
    """Compare the gradient through the reset with the claim."""
    profile, neuron = implementation.profile, _neuron(implementation)
    if profile.conventions.reset == "none" or profile.conventions.lag:
        return
    claimed = "kept" if profile.reset_gradient else "cut"
    found = gradient_through_reset(implementation, neuron, profile.conventions, leak=neuron.leak)
    yield row(
        claim=f"the gradient through the reset is {claimed}",
        measured=float(found != claimed),
        detail=f"it is {found}" if found != "neither" else "it is neither kept nor cut",
    )


def _agreement(implementation: Implementation, row: Row, problem: Problem) -> Iterator[CheckResult]:
    """Compare spikes and gradients on a problem."""
    profile = implementation.profile
    for number, differentiated in enumerate(profile.differentiates or ("nothing",)):
        network = network_for(problem.task.network, profile)
        task = dataclasses.replace(problem.task, network=network, differentiated=differentiated)
        expected, found = expected_answer(task, profile), implementation.run(task)
        wrong = unusable(task, expected, found)
        if wrong:
            yield row(claim="the answer has the form asked for", measured=1.0, detail=wrong)
            return
        spikes = compare_spikes(task, expected, found, exact=problem.exact)
        if number == 0:
            yield row(
                claim="spikes = the reference's",
                measured=float(spikes.differing),
                detail=f"{spikes.differing} of {spikes.compared} differ; first {spikes.first}",
                quantity="differing spikes",
            )
        if differentiated != "nothing" and not spikes.differing:
            yield _gradients(implementation, row, task, expected, found)


def _gradients(
    implementation: Implementation, row: Row, task: Task, expected: Answer, found: Answer
) -> CheckResult:
    """Compare gradients parameter by parameter; one that is missing is infinitely wrong."""
    errors = {
        name: relative_difference(found.gradient[name], g) if name in found.gradient else math.inf
        for name, g in expected.gradient.items()
    }
    return row(
        check=GRADIENTS[task.differentiated],
        claim="gradient = torch autograd's through the reference's equations",
        measured=max(errors.values()),
        bound=implementation.profile.bound if task.precision == "float64" else FLOAT32_BOUND,
        detail=", ".join(f"{name} {error:.2g}" for name, error in errors.items()),
        quantity="relative difference",
    )
