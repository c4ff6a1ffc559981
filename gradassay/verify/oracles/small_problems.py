"""Small problems for exact checks, with weights that are exact binary fractions.

Products and sums of such numbers are exact in float64, so that a membrane potential can equal the
threshold to the bit, and order of reset, comparison and summation show.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.builders import convolutional, fully_connected
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.params import Params
from gradassay.core.residual import residual
from gradassay.reference_snn import ReferenceBackend

MOST_DRAWS = 500
# of a membrane potential near the threshold, beside potentials of a few thresholds
ROUNDING = 1e-9
# share of a layer's spikes
FEWEST_SPIKES, MOST_SPIKES = 0.1, 0.9


@dataclass(frozen=True)
class SmallProblem:
    """A network, its parameters and a batch, all NumPy float64."""

    name: str
    network: Network
    params: Params
    batch: Batch

    def copied(self) -> SmallProblem:
        """Return the problem with arrays of its own."""
        inputs, targets = np.array(self.batch.inputs), np.array(self.batch.targets)
        batch = Batch(inputs, targets, self.batch.folds)
        return SmallProblem(self.name, self.network, self.params.map(np.array), batch)


def samples_of(problem: SmallProblem) -> list[SmallProblem]:
    """Return the problem with one sample of its batch each."""
    batch, parts = problem.batch, list[SmallProblem]()
    for row in range(batch.size):
        one = slice(row, row + 1)
        inputs = batch.inputs[one] if batch.static else batch.inputs[:, one]
        sample = Batch(inputs, batch.targets[one])
        parts.append(SmallProblem(problem.name, problem.network, problem.params, sample))
    return parts


def dyadic_problem(
    hidden: Sequence[int],
    *,
    steps: int,
    seed: int,
    samples: int = 4,
    inputs: int = 6,
    classes: int = 3,
    bias: bool = True,
    neuron: Neuron | None = None,
    loss: Loss | None = None,
    sequence: bool = False,
) -> SmallProblem:
    """Return a problem whose weights are multiples of 1/4 and whose inputs are multiples of 1/2.

    Parameters
    ----------
    hidden : sequence of int
        Sizes of the spiking layers.
    steps, seed, samples, inputs, classes : int
        T, seed, B, features, classes.
    bias : bool
        Give every dense layer a bias.
    neuron : Neuron or None
        None: the usual one. Leak and threshold of another should be binary fractions too.
    loss : Loss or None
        None: of the step, with an eighth of MSE.
    sequence : bool
        Inputs that change from step to step and have both signs, in place of static ones.
    """
    neuron = neuron or Neuron()
    network = fully_connected(
        inputs,
        hidden,
        classes,
        bias=bias,
        steps=steps,
        neuron=neuron,
        loss=loss or Loss(mse_weight=0.125),
    )
    sizes = "-".join(str(units) for units in hidden)
    told = [f"fc-{sizes}", f"T={steps}", f"{neuron.reset} reset", *_differences(neuron)]
    if sequence:
        told.append("sequences")
    return dyadic(", ".join(told), network, seed, samples, sequence=sequence)


def _differences(neuron: Neuron) -> list[str]:
    """Return what tells a neuron from the usual one, but for its reset."""
    usual, surrogate = Neuron(), neuron.surrogate
    told = [
        f"{name} {getattr(neuron, name):g}"
        for name in ("leak", "threshold")
        if getattr(neuron, name) != getattr(usual, name)
    ]
    if surrogate != usual.surrogate:
        told.append(f"{surrogate.kind} {surrogate.scale:g}")
    return told


def dyadic(
    name: str, network: Network, seed: int, samples: int, *, sequence: bool = False
) -> SmallProblem:
    """Return a network with weights in multiples of 1/4 and inputs in multiples of 1/2.

    Gains of standardised layers, whose products are not exact, are multiples of 1/4 from 1 to 2.
    Weights and inputs are drawn anew until every hidden layer has spikes and silence, and activity
    that changes from step to step where there are several: on a silent network faults hide.
    """
    key = Key(seed) / "dyadic" / network.digest
    drawn = functools.partial(_drawn, name, network, samples=samples, sequence=sequence)
    problems = (drawn(key / number) for number in range(MOST_DRAWS))
    return next(filter(lively, problems), drawn(key / 0))


def _drawn(name: str, network: Network, key: Key, *, samples: int, sequence: bool) -> SmallProblem:
    params = {}
    for array, shape in network.shapes.items():
        low, high = (4, 9) if array.endswith(".gain") else (-4, 6)
        params[array] = (key / array).generator().integers(low, high, shape) / 4
    generator = (key / "batch").generator()
    least, shape = (-2, (network.steps,)) if sequence else (0, ())
    batch = Batch(
        generator.integers(least, 4, (*shape, samples, network.inputs)) / 2,
        generator.integers(0, network.classes, samples),
    )
    return SmallProblem(name, network, Params(params), batch)


def seeds_in_turn(seed: int) -> Iterator[int]:
    """Yield a seed and those that are tried where its problem does not serve."""
    return (seed + MOST_DRAWS * number for number in range(MOST_DRAWS))


def lively(problem: SmallProblem) -> bool:
    """Whether every hidden layer spikes, but not always, and not the same at every step.

    No membrane potential may lie within rounding of the threshold, where two backends may differ;
    equal to it to the bit it may be where products are exact.
    """
    trace = ReferenceBackend().forward(
        problem.network, problem.params, problem.batch, record=frozenset({"spikes", "membrane"})
    )
    layers = problem.network.weighted
    inexact = any(getattr(layer, "standardised", False) for layer in layers)
    distances = [np.abs(u - problem.network.neuron.threshold) for u in trace.membrane.values()]
    if any(((d < ROUNDING) & (inexact | (d > 0))).any() for d in distances):
        return False
    return all(
        FEWEST_SPIKES <= spikes.mean() <= MOST_SPIKES
        and (len(spikes) == 1 or bool((spikes != spikes[0]).any()))
        for spikes in trace.spikes.values()
    )


def convolution_problem(
    seed: int, *, steps: int = 3, samples: int = 3, standardised: bool = False
) -> SmallProblem:
    """Return two convolutions with an average pool between, on feature maps of 6 x 5."""
    plan = "3C3-AP2-2C3-FC"
    neuron, loss = Neuron(), Loss(mse_weight=0.125)
    network = convolutional(
        (2, 6, 5), plan, 3, standardised=standardised, steps=steps, neuron=neuron, loss=loss
    )
    return dyadic(f"{plan}, T={steps}", network, seed, samples)


def residual_problem(seed: int, *, steps: int = 3, samples: int = 2) -> SmallProblem:
    """Return two residual blocks, the second with a projection, on feature maps of 13 x 12."""
    network = residual((2, 13, 12), (1, 1), 3, width=3, steps=steps)
    return dyadic(f"residual network of 2 blocks, T={steps}", network, seed, samples)


def spiking_readout_problem(seed: int, *, steps: int = 4, samples: int = 3) -> SmallProblem:
    """Return a network whose outputs are spikes, without biases or reset, of four classes."""
    network = fully_connected(6, (5, 4), 4, bias=False, steps=steps, neuron=Neuron(reset="none"))
    layers = (*network.layers, Spiking("output", 4))
    return dyadic(
        f"fc-5-4, T={steps}, spiking readout", network.replace(layers=layers), seed, samples
    )


def agreement_problems(seed: int) -> tuple[SmallProblem, ...]:
    """Return problems on which two writings must agree.

    They differ in depth, T, batch size, inputs, classes, biases, leak, threshold, reset, surrogate
    derivative, readout and loss: what a method has as a constant of its own shows on one of them.
    """
    hard = Neuron(0.75, 1.5, "hard", Surrogate("arctan", 2.0))
    quick = Neuron(0.25, 0.75, surrogate=Surrogate("triangle", 0.5))
    slow = Neuron(0.75, 1.25, surrogate=Surrogate("gaussian", 1.0))
    return (
        dyadic_problem((5,), steps=1, seed=seed),
        dyadic_problem((8,), steps=6, seed=seed, neuron=hard),
        dyadic_problem((7, 5), steps=5, seed=seed),
        dyadic_problem((6, 5, 4), steps=4, seed=seed, neuron=quick, loss=Loss(0.25, "sequence")),
        dyadic_problem((70, 4), steps=10, seed=seed, samples=12, neuron=slow, sequence=True),
        spiking_readout_problem(seed),
        convolution_problem(seed),
        residual_problem(seed),
    )


def enumeration_problems(seed: int) -> tuple[SmallProblem, ...]:
    """Return problems of one sample with at most 2^14 combinations of signs."""
    small = convolutional((1, 2, 3), "1C3-AP2-2C1-FC", 3, standardised=False, steps=1)
    slow = Neuron(0.75, 1.5, surrogate=Surrogate("arctan", 2.0))
    return (
        dyadic_problem((4, 3), steps=1, seed=seed, samples=1),
        dyadic_problem((3, 3), steps=2, seed=seed, samples=1, neuron=slow, sequence=True),
        dyadic_problem((2, 2), steps=3, seed=seed, samples=1, loss=Loss(0.0, "sequence")),
        dyadic("1C3-AP2-2C1, T=1", small, seed, samples=1),
    )


def weight_problem(seed: int) -> SmallProblem:
    """Return a problem with 12 parameters, biases among them, for signs on the weights."""
    neuron = Neuron(0.75, 1.25, surrogate=Surrogate("arctan", 2.0))
    return dyadic_problem((2,), steps=2, seed=seed, samples=3, inputs=2, classes=2, neuron=neuron)
