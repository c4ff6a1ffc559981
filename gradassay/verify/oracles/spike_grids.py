"""Noise on the spikes as a grid.

Noise on the last hidden layer reaches the outputs through linear maps: the integrand is smooth, and
a product of Gauss rules does. Noise on a layer below it flips spikes: where that layer has one
unit, the membrane potentials above are affine in its noise, and the line is cut where they cross
the threshold (at noise and at its negative, which the second of two passes carries).
"""

from __future__ import annotations

import math

import numpy as np

from gradassay.core.layers import Spiking
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise, NoiseModel
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.enumeration import MOST_SIGNS, Signs
from gradassay.verify.oracles.noise_grid import MOST_NODES, NoiseGrid, free_steps
from gradassay.verify.oracles.noise_rules import Rule, cell_rule, layer_rule, product_rule
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float

# nodes in each coordinate of the last layer: at least, and no more than; half of Laplace's lie on
# each side of the density's corner
SIZES = {"gaussian": (9, 27), "uniform": (8, 20), "laplace": (16, 36), "sphere": (8, 18)}
# the least number is for outputs that noise moves by this standard deviation, more in proportion
REACH = 0.3
# in all, unless the least number takes more
ENOUGH_NODES = 50_000
# where psi is not smooth, in units of its scale: k (u - V_th)
CORNERS = {"triangle": (0.0, 1.0, -1.0), "rectangle": (0.0, 0.5, -0.5)}
LONGEST_CELL = 3.0
CELL_NODES = 12


def spike_grid(problem: SmallProblem, model: NoiseModel, *, joint: bool) -> NoiseGrid | None:
    """Return the grid of one sample; None where it would need too many nodes.

    Parameters
    ----------
    problem : SmallProblem
        A batch of one sample.
    model : NoiseModel
        On the spikes.
    joint : bool
        Of all steps jointly. If not, all steps of the last hidden layer share their nodes: right
        for sums of what depends on that layer's noise at one step each.
    """
    network = problem.network
    if model.law == "rademacher":
        return sign_grid(problem, model)
    below, last = network.spiking[:-1], network.spiking[-1]
    if network.output in network.populations or len(below) > 1:
        return None
    first = _first_rule(problem, model, below[0]) if below else (np.zeros((1, 0)), np.ones(1))
    if first is None:
        return None
    draws = free_steps(network.steps, model.pairing) if joint else 1
    above = _last_rule(model, last, draws, len(first[1]), _reach(problem, model, last))
    if above is None:
        return None
    nodes, weights = product_rule([first, above])
    width = first[0].shape[1]
    values = {
        layer.name: _unfolded(nodes[:, :width], layer, network.steps, model) for layer in below
    }
    values[last.name] = _unfolded(nodes[:, width:], last, network.steps, model)
    return NoiseGrid(Noise(model.scale, values), weights)


def sign_grid(problem: SmallProblem, model: NoiseModel) -> NoiseGrid | None:
    """Return all combinations of signs; None if there are too many."""
    units = sum(layer.units for layer in problem.network.spiking)
    if free_steps(problem.network.steps, model.pairing) * units > MOST_SIGNS:
        return None
    signs = Signs(problem.network, "time" if model.pairing == "time" else "none")
    count = 2**signs.count
    noise = Noise(model.scale, signs.values(), model.position)
    return NoiseGrid(noise, np.full(count, 1 / count))


