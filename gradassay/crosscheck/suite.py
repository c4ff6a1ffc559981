"""The checks of an implementation against the reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from gradassay.core.records import CheckResult
from gradassay.crosscheck.implementation import Implementation, Profile
from gradassay.crosscheck.network_checks import agreement
from gradassay.crosscheck.neuron_checks import (
    conventions_as_claimed,
    reset_gradient_as_claimed,
    state_is_reset,
    surrogate_as_claimed,
)
from gradassay.crosscheck.problems import problems
from gradassay.crosscheck.rows import Check, RowMaker, rows_of

NEURONS = "single neurons"


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
    profile = implementation.profile
    checks: list[tuple[str, str, Check]] = []
    for number, threshold in enumerate(profile.thresholds):
        where = f"{NEURONS}, threshold {threshold:g}" if number else NEURONS
        checks += [(name, where, check) for name, check in _of_neurons(profile, threshold, seed)]
    for problem in problems(seed, profile.leaks, profile.thresholds):
        checks.append(("spikes_agree", problem.name, partial(agreement, problem=problem)))
    return [
        Planned(
            name,
            where,
            partial(_guarded, run, implementation, rows_of(implementation, name, where, seed)),
        )
        for name, where, run in checks
    ]


def _of_neurons(profile: Profile, threshold: float, seed: int) -> list[tuple[str, Check]]:
    """Return the checks on single neurons of a threshold."""
    drawn = (conventions_as_claimed, state_is_reset)
    checks: list[tuple[str, Check]] = [
        (check.__name__, partial(check, threshold=threshold, seed=seed)) for check in drawn
    ]
    if "through_time" in profile.differentiates:
        for check in (surrogate_as_claimed, reset_gradient_as_claimed):
            checks.append((check.__name__, partial(check, threshold=threshold)))
    return checks


def _guarded(run: Check, implementation: Implementation, row: RowMaker) -> Iterator[CheckResult]:
    """Yield the results of a check, or a FAIL that says what it raised."""
    try:
        yield from list(run(implementation, row))
    except Exception as error:  # a third party's code
        raised = f"raised {type(error).__name__}: {error}".splitlines()[0]
        yield row(claim="runs", measured=math.inf, detail=raised)
