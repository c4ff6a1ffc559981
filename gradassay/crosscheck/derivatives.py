"""An implementation's surrogate derivative, from its weight gradients alone.

One step of units with one input of 1 and weights w_i has the gradient ``e c psi(w_i - V)`` by w_i,
with c the readout's weights and e the error: so psi is read off anybody's weight gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradassay.core.builders import fully_connected
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.params import Params
from gradassay.crosscheck.implementation import Float, Implementation, Task
from gradassay.reference_snn.loss import losses_and_errors

# membrane potentials less the threshold, in units of the threshold
GRID = np.concatenate([np.linspace(-8, 8, 1601), [-100.0, -30.0, 30.0, 100.0]])


@dataclass(frozen=True)
class Derivative:
    """A surrogate derivative on a grid.

    Parameters
    ----------
    x : array, shape (n,)
        Membrane potential less the threshold.
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
        """Integral over the part of the grid that is evenly spaced, NaN left out."""
        inner = np.abs(self.x) <= 8.0 * self._unit
        return float(np.trapezoid(np.nan_to_num(self.values[inner]), self.x[inner]))

    @property
    def asymmetry(self) -> float:
        """Largest ``|psi(x) - psi(-x)|`` over the largest psi."""
        inner = self.values[: len(self.x) - 4]
        largest = float(np.nanmax(np.abs(inner))) or 1.0
        return float(np.nanmax(np.abs(inner - inner[::-1]))) / largest

    @property
    def not_finite(self) -> Float:
        """The x at which psi is not finite."""
        return self.x[~np.isfinite(self.values)]

    @property
    def _unit(self) -> float:
        return float(np.abs(self.x).max()) / 100.0


def surrogate_derivative(
    implementation: Implementation, neuron: Neuron, *, input_gain: float = 1.0
) -> Derivative:
    """Return psi on the grid, from the weight gradient of one step.

    Parameters
    ----------
    implementation : Implementation
        With a gradient through time.
    neuron : Neuron
        Leak, threshold and surrogate asked for.
    input_gain : float
        Factor on its input currents.
    """
    x = GRID * neuron.threshold
    weights = (x + neuron.threshold)[:, None] / input_gain
    network = fully_connected(1, (len(x),), 2, bias=False, steps=1, neuron=neuron)
    down = np.array([[1.0], [-1.0]]) * np.full(len(x), 1 / len(x))
    values = _gradient(implementation, network, weights, down, np.ones((1, 1, 1)))
    return Derivative(x, values / input_gain)


def _gradient(
    implementation: Implementation, network: Network, weights: Float, down: Float, inputs: Float
) -> Float:
    """Return the gradient by the first weights, over that by the spikes of the first step."""
    params = Params({"hidden1.weight": weights, "readout.weight": down})
    task = Task(network, params, inputs, np.zeros(1, dtype=np.int64), differentiated="through_time")
    answer = implementation.run(task)
    outputs = answer.spikes["lif1"] @ down.T if answer.outputs is None else answer.outputs
    _, errors = losses_and_errors(network.loss, outputs, task.targets, network.steps)
    slope = errors[0, 0] @ down
    found: Float = np.asarray(answer.gradient["hidden1.weight"])[:, 0] / slope
    return found
