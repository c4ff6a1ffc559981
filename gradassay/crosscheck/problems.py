"""Networks and inputs on which an implementation is compared with the reference."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron
from gradassay.core.params import Params
from gradassay.crosscheck.conventions import Float
from gradassay.crosscheck.implementation import Precision, Task

INPUTS, HIDDEN, CLASSES, SAMPLES = 20, (30, 30), 5, 16


@dataclass(frozen=True)
class Problem:
    """A task, and how far from the threshold rounding cannot be told from a spike.

    Parameters
    ----------
    name : str
        For people.
    task : Task
        What is run.
    exact : bool
        Whether all potentials are exact in float64, so that they can equal the threshold.
    """

    name: str
    task: Task
    exact: bool = False


def problems(
    seed: int, leaks: tuple[float, ...] = (0.5, 0.9), thresholds: tuple[float, ...] = (1.0, 2.0)
) -> tuple[Problem, ...]:
    """Return the problems.

    ============ =================================================================================
    random       weights and inputs drawn from densities, T = 8
    strong       the same with weights three times as large: potentials beyond twice the threshold
    long         T = 100
    dyadic       weights in multiples of 1/4, inputs of 1/2, leak 1/2: exact in float64, so that
                 potentials equal the threshold
    threshold    the random one at each further threshold, weights scaled with it
    float32      the random one, computed in float32
    ============ =================================================================================

    Parameters
    ----------
    seed : int
        Of everything drawn.
    leaks, thresholds : tuple of float
        Those that the implementation can have; the dyadic problem needs leak 1/2. At the first
        threshold unless said.
    """
    first, *others = thresholds
    found = []
    for leak in leaks:
        neuron = Neuron(leak=leak, threshold=first)
        found += [
            Problem(f"random, leak {leak:g}", _random(seed, neuron)),
            Problem(f"strong, leak {leak:g}", _random(seed, neuron, gain=3.0)),
            Problem(f"long, leak {leak:g}", _random(seed, neuron, steps=100)),
        ]
    neuron = Neuron(leak=leaks[0], threshold=first)
    if 0.5 in leaks:
        exact = msgspec.structs.replace(neuron, leak=0.5)
        found.append(Problem("dyadic, leak 0.5", _dyadic(seed, exact), exact=True))
    for threshold in others:
        higher = msgspec.structs.replace(neuron, threshold=threshold)
        found.append(Problem(f"threshold {threshold:g}, leak {leaks[0]:g}", _random(seed, higher)))
    single = _random(seed, neuron, precision="float32")
    return (*found, Problem(f"float32, leak {leaks[0]:g}", single))


def _network(neuron: Neuron, steps: int) -> Network:
    loss = Loss(mse_weight=0.125)
    return fully_connected(INPUTS, HIDDEN, CLASSES, steps=steps, neuron=neuron, loss=loss)


def _random(
    seed: int,
    neuron: Neuron,
    *,
    gain: float = 1.0,
    steps: int = 8,
    precision: Precision = "float64",
) -> Task:
    """Return a task with normal weights; their spread keeps activity alike over leaks."""
    network, leak = _network(neuron, steps), neuron.leak
    key = Key(seed) / "crosscheck" / f"{leak:g} {gain:g} {steps}"
    spread = neuron.threshold * gain * np.sqrt(2 * (1 - leak))
    params: dict[str, Float] = {}
    for name, shape in network.shapes.items():
        values = (key / name).generator().normal(size=shape)
        params[name] = values * spread * (1 / np.sqrt(shape[-1]) if len(shape) > 1 else 0.25)
    generator = (key / "batch").generator()
    inputs = generator.normal(0.5, 1.0, (steps, SAMPLES, INPUTS))
    targets = generator.integers(0, CLASSES, SAMPLES)
    if precision == "float32":
        params = {n: a.astype(np.float32).astype(np.float64) for n, a in params.items()}
        inputs = inputs.astype(np.float32).astype(np.float64)
    return Task(network, Params(params), inputs, targets, precision)


def _dyadic(seed: int, neuron: Neuron, steps: int = 8) -> Task:
    network, key = _network(neuron, steps), Key(seed) / "crosscheck dyadic"
    params = {
        name: (key / name).generator().integers(-2, 4, shape)
        * (neuron.threshold / 4)
        * ((key / name / "kept").generator().random(shape) < 0.25)
        for name, shape in network.shapes.items()
    }
    generator = (key / "batch").generator()
    inputs = generator.integers(0, 4, (steps, SAMPLES, INPUTS)) / 2.0
    return Task(network, Params(params), inputs, generator.integers(0, CLASSES, SAMPLES))
