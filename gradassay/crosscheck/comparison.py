"""Two answers to one task: how many spikes differ, and where first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.crosscheck.implementation import Answer, Float, Task

# potentials this many roundings from the threshold may fall on either side
ROUNDINGS = 64


@dataclass(frozen=True)
class SpikeDifference:
    """Spikes of an answer against those of the reference.

    Parameters
    ----------
    compared, differing : int
        Entries (step, sample, neuron) of all layers; those that differ.
    excused : int
        Entries not compared: those of a sample from the step on at which the reference has a
        potential within rounding of the threshold.
    first : str
        The first that differs, by step, then layer; empty if none does.
    """

    compared: int
    differing: int
    excused: int
    first: str


def compare_spikes(task: Task, expected: Answer, found: Answer, *, exact: bool) -> SpikeDifference:
    """Return how the spikes of `found` differ from those expected.

    Parameters
    ----------
    task : Task
        Gives threshold and precision.
    expected, found : Answer
        The reference's, with membrane potentials; somebody's.
    exact : bool
        Whether the arithmetic is exact: then no potential is excused.
    """
    compared = _compared(task, expected, exact=exact)
    differing = {
        name: (np.asarray(found.spikes[name]) != spikes) & compared[..., None]
        for name, spikes in expected.spikes.items()
    }
    sizes = sum(spikes[0, 0].size for spikes in expected.spikes.values())
    return SpikeDifference(
        compared=int(compared.sum()) * sizes,
        differing=sum(int(array.sum()) for array in differing.values()),
        excused=int((~compared).sum()) * sizes,
        first=_first(task, expected, found, differing),
    )


def _compared(task: Task, expected: Answer, *, exact: bool) -> np.ndarray:
    """Return which steps of which samples are compared, (T, B)."""
    near = np.zeros(task.inputs.shape[:2], dtype=bool)
    if exact:
        return ~near
    unit = float(np.finfo(task.precision).eps)
    for membrane in expected.membrane.values():
        slack = ROUNDINGS * unit * max(1.0, float(np.abs(membrane).max()))
        near |= (np.abs(membrane - task.network.neuron.threshold) <= slack).any(axis=-1)
    unsure: np.ndarray = np.logical_or.accumulate(near, axis=0)
    return ~unsure


def _first(task: Task, expected: Answer, found: Answer, differing: Mapping[str, np.ndarray]) -> str:
    """Return the first entry that differs, for people."""
    for step in range(len(task.inputs)):
        for name, wrong in differing.items():
            if wrong[step].any():
                sample, neuron = (int(i) for i in np.argwhere(wrong[step])[0])
                place = (step, sample, neuron)
                return f"{name}, step {step}, sample {sample}, neuron {neuron}: " + _told(
                    task, name, place, expected, found
                )
    return ""


def _told(
    task: Task, name: str, place: tuple[int, int, int], expected: Answer, found: Answer
) -> str:
    """Return spikes and potentials on both sides."""
    told = f"{found.spikes[name][place]:g} spikes, reference {expected.spikes[name][place]:g}"
    u = expected.membrane[name][place]
    theirs = f"{found.membrane[name][place]:.9g}" if name in found.membrane else "not given"
    threshold = task.network.neuron.threshold
    return f"{told}; membrane potential {theirs}, reference {u:.9g}, threshold {threshold:g}"


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
