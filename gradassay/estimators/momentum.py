"""Momentum feedback: a running average of terms, its start and its correction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.errors import ConfigurationError, is_real, unknown_name
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.estimators.feedback import given_feedback, random_feedback

Start = Literal["zero", "zero_uncorrected", "random", "given"]


def require_momentum(
    method: str, momentum: object, start: str, feedback: Mapping[str, Array] | None
) -> None:
    """Refuse a lambda outside [0, 1), or a start that does not fit the given matrices.

    Raises
    ------
    ConfigurationError, UsageError
        Says which.
    """
    if not (is_real(momentum) and 0 <= momentum < 1):  # type: ignore[operator]
        raise ConfigurationError(
            f"lambda (momentum): got {momentum!r}; expected a number in [0, 1)."
        )
    if start not in get_args(Start):
        raise unknown_name(f"{method} start", start, get_args(Start))
    if (start == "given") != (feedback is not None):
        got = "no matrices" if feedback is None else "matrices"
        raise ConfigurationError(
            f"{method} start: got {start!r} with {got} in feedback; expected start='given' with"
            " feedback, or another start without."
        )


def initial_momentum(
    backend: Backend,
    shapes: Mapping[str, tuple[int, ...]],
    key: Key,
    start: Start,
    feedback: Mapping[str, Array] | None,
    method: str,
) -> State:
    """Return M before the first update, and 0 updates."""
    if feedback is not None:
        matrices = given_feedback(backend, shapes, feedback, method)
    elif start == "random":
        matrices = random_feedback(backend, shapes, key, gain=1.0)
    else:
        matrices = {name: backend.asarray(np.zeros(shape)) for name, shape in shapes.items()}
    return {**matrices, "updates": backend.asarray(np.zeros(()))}


def absorb(
    state: State, terms: State, momentum: float, freeze_after: int | None = None
) -> dict[str, Array]:
    """Return ``lambda M + (1 - lambda) Z`` and one update more; where frozen, M as it was.

    Every array of the result has a leading replicate axis where the terms have.
    """
    after = {name: momentum * state[name] + (1 - momentum) * term for name, term in terms.items()}
    # one count for each matrix, so that every array of the state has the same leading axes
    still = next(iter(terms.values()))[..., 0, 0] * 0
    count = state["updates"] + still
    if freeze_after is None:
        return {**after, "updates": count + 1}
    xp = array_namespace(count)
    frozen = count >= freeze_after
    kept = {
        name: xp.where(frozen[..., None, None], state[name] + 0 * new, new)
        for name, new in after.items()
    }
    return {**kept, "updates": xp.where(frozen, count, count + 1)}


def gathered(updates: Array, momentum: float) -> Array:
    """Return ``1 - lambda^k``, what k terms weigh in an average that began at 0; k at least 1."""
    xp = array_namespace(updates)
    seen = xp.clip(updates, min=1)
    if momentum == 0:
        return seen * 0 + 1
    # exact in float32 also where lambda is close to 1
    return -xp.expm1(seen * math.log(momentum))


def corrected(matrix: Array, updates: Array, momentum: float) -> Array:
    """Return ``M / (1 - lambda^k)`` after k updates; before the first one M, which is 0."""
    return matrix / gathered(updates, momentum)[..., None, None]
