"""The mean of an estimator's own equations over its noise: by a sum over signs or a Gauss rule."""

from __future__ import annotations

import math

import numpy as np

from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.params import Params
from gradassay.verify.checks.laws.closed_variance import BACKEND
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.noise_grid import free_steps
from gradassay.verify.oracles.noise_rules import layer_rule, product_rule
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float

# nodes in each coordinate: exact to the sixth order in alpha; Laplace's in two halves of four
NODES = {"laplace": 8}
FEWEST_NODES = 5


def mean_over_noise(estimator: Estimator, problem: SmallProblem) -> tuple[Params, int]:
    """Return the mean of an estimate over its noise, for a batch of one, and the number of nodes.

    Parameters
    ----------
    estimator : Estimator
        It is given the nodes as noise; its state is a new one.
    problem : SmallProblem
        Smooth neurons, few entries of noise.
    """
    model, network = noise_model(estimator), problem.network
    noise, weights = noise_rule(model, problem)
    state = estimator.init(BACKEND, network, Key(0))
    estimate = estimator.estimate(
        BACKEND,
        network,
        problem.params,
        problem.batch,
        state,
        Key(0),
        replicates=range(len(weights)),
        noise=noise,
    )
    mean = estimate.gradient.map(lambda array: np.tensordot(weights, np.asarray(array), 1))
    return mean, len(weights)


def noise_rule(model: NoiseModel, problem: SmallProblem) -> tuple[Noise, Float]:
    """Return nodes as the noise of replicates, and their weights.

    Parameters
    ----------
    model : NoiseModel
        Of any position; with pairs over time the second step of a pair carries the negative.
    problem : SmallProblem
        One sample.
    """
    network, size = problem.network, NODES.get(model.law, FEWEST_NODES)
    if model.position == "weights":
        shapes = network.shapes
        entries = sum(math.prod(shape) for shape in shapes.values())
        nodes, weights = product_rule([layer_rule(model.law, 1, size)] * entries)
        return Noise(model.scale, _split(nodes, shapes), model.position), weights
    paired = model.pairing == "time"
    free = free_steps(network.steps, model.pairing)
    rules = [layer_rule(model.law, layer.units, size) for layer in network.spiking]
    nodes, weights = product_rule([rule for rule in rules for _ in range(free)])
    shapes = {layer.name: (free, layer.units) for layer in network.spiking}
    values: dict[str, Float] = {}
    for name, z in _split(nodes, shapes).items():
        drawn = z.transpose(1, 0, 2)
        both = np.stack([drawn, -drawn], axis=1).reshape(-1, *drawn.shape[1:])
        values[name] = both[: network.steps] if paired else drawn
    return Noise(model.scale, values, model.position), weights


def _split(nodes: Float, shapes: dict[str, tuple[int, ...]]) -> dict[str, Float]:
    """Return the columns of nodes (K, entries) as arrays (K, *shape) by name."""
    values, start = dict[str, Float](), 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        values[name] = nodes[:, start:stop].reshape(-1, *shape)
        start = stop
    return values
