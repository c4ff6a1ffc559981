"""Problems on which the closed forms of `gradassay.verify.oracles.closed_forms` hold exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron, Reset, Surrogate
from gradassay.core.noise import Noise
from gradassay.core.params import Params, initial_params
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.small_problems import (
    MOST_DRAWS,
    SmallProblem,
    dyadic_problem,
)

INPUTS = 3
# psi is this constant where |u - V_th| < 4
CONSTANT_SLOPE = 1 / 8
# of a difference that stands for a derivative; of an output along the mean error, over the gradient
CLOSE, LARGEST_OFFSET = 1e-4, 0.3
# of the covariance of Jacobian and error over the gradient
SMALLEST_COVARIANCE, LARGEST_COVARIANCE = 0.2, 0.5
SMOOTH = Neuron(smooth=True, surrogate=Surrogate("gaussian", 1.0))


@dataclass(frozen=True)
class Size:
    """Size of a problem with one hidden layer.

    Parameters
    ----------
    units, classes, samples, steps : int
        d, m, B, T.
    over : {"step", "sequence"}
        Loss of the step or of the sequence.
    smooth : bool
        Neurons whose output is their membrane potential, up to a factor and an offset.
    """

    units: int = 6
    classes: int = 3
    samples: int = 2
    steps: int = 2
    over: Literal["step", "sequence"] = "step"
    smooth: bool = False


def law_problem(size: Size, seed: int) -> SmallProblem:
    """Return one hidden layer, a readout without memory and the mean squared error.

    The outputs are linear, and the loss is quadratic, in noise on the spikes. psi is 1/8 wherever
    membrane potentials get, and the leak is 0, so that the gradient by ``hidden1.bias`` is the mean
    over samples, and the sum over steps, of the signals, over 8: under every local rule.

    The readout's bias puts the mean output at 0, so that offsets of outputs and losses are neither
    negligible nor all that there is.

    Parameters
    ----------
    size : Size
    seed : int
        Of weights and data.
    """
    neuron = Neuron(0.0, surrogate=Surrogate("rectangle", CONSTANT_SLOPE), smooth=size.smooth)
    network = fully_connected(
        INPUTS,
        (size.units,),
        size.classes,
        steps=size.steps,
        neuron=neuron,
        loss=Loss(mse_weight=1.0, over=size.over),
    )
    key = Key(seed) / "law" / network.digest / size.samples
    generator = (key / "batch").generator()
    batch = Batch(
        generator.uniform(-1, 1, (size.steps, size.samples, INPUTS)),
        generator.integers(0, size.classes, size.samples),
    )
    params = {**initial_params(network, key, gain=1.5)}
    params["hidden1.bias"] = np.full(size.units, neuron.threshold)
    told = f"m={size.classes}, B={size.samples}, T={size.steps}"
    name = f"fc-{size.units}, {told}, MSE" + (", smooth neurons" if size.smooth else "")
    centred = _centred(network, Params(params), batch)
    return SmallProblem(name, network, centred, batch)


def _centred(network: Network, params: Params, batch: Batch) -> Params:
    """Return the parameters with the readout's bias moved."""
    outputs = ReferenceBackend().forward(network, params, batch).outputs
    return Params({**params, "readout.bias": params["readout.bias"] - outputs.mean(axis=(0, 1))})


def smooth_problem(
    hidden: Sequence[int],
    *,
    steps: int,
    seed: int,
    samples: int = 1,
    inputs: int = 3,
    classes: int = 3,
    bias: bool = True,
    reset: Reset = "soft",
) -> SmallProblem:
    """Return a network of neurons with a smooth output, under a loss that is mostly cross-entropy.

    Parameters
    ----------
    hidden, steps, seed, samples, inputs, classes, bias, reset
        As in `gradassay.verify.oracles.small_problems.dyadic_problem`; weights are half of its.
    """
    problem = dyadic_problem(
        hidden,
        steps=steps,
        seed=seed,
        samples=samples,
        inputs=inputs,
        classes=classes,
        bias=bias,
        neuron=Neuron(reset=reset),
        loss=Loss(0.125),
    )
    neuron = Neuron(reset=reset, smooth=True, surrogate=SMOOTH.surrogate)
    return SmallProblem(
        f"{problem.name}, smooth neurons",
        problem.network.replace(neuron=neuron),
        problem.params.map(lambda w: w / 2),
        problem.batch,
    )


def drawn_problem(key: Key) -> SmallProblem:
    """Return two layers of smooth neurons and two steps, parameters and batch from a key."""
    network = fully_connected(3, (4, 3), 3, steps=2, neuron=SMOOTH, loss=Loss(mse_weight=0.125))
    generator = (key / "batch").generator()
    batch = Batch(generator.uniform(-1, 1, (2, 3)), generator.integers(0, 3, 2))
    params = initial_params(network, key, gain=2.0)
    return SmallProblem("fc-4-3, T=2, smooth neurons, drawn anew", network, params, batch)


def varying_problem(seed: int) -> SmallProblem:
    """Return two layers of smooth neurons and one step, whose Jacobians and errors vary over data.

    The Jacobian of the outputs by the first layer's activity has the slopes of the second in it.
    Drawn anew until the covariance of Jacobian and error is a fifth to a half of the mean gradient,
    and the outputs are nearly orthogonal to the mean error: else the variance of momentum feedback
    at small noise is hundreds of times the gradient.
    """
    key = Key(seed) / "varying"
    problems = (_varying(key / number) for number in range(MOST_DRAWS))
    return next(filter(_suitable, problems), _varying(key / 0))


def _varying(key: Key) -> SmallProblem:
    network = fully_connected(3, (2, 2), 3, steps=1, neuron=SMOOTH, loss=Loss(mse_weight=0.125))
    generator = (key / "batch").generator()
    batch = Batch(generator.uniform(-2, 2, (6, 3)), generator.integers(0, 3, 6))
    params = _centred(network, initial_params(network, key, gain=3.0), batch)
    return SmallProblem("fc-2-2, m=3, B=6, T=1, smooth neurons", network, params, batch)


def _suitable(problem: SmallProblem) -> bool:
    """Whether both numbers are as `varying_problem` says, at clean activity."""
    layer, batch = problem.network.spiking[0], problem.batch
    trace = ReferenceBackend().forward(problem.network, problem.params, batch)
    errors, outputs = trace.errors[0], trace.outputs[0]
    columns = []
    for unit in np.eye(layer.units):
        noise = Noise(CLOSE, {layer.name: np.tile(unit, (1, batch.size, 1))})
        moved = ReferenceBackend().forward(problem.network, problem.params, batch, noise=noise)
        columns.append((moved.outputs[0] - outputs) / CLOSE)
    signals = np.stack([(column * errors).sum(axis=1) for column in columns], axis=1)
    mean = errors.mean(axis=0)
    split = np.array([column.mean(axis=0) @ mean for column in columns])
    gradient = signals.mean(axis=0)
    norm = float(np.linalg.norm(gradient))
    share = float(np.linalg.norm(gradient - split)) / norm
    offset = float(np.sqrt(((outputs @ mean) ** 2).mean())) / norm
    in_range = SMALLEST_COVARIANCE <= share <= LARGEST_COVARIANCE
    return in_range and offset <= LARGEST_OFFSET
