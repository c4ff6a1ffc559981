"""Small problems of several samples on which means under any noise law can be computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.builders import convolutional, fully_connected
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Loss
from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.estimators.forward_gradient import ForwardGradient
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.enumeration import enumerate_estimator
from gradassay.verify.oracles.small_problems import (
    SmallProblem,
    dyadic,
    dyadic_problem,
    lively,
    samples_of,
    seeds_in_turn,
)

# of all estimates together, relative to a layer's squared gradient
LARGEST_VARIANCE = 7
# of the distance between two neighbours on the grid of dyadic weights
SHIFT = 1 / 4
# of the noise that has to flip spikes: the zoo's default, at one standard deviation
NOISE_SCALE = 0.2


def sampled_problems(seed: int) -> tuple[SmallProblem, ...]:
    """Return the problems; every method of the zoo has an oracle on one of them.

    ================ ============================================================================
    problem          what it is for
    ================ ============================================================================
    fc-3, T=2        noise on the last hidden layer, where it is smooth; all laws
    fc-2, T=2        the same under a loss of the sequence
    fc-1-2, T=1      noise below a layer flips its spikes; all laws
    fc-4-3, T=1      depth, by enumeration of signs
    fc-2-2, T=2      depth and time, by enumeration of signs; another neuron, sequences
    1C3-FC, T=2      a convolution; all laws
    one weight, T=2  noise on three weights
    fc-1-2, T=2      noise below a layer, paired over time; all laws
    ================ ============================================================================

    Weights lie beside the multiples of 1/4 of `small_problems`, so that no draw of signs puts a
    membrane potential within rounding of the threshold, where two backends may differ. They are
    drawn until estimates vary little, relative to the gradient of each hidden layer: where the
    contributions of samples, units and steps cancel, a sampled check takes millions of draws.
    """
    small = convolutional((1, 2, 2), "1C3-FC", 3, standardised=False, steps=2)
    sequence = Loss(0.25, "sequence")
    return (
        _drawn(lambda s: dyadic_problem((3,), steps=2, seed=s), seed),
        _drawn(lambda s: dyadic_problem((2,), steps=2, seed=s, loss=sequence), seed),
        flipping_problem(seed),
        _drawn(lambda s: dyadic_problem((4, 3), steps=1, seed=s, samples=3), seed),
        _drawn(_slow_problem, seed),
        _drawn(lambda s: dyadic("1C3-FC, T=2", small, s, samples=3), seed),
        one_weight_problem(1.2),
        flipping_problem(seed, steps=2),
    )


def _slow_problem(seed: int) -> SmallProblem:
    """Return two layers of neurons that leak little, with sequences for inputs."""
    neuron = Neuron(0.75, 1.5, surrogate=Surrogate("arctan", 2.0))
    return dyadic_problem((2, 2), steps=2, seed=seed, samples=3, neuron=neuron, sequence=True)


def _drawn(make: Callable[[int], SmallProblem], seed: int) -> SmallProblem:
    """Return the first steady one of the problems of a seed, off the grid."""
    return _first_steady(off_the_grid(make(s), s) for s in seeds_in_turn(seed))


def _first_steady(problems: Iterator[SmallProblem]) -> SmallProblem:
    """Return the first on which estimates vary little; the very first if there is none."""
    first = next(problems)
    return first if _steady(first) else next(filter(_steady, problems), first)


def flipping_problem(seed: int, steps: int = 1) -> SmallProblem:
    """Return one unit below two, where noise on the one flips a spike above.

    With several steps the targets are of several classes too.
    """
    drawn = (
        off_the_grid(dyadic_problem((1, 2), steps=steps, seed=s, samples=3), s)
        for s in seeds_in_turn(seed)
    )
    varied = (p for p in drawn if steps == 1 or len(set(p.batch.targets.tolist())) > 1)
    return _first_steady(filter(_flips, varied))


def one_weight_problem(weight: float = 1.005) -> SmallProblem:
    """Return a problem with one weight before one hidden unit and two after it, no biases.

    Parameters
    ----------
    weight : float
        The first. At 1.005 one sample's membrane potential lies nearly at the threshold, and small
        noise flips its spike: a rare, large draw. At 1.2 none is near.
    """
    loss = Loss(mse_weight=0.125)
    network = fully_connected(1, (1,), 2, bias=False, steps=2, loss=loss)
    params = {"hidden1.weight": np.array([[weight]]), "readout.weight": np.array([[1.0], [-0.5]])}
    batch = Batch(np.array([[1.0], [0.5], [2.0]]), np.array([0, 1, 1]))
    return SmallProblem(f"one weight {weight:g}, T=2", network, Params(params), batch)


def _steady(problem: SmallProblem) -> bool:
    """Whether layers are live, and slopes and differences of two losses vary little enough."""
    methods = (ForwardGradient(law="rademacher"), ZOTwoPoint(law="rademacher"))
    return lively(problem) and all(
        relative_variance(method, problem) <= LARGEST_VARIANCE for method in methods
    )


def relative_variance(method: Estimator, problem: SmallProblem) -> float:
    """Return the variance over all signs over the least squared mean of a hidden layer."""
    exact = [
        enumerate_estimator(method, one.network, one.params, one.batch, {})[0]
        for one in samples_of(problem)
    ]
    variance = sum(one.variance for one in exact) / len(exact) ** 2
    means = {
        name: np.mean([np.asarray(one.mean[name]) for one in exact], axis=0)
        for name in problem.network.shapes
    }
    squares = [
        sum(float((means[name] ** 2).sum()) for name in layer.shapes)
        for layer in problem.network.weighted
        if layer is not problem.network.readout
    ]
    return variance / min(squares) if min(squares) > 0 else math.inf


def _flips(problem: SmallProblem) -> bool:
    """Whether noise of size 1 on the first layer flips a spike of the second, in some sample."""
    first, second = (layer.name for layer in problem.network.spiking)
    spikes = []
    for sign in (1.0, -1.0):
        z = np.full((problem.network.steps, problem.batch.size, 1), sign)
        trace = ReferenceBackend().forward(
            problem.network,
            problem.params,
            problem.batch,
            noise=Noise(NOISE_SCALE, {first: z}),
            record=frozenset({"spikes"}),
        )
        spikes.append(trace.spikes[second])
    return bool((spikes[0] != spikes[1]).any())


def off_the_grid(problem: SmallProblem, seed: int) -> SmallProblem:
    """Return the problem with each parameter moved by up to a sixteenth, as the seed says.

    Weights and noise that are multiples of something can put a membrane potential within rounding
    of the threshold, where two orders of summation may differ.
    """
    key, reach = Key(seed) / "shifted" / problem.network.digest, SHIFT / 4
    params = Params(
        {
            name: array + (key / name).generator().uniform(-reach, reach, array.shape)
            for name, array in problem.params.items()
        }
    )
    return SmallProblem(f"{problem.name}, off the grid", problem.network, params, problem.batch)
