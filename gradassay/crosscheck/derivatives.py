"""Surrogate derivative and gradient through the reset, from weight gradients alone.

One step of units with one input of 1 and weights w_i has the gradient ``e c psi(w_i - V)`` by w_i,
with c the readout's weights and e the error: so psi is read off anybody's weight gradients. Two
steps of one unit tell whether the gradient goes through the reset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from gradassay.core.builders import fully_connected
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.params import Params
from gradassay.crosscheck.conventions import Conventions, Float
from gradassay.crosscheck.implementation import Implementation, Task
from gradassay.reference_snn.loss import losses_and_errors

# membrane potentials less the threshold, in units of the threshold
EVENLY_SPACED = 1601
GRID = np.concatenate([np.linspace(-8, 8, EVENLY_SPACED), [-100.0, -30.0, 30.0, 100.0]])

# of the threshold: potentials of two steps, near it on both sides, so that psi is not small
NEAR = (0.95, 1.05)
SAME = 1e-5
# largest asymmetry, relative, of a derivative that is symmetric: rounding in single precision
SYMMETRIC = 1e-6


@dataclass(frozen=True)
class Derivative:
    """A surrogate derivative on a grid.

    Parameters
    ----------
    x : array, shape (n,)
        Membrane potential less the threshold: `GRID` times the threshold.
    values : array, shape (n,)
        psi there; NaN where it is.
    """

    x: Float
    values: Float

    @property
    def at_threshold(self) -> float:
        """psi(0)."""
        return float(self.values[int(np.abs(self.x).argmin())])

    @property
    def integral(self) -> float:
        """Integral over the evenly spaced part of the grid, NaN left out."""
        inner = slice(EVENLY_SPACED)
        return float(np.trapezoid(np.nan_to_num(self.values[inner]), self.x[inner]))

    @property
    def asymmetry(self) -> float:
        """Largest ``|psi(x) - psi(-x)|`` over the largest psi, on the evenly spaced part."""
        inner = self.values[:EVENLY_SPACED]
        largest = float(np.nanmax(np.abs(inner))) or 1.0
        return float(np.nanmax(np.abs(inner - inner[::-1]))) / largest

    @property
    def not_finite(self) -> Float:
        """The x at which psi is not finite."""
        return self.x[~np.isfinite(self.values)]


def surrogate_derivative(
    implementation: Implementation,
    neuron: Neuron,
    *,
    input_gain: float = 1.0,
    drift: float = 0.0,
) -> Derivative:
    """Return psi on the grid, from the weight gradient of one step.

    Parameters
    ----------
    implementation : Implementation
        With a gradient through time.
    neuron : Neuron
        Leak, threshold and surrogate asked for.
    input_gain, drift : float
        Factor on its input currents, and the potential after a step without any.
    """
    x = GRID * neuron.threshold
    u = x + neuron.threshold - drift
    return Derivative(x, _psi_at(implementation, neuron, u, input_gain))


def gradient_through_reset(
    implementation: Implementation,
    neuron: Neuron,
    conventions: Conventions,
    *,
    leak: float,
    input_gain: float = 1.0,
    reset_value: float = 0.0,
) -> Literal["kept", "cut", "neither"]:
    """Return whether the gradient through time goes through the reset.

    One unit, two steps, with potentials just below and just above the threshold. With D the
    derivative of the second potential by the weight, its gradient is
    ``c (e[1] psi(u[1]) x[1] + e[2] psi(u[2]) D)``; D has the reset's term ``psi(u[1])``, or not.

    Parameters
    ----------
    implementation : Implementation
        With a gradient through time.
    neuron : Neuron
        Asked for.
    conventions : Conventions
        Its reset.
    leak, input_gain, reset_value : float
        Its leak, its factor on input currents, and what its hard reset sets.
    """
    below, above = (share * neuron.threshold for share in NEAR)
    currents = np.array([below, above - leak * below])
    psi = _psi_at(implementation, neuron, np.array([below, above]), input_gain)
    network = fully_connected(1, (1,), 2, bias=False, steps=2, neuron=neuron)
    down = np.array([[1.0], [-1.0]])
    inputs = (currents / input_gain)[:, None, None]
    gradient, errors = _gradient(implementation, network, np.ones((1, 1)), down, inputs)
    first, second = (float(slope) for slope in errors @ down[:, 0])
    if not (psi[1] and np.isfinite(psi).all()):
        return "neither"
    found = (float(gradient[0]) - first * psi[0] * currents[0]) / (second * psi[1])
    taken = _taken(conventions, neuron.threshold, currents, leak, reset_value)
    cut = leak * currents[0] + currents[1]
    kept = cut - taken * psi[0] * currents[0]
    for told, expected in (("kept", kept), ("cut", cut)):
        if abs(found - expected) <= SAME * max(abs(cut), abs(kept)):
            return cast("Literal['kept', 'cut']", told)
    return "neither"


def _taken(
    conventions: Conventions, threshold: float, currents: Float, leak: float, reset_value: float
) -> float:
    """Return by how much a spike at the first step would lower the second potential."""
    first, second = (float(x) for x in currents)
    decayed = conventions.reset_before == "leak"
    if conventions.reset == "none" or conventions.lag:
        return 0.0
    if conventions.reset == "soft":
        return threshold * (leak if decayed else 1.0)
    return leak * (first - reset_value) if decayed else leak * first + second - reset_value


def _psi_at(implementation: Implementation, neuron: Neuron, u: Float, input_gain: float) -> Float:
    """Return psi at membrane potentials u, shape (n,)."""
    network = fully_connected(1, (len(u),), 2, bias=False, steps=1, neuron=neuron)
    down = np.array([[1.0], [-1.0]]) * np.full(len(u), 1 / len(u))
    weights, inputs = u[:, None] / input_gain, np.ones((1, 1, 1))
    gradient, errors = _gradient(implementation, network, weights, down, inputs)
    values: Float = gradient / (errors[0] @ down) / input_gain
    return values


def _gradient(
    implementation: Implementation, network: Network, weights: Float, down: Float, inputs: Float
) -> tuple[Float, Float]:
    """Return the gradient by the first weights, (n,), and the errors of one sample, (T, m)."""
    params = Params({"hidden1.weight": weights, "readout.weight": down})
    task = Task(network, params, inputs, np.zeros(1, dtype=np.int64), differentiated="through_time")
    answer = implementation.run(task)
    outputs = answer.spikes["lif1"] @ down.T if answer.outputs is None else answer.outputs
    _, errors = losses_and_errors(network.loss, outputs, task.targets, network.steps)
    return np.asarray(answer.gradient["hidden1.weight"])[:, 0], errors[:, 0]