def _unfolded(nodes: Float, layer: Spiking, steps: int, model: NoiseModel) -> Float:
    """Return nodes (K, draws n) as noise (T, K, n), paired steps with opposite signs."""
    draws = nodes.reshape(len(nodes), -1, layer.units)
    values = np.empty((steps, len(nodes), layer.units))
    for step in range(steps):
        paired = model.pairing == "time"
        number = min(step // 2 if paired else step, draws.shape[1] - 1)
        values[step] = draws[:, number] * (-1 if paired and step % 2 else 1)
    return values


def _reach(problem: SmallProblem, model: NoiseModel, layer: Spiking) -> float:
    """Return the largest change of an output by one entry of noise of size 1."""
    values = np.zeros((problem.network.steps, layer.units + 1, layer.units))
    values[:, 1:] = np.eye(layer.units)
    trace = ReferenceBackend().forward(
        problem.network,
        problem.params,
        problem.batch.tiled(layer.units + 1),
        noise=Noise(model.scale, {layer.name: values}),
    )
    return float(np.abs(trace.outputs[:, 1:] - trace.outputs[:, :1]).max())


def _last_rule(
    model: NoiseModel, layer: Spiking, draws: int, below: int, reach: float
) -> Rule | None:
    """Return a rule for independent draws of the last layer's noise, for each of `below` nodes."""

    def count(size: int) -> int:
        one = 2 * size ** (layer.units - 1) if model.law == "sphere" else size**layer.units
        return int(below * one**draws)

    least, most = SIZES[model.law]
    least = 2 * math.ceil(least * max(1.0, reach / REACH) / 2)
    if count(least) > MOST_NODES:
        return None
    size = max([s for s in range(least, most + 1, 2) if count(s) <= ENOUGH_NODES], default=least)
    return product_rule([layer_rule(model.law, layer.units, size)] * draws)


def _first_rule(problem: SmallProblem, model: NoiseModel, layer: Spiking) -> Rule | None:
    """Return a rule for the noise of a layer of one unit below the last."""
    free = free_steps(problem.network.steps, model.pairing)
    if layer.units > 1:
        return None
    if model.law == "sphere":
        return product_rule([layer_rule("sphere", 1, 1)] * free)
    if free > 1:
        return None
    breaks, longest = _crossings(problem, model, layer)
    return cell_rule(model.law, breaks, longest, CELL_NODES)


def _crossings(problem: SmallProblem, model: NoiseModel, layer: Spiking) -> tuple[Float, float]:
    """Return the noise of one unit where a spike above flips or psi has a corner, and a length.

    Over that length psi of any unit above is resolved by the nodes of a cell.
    """
    neuron = problem.network.neuron
    start, end = np.concatenate(_membranes(problem, model, layer), axis=-1)
    slope, distance = end - start, neuron.threshold - start
    corners = np.array(CORNERS.get(neuron.surrogate.kind, (0.0,))) / neuron.surrogate.scale
    moving = slope != 0
    at = ((distance[moving, None] + corners) / slope[moving, None]).ravel()
    steepest = np.abs(slope).max() * neuron.surrogate.scale
    return np.concatenate([at, -at]), LONGEST_CELL / max(1.0, float(steepest))


def _membranes(problem: SmallProblem, model: NoiseModel, layer: Spiking) -> list[Float]:
    """Return the membrane potentials above at noise 0 and 1 of one unit's only draw, (2, n) each.

    Given the spikes of the steps before, they are affine in the noise: one for each step and
    history of spikes.
    """
    network, last = problem.network, problem.network.spiking[-1].name
    values = _unfolded(np.array([[0.0], [1.0]]), layer, network.steps, model)
    trace = ReferenceBackend().forward(
        network,
        problem.params,
        problem.batch.tiled(2),
        noise=Noise(model.scale, {layer.name: values}),
        record=frozenset({"membrane", "spikes"}),
    )
    membrane, spikes = trace.membrane[last], trace.spikes[last]
    found = here = [membrane[0]]
    for step in range(1, network.steps):
        current = membrane[step] - _left(network.neuron, membrane[step - 1], spikes[step - 1])
        here = [current + _left(network.neuron, one, spike) for one in here for spike in (0.0, 1.0)]
        found = found + here
    return found


def _left(neuron: Neuron, membrane: Float, spikes: Float | float) -> Float:
    """Return what is left of a membrane potential at the next step."""
    if neuron.reset == "hard":
        return neuron.leak * membrane * (1 - spikes)
    return neuron.leak * (membrane - (neuron.threshold * spikes if neuron.reset == "soft" else 0.0))
