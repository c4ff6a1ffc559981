"""Two answers to one task: what differs, and where first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradassay.crosscheck.conventions import Float, after_reset
from gradassay.crosscheck.implementation import Answer, Profile, Task

# potentials this many roundings from the threshold may fall on either side
ROUNDINGS = 64

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SpikeDifference:
    """Spikes of an answer against those of the reference.

    Parameters
    ----------
    compared, differing : int
        Entries (step, sample, neuron) of all layers; those that differ.
    elsewhere : int
        Entries that differ but are not compared: those of a sample from the step on at which the
        reference has a potential within rounding of the threshold.
    first : str
        The first that differs, by step, then layer; empty if none does.
    """

    compared: int
    differing: int
    elsewhere: int
    first: str


def compared_steps(task: Task, expected: Answer, *, exact: bool) -> Mask:
    """Return which steps of which samples are compared, shape (T, B).

    Parameters
    ----------
    task : Task
        Gives threshold and precision.
    expected : Answer
        The reference's, with membrane potentials.
    exact : bool
        Whether the arithmetic is exact: then all are.
    """
    near = np.zeros(task.inputs.shape[:2], dtype=bool)
    if exact:
        return ~near
    unit = float(np.finfo(task.precision).eps)
    for membrane in expected.membrane.values():
        slack = ROUNDINGS * unit * max(1.0, float(np.abs(membrane).max()))
        near |= (np.abs(membrane - task.network.neuron.threshold) <= slack).any(axis=-1)
    unsure: Mask = np.logical_or.accumulate(near, axis=0)
    return ~unsure


def compare_spikes(task: Task, expected: Answer, found: Answer, compared: Mask) -> SpikeDifference:
    """Return how the spikes of `found` differ from those expected.

    Parameters
    ----------
    task : Task
        What was asked.
    expected, found : Answer
        The reference's, with membrane potentials; somebody's.
    compared : array of bool, shape (T, B)
        Of `compared_steps`.
    """
    wrong = {
        name: np.asarray(found.spikes[name]) != spikes for name, spikes in expected.spikes.items()
    }
    differing = {name: array & compared[..., None] for name, array in wrong.items()}
    count = sum(int(array.sum()) for array in differing.values())
    return SpikeDifference(
        compared=int(compared.sum()) * sum(array.shape[-1] for array in wrong.values()),
        differing=count,
        elsewhere=sum(int(array.sum()) for array in wrong.values()) - count,
        first=_first(task, expected, found, differing),
    )


def _first(task: Task, expected: Answer, found: Answer, differing: Mapping[str, Mask]) -> str:
    """Return the first entry that differs, for people."""
    for step in range(len(task.inputs)):
        for name, wrong in differing.items():
            if wrong[step].any():
                sample, neuron = (int(i) for i in np.argwhere(wrong[step])[0])
                place = (step, sample, neuron)
                return f"{name}, {_place(place)}: " + _told(task, name, place, expected, found)
    return ""


def _place(place: tuple[int, ...]) -> str:
    return "step {}, sample {}, neuron {}".format(*place)


def _told(
    task: Task, name: str, place: tuple[int, int, int], expected: Answer, found: Answer
) -> str:
    """Return spikes and potentials on both sides."""
    told = f"{found.spikes[name][place]:g} spikes, reference {expected.spikes[name][place]:g}"
    u = expected.membrane[name][place]
    theirs = f"{found.membrane[name][place]:.9g}" if name in found.membrane else "not given"
    threshold = task.network.neuron.threshold
    return f"{told}; membrane potential {theirs}, reference {u:.9g}, threshold {threshold:g}"


def potential_error(
    name: str, task: Task, profile: Profile, expected: Answer, found: Answer, compared: Mask
) -> tuple[float, str]:
    """Return the largest error of a layer's potentials, and where the first large one is.

    Potentials handed out are those before or after the reset, whichever is nearer.

    Parameters
    ----------
    name : str
        Of the spiking layer.
    task, expected, found, compared
        As in `compare_spikes`.
    profile : Profile
        Gives the reset.
    """
    u, spikes, theirs = expected.membrane[name], expected.spikes[name], found.membrane[name]
    threshold = task.network.neuron.threshold
    after = after_reset(u, spikes, profile.conventions, threshold, profile.reset_value)
    errors = [(value_error(theirs, ours, compared), ours) for ours in (u, after)]
    (error, place), ours = min(errors, key=lambda one: one[0][0])
    told = f"{name}, {_place(place)}: membrane potential {theirs[place]:.9g}"
    return error, f"{told}, reference {ours[place]:.9g}"


def value_error(found: Float, expected: Float, compared: Mask) -> tuple[float, tuple[int, ...]]:
    """Return the largest difference over the largest value, and the first entry that has half it.

    Parameters
    ----------
    found, expected : array, shape (T, B, n)
        Somebody's; the reference's.
    compared : array of bool, shape (T, B)
        Of `compared_steps`.
    """
    errors = np.where(compared[..., None], np.abs(np.asarray(found) - expected), 0.0)
    largest = float(errors.max(initial=0.0))
    scale = float(np.abs(expected).max(initial=0.0)) or 1.0
    place = np.argwhere(errors >= largest / 2)[0]
    return largest / scale, tuple(int(i) for i in place)


def unusable(task: Task, expected: Answer, found: Answer) -> str:
    """Return what is wrong with the form of an answer; empty if nothing is.

    Parameters
    ----------
    task : Task
        What was asked.
    expected, found : Answer
        The reference's; somebody's.
    """
    given = {
        **{f"spikes of {n}": (found.spikes.get(n), a) for n, a in expected.spikes.items()},
        **{f"potentials of {n}": (a, expected.membrane.get(n)) for n, a in found.membrane.items()},
        **{f"gradient {n}": (a, task.params.get(n)) for n, a in found.gradient.items()},
    }
    if found.outputs is not None:
        given["outputs"] = (found.outputs, expected.outputs)
    for what, (theirs, ours) in given.items():
        if theirs is None or ours is None:
            return f"{what}: {'missing' if theirs is None else 'not of this network'}"
        if np.shape(theirs) != np.shape(ours):
            return f"{what}: got shape {np.shape(theirs)}; expected {np.shape(ours)}"
        if not np.isfinite(np.asarray(theirs)).all() and not what.startswith("gradient"):
            return f"{what}: not finite"
    return ""


def relative_difference(found: Float, expected: Float) -> float:
    """Return ``|found - expected| / |expected|`` in the Euclidean norm; inf where not finite."""
    scale = float(np.linalg.norm(expected)) or 1.0
    error = float(np.linalg.norm(found - expected)) / scale
    return error if np.isfinite(error) else float("inf")
