"""Leak, factor on the input and comparison, from the smallest current that makes a neuron spike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradassay.core.builders import fully_connected
from gradassay.core.neuron import Neuron
from gradassay.core.params import Params
from gradassay.crosscheck.conventions import Comparison, Float
from gradassay.crosscheck.implementation import Implementation, Task

# of the threshold: a current that makes any neuron spike, and one that makes none
HIGHEST, QUIET = 64.0, 0.5
TRIED = 66


def neuron_task(currents: Float, neuron: Neuron) -> Task:
    """Return a task of one neuron a sample, whose input current is given.

    Parameters
    ----------
    currents : array, shape (T, B)
        Of each step and sample.
    neuron : Neuron
        What the implementation is asked to have.
    """
    network = fully_connected(1, (1,), 2, bias=False, steps=len(currents), neuron=neuron)
    params = {"hidden1.weight": np.ones((1, 1)), "readout.weight": np.array([[1.0], [-1.0]])}
    targets = np.zeros(currents.shape[1], dtype=np.int64)
    return Task(network, Params(params), currents[..., None], targets)


def firing_current(
    implementation: Implementation, neuron: Neuron, before: Sequence[float] = ()
) -> tuple[float, float] | None:
    """Return two neighbouring currents, of which the higher alone makes a spike at the last step.

    Parameters
    ----------
    implementation : Implementation
        Run about ten times.
    neuron : Neuron
        Asked for.
    before : sequence of float
        Currents of the steps before, under which it is silent.

    Returns
    -------
    silent, firing : float
        None where there are no such currents from 0 up to 64 thresholds.
    """
    low, high = 0.0, HIGHEST * neuron.threshold
    while True:
        last = np.unique(np.linspace(low, high, TRIED))
        lead = np.broadcast_to(np.asarray(before)[:, None], (len(before), len(last)))
        answer = implementation.run(neuron_task(np.concatenate([lead, last[None]]), neuron))
        spikes = answer.spikes["lif1"][..., 0] > 0
        first = int(spikes[-1].argmax())
        if not first or spikes[:-1].any():
            return None
        if (low, high) == (last[first - 1], last[first]):
            return low, high
        low, high = float(last[first - 1]), float(last[first])


def leak_and_gain_from_spikes(
    implementation: Implementation, neuron: Neuron
) -> tuple[float, float] | None:
    """Return leak and factor on the input without any potentials.

    With the smallest current x that fires at once, the factor is V / x. After a silent current y,
    the smallest one that fires is x - leak y.

    Parameters
    ----------
    implementation, neuron
        As in `firing_current`.
    """
    at_once = firing_current(implementation, neuron)
    if at_once is None:
        return None
    silent = QUIET * at_once[1]
    later = firing_current(implementation, neuron, (silent,))
    if later is None:
        return None
    return (at_once[1] - later[1]) / silent, neuron.threshold / at_once[1]


def comparison_at_threshold(implementation: Implementation, neuron: Neuron) -> Comparison | None:
    """Return the comparison, from the potentials of one step on both sides of the first spike.

    A potential of exactly V is on one of them unless rounding leaves it out, or a hard reset hides
    it; then, and without potentials, None is returned.

    Parameters
    ----------
    implementation, neuron
        As in `firing_current`.
    """
    found = firing_current(implementation, neuron)
    if found is None:
        return None
    currents = np.array([[*found, 1.5 * found[1]]])
    membrane = implementation.run(neuron_task(currents, neuron)).membrane.get("lif1")
    if membrane is None:
        return None
    silent, fired, beyond = (float(u) for u in membrane[0, :, 0])
    if silent == neuron.threshold:
        return ">"
    at_threshold = (neuron.threshold, 0.0) if beyond else (neuron.threshold,)
    return ">=" if fired in at_threshold else None
