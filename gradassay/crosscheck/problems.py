"""Networks and inputs on which an implementation is compared with the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron
from gradassay.core.params import Params
from gradassay.crosscheck.implementation import Float, Precision, Task

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


def problems(seed: int, leaks: tuple[float, ...] = (0.5, 0.9)) -> tuple[Problem, ...]:
    """Return the problems.

    ============ =================================================================================
    random       weights and inputs drawn from densities, T = 8
    strong       the same with weights three times as large: potentials beyond twice the threshold
    long         T = 100
    dyadic       weights in multiples of 1/4, inputs of 1/2, leak 1/2: exact in float64, so that
                 potentials equal the threshold
    float32      the random one, computed in float32
    ============ =================================================================================

    Parameters
    ----------
    seed : int
        Of everything drawn.
    leaks : tuple of float
        Those that the implementation can have; the dyadic problem needs 1/2.
    """
    found = []
    for leak in leaks:
        found += [
            Problem(f"random, leak {leak:g}", _random(seed, leak)),
            Problem(f"strong, leak {leak:g}", _random(seed, leak, gain=3.0)),
            Problem(f"long, leak {leak:g}", _random(seed, leak, steps=100)),
        ]
    if 0.5 in leaks:
        found.append(Problem("dyadic, leak 0.5", _dyadic(seed), exact=True))
    found.append(
        Problem(f"float32, leak {leaks[0]:g}", _random(seed, leaks[0], precision="float32"))
    )
    return tuple(found)


def _network(leak: float, steps: int) -> Network:
    neuron, loss = Neuron(leak=leak), Loss(mse_weight=0.125)
    return fully_connected(INPUTS, HIDDEN, CLASSES, steps=steps, neuron=neuron, loss=loss)


def _random(
    seed: int, leak: float, *, gain: float = 1.0, steps: int = 8, precision: Precision = "float64"
) -> Task:
    """Return a task with normal weights; their spread keeps activity alike over leaks."""
    network, key = _network(leak, steps), Key(seed) / "crosscheck" / f"{leak:g} {gain:g} {steps}"
    spread = gain * np.sqrt(2 * (1 - leak))
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


def _dyadic(seed: int, steps: int = 8) -> Task:
    network, key = _network(0.5, steps), Key(seed) / "crosscheck dyadic"
    params = {
        name: (key / name).generator().integers(-2, 4, shape)
        / 4.0
        * ((key / name / "kept").generator().random(shape) < 0.25)
        for name, shape in network.shapes.items()
    }
    generator = (key / "batch").generator()
    inputs = generator.integers(0, 4, (steps, SAMPLES, INPUTS)) / 2.0
    return Task(network, Params(params), inputs, generator.integers(0, CLASSES, SAMPLES))
