"""Small problems for exact checks, with weights that are exact binary fractions.

Products and sums of such numbers are exact in float64, so that a membrane potential can equal the
threshold to the bit, and order of reset, comparison and summation show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network, Neuron, Reset
from gradassay.core.params import Params


@dataclass(frozen=True)
class SmallProblem:
    """A network, its parameters and a batch, all NumPy float64."""

    name: str
    network: Network
    params: Params
    batch: Batch


def dyadic_problem(
    hidden: Sequence[int],
    *,
    steps: int,
    seed: int,
    samples: int = 4,
    inputs: int = 6,
    classes: int = 3,
    reset: Reset = "soft",
    loss: Loss | None = None,
) -> SmallProblem:
    """Return a problem whose weights are multiples of 1/4 and whose inputs are multiples of 1/2.

    Parameters
    ----------
    hidden : sequence of int
        Sizes of the spiking layers.
    steps, seed, samples, inputs, classes : int
        T, seed, B, features, classes.
    reset : {"soft", "hard", "none"}
        The neuron's reset.
    loss : Loss or None
        None: of the step, with a tenth of MSE.
    """
    network = fully_connected(
        inputs,
        hidden,
        classes,
        steps=steps,
        neuron=Neuron(reset=reset),
        loss=loss or Loss(mse_weight=0.125),
    )
    key = Key(seed) / "dyadic" / network.digest
    params = {
        name: (key / name).generator().integers(-4, 6, shape) / 4
        for name, shape in network.shapes.items()
    }
    generator = (key / "batch").generator()
    batch = Batch(
        generator.integers(0, 4, (samples, inputs)) / 2,
        generator.integers(0, classes, samples),
    )
    sizes = "-".join(str(units) for units in hidden)
    return SmallProblem(f"fc-{sizes}, T={steps}, {reset} reset", network, Params(params), batch)


def agreement_problems(seed: int) -> tuple[SmallProblem, ...]:
    """Return problems over depth, T, reset and loss on which two writings must agree."""
    return (
        dyadic_problem((5,), steps=1, seed=seed),
        dyadic_problem((8,), steps=6, seed=seed, reset="hard"),
        dyadic_problem((7, 5), steps=5, seed=seed),
        dyadic_problem((6, 5, 4), steps=4, seed=seed, loss=Loss(0.25, "sequence")),
    )


def enumeration_problems(seed: int) -> tuple[SmallProblem, ...]:
    """Return problems of one sample with at most 2^14 combinations of signs."""
    return (
        dyadic_problem((4, 3), steps=1, seed=seed, samples=1),
        dyadic_problem((3, 3), steps=2, seed=seed, samples=1),
        dyadic_problem((2, 2), steps=3, seed=seed, samples=1, loss=Loss(0.0, "sequence")),
    )
