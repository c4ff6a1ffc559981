"""How the cost of feedback grows with units, outputs and layers: counted, in closed form, fitted.

For N hidden layers of n units and m outputs, of one sample and step, the products that make the
signals are

    spatial backpropagation    (N - 1) n^2 + m n
    direct feedback            N n m

(Xiao et al., arXiv 2407.12516), and memory for feedback weights is none or N n m. What is counted
here is what NumPy multiplies (`TallyingBackend`), less forward passes and weight gradients.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.curves import CostPoint
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.params import Params, initial_params
from gradassay.cost.connections import connections
from gradassay.cost.measure import Counted, count
from gradassay.cost.tally import TallyingBackend

Variable = Literal["n", "m", "N"]
INPUTS, STEPS, VALUE_BYTES = 16, 2, 4
# no layer is silent, so that all that is learnt changes
SMOOTH = Neuron(smooth=True)


@dataclass(frozen=True)
class Sweep:
    """Dense networks in which one size changes.

    Parameters
    ----------
    variable : {"n", "m", "N"}
        Units of a hidden layer, outputs, or hidden layers.
    values : tuple of int
        Its values, ascending.
    units, outputs, layers : int
        Of the others; that of the variable does not count.
    """

    variable: Variable
    values: tuple[int, ...]
    units: int = 16
    outputs: int = 8
    layers: int = 3

    def sizes(self, at: int) -> tuple[int, int, int]:
        """Return n, m and N at a value of the variable."""
        sizes = {"n": self.units, "m": self.outputs, "N": self.layers} | {self.variable: at}
        return sizes["n"], sizes["m"], sizes["N"]

    def network(self, at: int, steps: int = STEPS, neuron: Neuron = SMOOTH) -> Network:
        """Return the network at a value of the variable."""
        units, outputs, layers = self.sizes(at)
        hidden = [units] * layers
        return fully_connected(INPUTS, hidden, outputs, steps=steps, neuron=neuron)

    @property
    def family(self) -> str:
        """What its networks have in common, for people.

        Examples
        --------
        >>> Sweep("m", (8, 16)).family
        'dense, 3 hidden layers of 16 units, m outputs'
        """
        shown = {"n": str(self.units), "m": str(self.outputs), "N": str(self.layers)}
        shown[self.variable] = self.variable
        return f"dense, {shown['N']} hidden layers of {shown['n']} units, {shown['m']} outputs"


SWEEPS = (
    Sweep("n", (16, 32, 64, 128, 256, 512)),
    Sweep("m", (16, 64, 256, 1024, 4096)),
    Sweep("N", (2, 4, 8, 16, 32, 64)),
)


def feedback_points(
    estimators: Mapping[str, Estimator],
    backend: Backend,
    key: Key,
    sweeps: Sequence[Sweep],
) -> list[CostPoint]:
    """Return operations and weights of the feedback at each size, counted and in closed form.

    Parameters
    ----------
    estimators : mapping from subject to Estimator
        What to cost.
    backend : Backend
        One on NumPy.
    key : Key
        Randomness of weights, input, states and noise.
    sweeps : sequence of Sweep
        Sizes.

    Returns
    -------
    list of CostPoint
        ``feedback_operations``, products of one sample and step that make the signals, whether sent
        down layer by layer, up as tangents or directly, and that learn feedback weights;
        ``feedback_weight_bytes``, at 4 bytes a number.
    """
    points = []
    for sweep in sweeps:
        for at in sweep.values:
            network = sweep.network(at)
            for subject, estimator in estimators.items():
                found = _at(estimator, backend, network, key / sweep.variable / at / subject)
                curve = (subject, sweep.family, sweep.variable, at)
                points += [
                    CostPoint(*curve, name, source, value, value, value, unit)
                    for name, source, value, unit in found
                ]
    return points


def _at(
    estimator: Estimator, backend: Backend, network: Network, key: Key
) -> Iterator[tuple[str, str, float, str]]:
    """Yield quantity, source, value and unit at one size."""
    counted = count(estimator, backend, network, *sample(backend, network, key), key)
    cost, steps = counted.cost, network.steps
    made = cost.backward_macs + cost.tangent_macs + cost.feedback_macs + cost.feedback_update_macs
    multiplied, stored = _multiplied(estimator, backend, network, counted, key)
    yield "feedback_operations", "counted", multiplied / steps, "operations"
    yield "feedback_operations", "closed form", made / steps, "operations"
    yield "feedback_weight_bytes", "counted", VALUE_BYTES * stored, "bytes"
    yield "feedback_weight_bytes", "closed form", cost.feedback_weight_bytes, "bytes"


def sample(backend: Backend, network: Network, key: Key, size: int = 1) -> tuple[Params, Batch]:
    """Return parameters and a random batch for a network, arrays of the backend."""
    params = initial_params(network, key / "params", gain=2.0).map(backend.asarray)
    generator = (key / "batch").generator()
    inputs = backend.asarray(generator.uniform(0, 2, (size, network.inputs)))
    targets = backend.asarray(generator.integers(0, network.classes, size))
    return params, Batch(inputs, targets)


def _multiplied(
    estimator: Estimator, backend: Backend, network: Network, counted: Counted, key: Key
) -> tuple[float, float]:
    """Return what NumPy multiplies besides passes and weight gradients; numbers of matrices."""
    tallying = TallyingBackend(backend)
    params, batch = sample(tallying, network, key)
    state = estimator.init(tallying, network, key / "state")
    stored = sum(math.prod(array.shape) for array in state.values() if len(array.shape) > 1)
    tallying.tally.macs = 0
    estimator.estimate(tallying, network, params, batch, state, key / "counted")
    dense = network.steps * sum(connections(layer) for layer in network.weighted)
    passes = counted.cost.forward_passes * dense
    return tallying.tally.macs - passes - counted.cost.update_macs, stored


def fitted_exponent(at: Sequence[float], values: Sequence[float]) -> float:
    """Return the exponent of growth: the least-squares slope of logarithms, over the larger half.

    Parameters
    ----------
    at, values : sequence of float
        Sizes, ascending, and costs.

    Returns
    -------
    float
        NaN where a cost is 0, which does not grow, or there is a single size.

    Examples
    --------
    >>> round(fitted_exponent([1, 2, 4, 8], [3, 12, 48, 192]), 12)
    2.0
    """
    half = max(0, min(len(at) // 2, len(at) - 2))
    if len(at) < 2 or min(values[half:]) <= 0:
        return math.nan
    slope = np.polyfit(np.log(at[half:]), np.log(values[half:]), 1)[0]
    return float(slope)


def exponent_points(points: Sequence[CostPoint]) -> list[CostPoint]:
    """Return the fitted exponents of what was counted, where it is not 0; at the largest size."""
    curves: dict[tuple[str, str, str, str], list[CostPoint]] = {}
    for point in points:
        if point.source == "counted":
            curve = (point.subject, point.family, point.variable, point.quantity)
            curves.setdefault(curve, []).append(point)
    fitted = []
    for (subject, family, variable, quantity), own in curves.items():
        slope = fitted_exponent([p.at for p in own], [p.value for p in own])
        name, last = f"{quantity}_exponent", own[-1].at
        if not math.isnan(slope):
            fitted.append(
                CostPoint(subject, family, variable, last, name, "fitted", slope, slope, slope, "1")
            )
    return fitted
