"""Small problems of several samples on which means under any noise law can be computed."""

from __future__ import annotations

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.builders import convolutional, fully_connected
from gradassay.core.keys import Key
from gradassay.core.network import Loss
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.small_problems import (
    MOST_DRAWS,
    SmallProblem,
    dyadic,
    dyadic_problem,
)

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
    fc-2-2, T=2      depth and time, by enumeration of signs
    1C3-FC, T=2      a convolution; all laws
    one weight, T=2  noise on three weights
    fc-1-2, T=2      noise below a layer, paired over time; all laws
    ================ ============================================================================

    Weights lie beside the multiples of 1/4 of `small_problems`, so that no draw of signs puts a
    membrane potential within rounding of the threshold, where two backends may differ.
    """
    small = convolutional((1, 2, 2), "1C3-FC", 3, standardised=False, steps=2)
    return (
        _shifted(dyadic_problem((3,), steps=2, seed=seed), seed),
        _shifted(dyadic_problem((2,), steps=2, seed=seed, loss=Loss(0.25, "sequence")), seed),
        flipping_problem(seed),
        _shifted(dyadic_problem((4, 3), steps=1, seed=seed, samples=3), seed),
        _shifted(dyadic_problem((2, 2), steps=2, seed=seed, samples=3), seed),
        _shifted(dyadic("1C3-FC, T=2", small, seed, samples=3), seed),
        one_weight_problem(1.2),
        flipping_problem(seed, steps=2),
    )


def flipping_problem(seed: int, steps: int = 1) -> SmallProblem:
    """Return one unit below two, where noise on the one flips a spike above.

    With several steps the targets are of several classes too.
    """
    seeds = (seed + MOST_DRAWS * number for number in range(MOST_DRAWS))
    drawn = (_shifted(dyadic_problem((1, 2), steps=steps, seed=s, samples=3), s) for s in seeds)
    varied = (p for p in drawn if steps == 1 or len(set(p.batch.targets.tolist())) > 1)
    return next(problem for problem in varied if _flips(problem))


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


def _shifted(problem: SmallProblem, seed: int) -> SmallProblem:
    """Return the problem with each parameter moved by up to a sixteenth."""
    key, reach = Key(seed) / "shifted" / problem.network.digest, SHIFT / 4
    params = Params(
        {
            name: array + (key / name).generator().uniform(-reach, reach, array.shape)
            for name, array in problem.params.items()
        }
    )
    return SmallProblem(f"{problem.name}, off the grid", problem.network, params, problem.batch)
