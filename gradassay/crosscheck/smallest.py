"""The smallest input current under which a neuron does not spike as it says that it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradassay.core.neuron import Neuron
from gradassay.crosscheck.conventions import Float, simulate
from gradassay.crosscheck.firing import neuron_task
from gradassay.crosscheck.implementation import Implementation
from gradassay.crosscheck.probes import chosen_currents

SIMPLER = (0.0, 1.0, 0.5, 2.0, 0.25, 0.75, 1.5, 3.0)


@dataclass(frozen=True)
class Difference:
    """One neuron under one current.

    Parameters
    ----------
    current : array, shape (T,)
        Its input; the spikes of the last step differ, and none before.
    expected : array, shape (2, T)
        Membrane potentials before the reset, and spikes, as claimed.
    found : array, shape (T,)
        Spikes of the implementation.
    """

    current: Float
    expected: Float
    found: Float


def smallest_difference(
    implementation: Implementation, neuron: Neuron, seed: int = 0
) -> Difference | None:
    """Return the smallest difference that replacing entries by simpler ones leads to.

    Parameters
    ----------
    implementation : Implementation
        Compared with what its profile claims.
    neuron : Neuron
        Leak and threshold asked for.
    seed : int
        Of the currents at the start.

    Returns
    -------
    difference : Difference or None
        None where all spikes are as claimed.
    """
    best = _earliest(implementation, neuron, chosen_currents(seed) * neuron.threshold)
    if best is None:
        return None
    while True:
        smaller = _earliest(implementation, neuron, _simpler(best, neuron.threshold), under=best)
        if smaller is None:
            break
        best = smaller
    expected = np.array(_claimed(implementation, neuron, best[:, None]))[..., 0]
    answer = implementation.run(neuron_task(best[:, None], neuron))
    return Difference(best, expected, answer.spikes["lif1"][:, 0, 0])


def _claimed(
    implementation: Implementation, neuron: Neuron, currents: Float
) -> tuple[Float, Float]:
    """Return potentials and spikes as claimed, (T, B)."""
    profile = implementation.profile
    return simulate(
        currents,
        profile.conventions,
        leak=neuron.leak,
        threshold=neuron.threshold,
        reset_value=profile.reset_value,
    )


def _earliest(
    implementation: Implementation, neuron: Neuron, currents: Float, under: Float | None = None
) -> Float | None:
    """Return the simplest current (T,) of several, cut where its spikes first differ."""
    found = implementation.run(neuron_task(currents, neuron)).spikes["lif1"][..., 0]
    wrong = found != _claimed(implementation, neuron, currents)[1]
    cut = [
        currents[: int(wrong[:, column].argmax()) + 1, column]
        for column in np.flatnonzero(wrong.any(axis=0))
    ]
    simplest = min(cut, key=_size, default=None)
    if simplest is None or (under is not None and _size(simplest) >= _size(under)):
        return None
    return simplest


def _size(current: Float) -> tuple[int, int, int, float]:
    """Return what makes a current simple: few steps, few entries, short and small numbers."""
    digits = sum(len(f"{x:g}") for x in current)
    return len(current), int(np.count_nonzero(current)), digits, float(np.abs(current).sum())


def _simpler(current: Float, threshold: float) -> Float:
    """Return currents with a step left out, or an entry replaced, (T, n); 0 at the end if short."""
    return np.stack(list(_replaced(current, threshold)), axis=1)


def _replaced(current: Float, threshold: float) -> Iterator[Float]:
    for step in range(len(current)):
        yield np.append(np.delete(current, step), 0.0)
        for value in SIMPLER:
            for sign in (1.0, -1.0):
                changed = current.copy()
                changed[step] = sign * value * threshold
                yield changed
