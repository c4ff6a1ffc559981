"""The networks of a pack, drawn: weights, inputs, targets and noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.builders import convolutional, fully_connected
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron
from gradassay.core.params import Params, initial_params
from gradassay.reference_snn import ReferenceBackend

Arrays = Mapping[str, np.ndarray]

# what z is drawn for: by spiking layer, anew at each step, or z and -z at pairs of steps; by
# parameter, one z for the whole batch
NOISES = ("independent", "time_pairs", "weights")
NOISE_GRID = 8
SAMPLES = 3


@dataclass(frozen=True)
class GoldenProblem:
    """A network with everything that is given, NumPy float64 and int64.

    Parameters
    ----------
    name : str
        Folder in the pack.
    network : Network
    params : Params
    batch : Batch
        Static inputs (B, n).
    noise : mapping from one of `NOISES` to arrays by name
        z without its scale: (T, B, n) by spiking layer; on the weights, the parameter's shape.
    dyadic : bool
        Weights, inputs and noise are short binary fractions, so that membrane potentials are exact.
    """

    name: str
    network: Network
    params: Params
    batch: Batch
    noise: Mapping[str, Arrays]
    dyadic: bool

    def in_float32(self) -> GoldenProblem:
        """Return the problem with every number rounded to float32, the neuron's included."""
        neuron = self.network.neuron
        network = self.network.replace(
            neuron=Neuron(
                _single(neuron.leak), _single(neuron.threshold), neuron.reset, neuron.surrogate
            )
        )
        noise = {
            kind: {name: _rounded(z) for name, z in arrays.items()}
            for kind, arrays in self.noise.items()
        }
        batch = Batch(_rounded(self.batch.inputs), self.batch.targets)
        return GoldenProblem(
            self.name, network, self.params.map(_rounded), batch, noise, self.dyadic
        )


def _single(value: float) -> float:
    return float(np.float32(value))


def _rounded(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32).astype(np.float64)


def networks() -> dict[str, tuple[Network, bool]]:
    """Return the networks by name, and whether their numbers are dyadic."""
    loss = Loss(mse_weight=0.125)
    hard, leaky = Neuron(reset="hard"), Neuron(leak=0.9)
    return {
        "fc_dyadic": (fully_connected(6, (8,), 3, steps=5, loss=loss), True),
        "fc2_dyadic": (fully_connected(6, (7, 5), 3, steps=5, loss=loss), True),
        "fc2_hard_dyadic": (fully_connected(6, (7, 5), 3, steps=6, neuron=hard, loss=loss), True),
        "fc_leaky_random": (fully_connected(6, (8,), 3, steps=6, neuron=leaky), False),
        "fc2_random": (fully_connected(6, (7, 5), 3, steps=5, loss=loss), False),
        "conv_dyadic": (
            convolutional((1, 6, 4), "2C3-AP2-FC", 3, standardised=False, steps=4, loss=loss),
            True,
        ),
    }


def draw_problem(name: str, key: Key) -> GoldenProblem:
    """Return one draw of a network of that name."""
    network, dyadic = networks()[name]
    params = _dyadic_params(network, key) if dyadic else _random_params(network, key)
    generator = (key / "batch").generator()
    shape = (SAMPLES, network.inputs)
    inputs = generator.integers(0, 4, shape) / 2 if dyadic else generator.random(shape) * 2
    targets = generator.integers(0, network.classes, SAMPLES, dtype=np.int64)
    noise = _noise(network, key / "noise")
    return GoldenProblem(name, network, params, Batch(inputs, targets), noise, dyadic)


def _dyadic_params(network: Network, key: Key) -> Params:
    """Return multiples of 1/4 from -1 to 5/4."""
    return Params(
        {n: (key / n).generator().integers(-4, 6, s) / 4 for n, s in network.shapes.items()}
    )


def _random_params(network: Network, key: Key) -> Params:
    """Return normal weights, and biases around a tenth."""
    drawn = initial_params(network, key / "params", gain=1.5)
    biases = (key / "biases").generator()
    return drawn.map(lambda a: a if a.ndim > 1 else 0.1 + 0.2 * biases.standard_normal(a.shape))


def _noise(network: Network, key: Key) -> dict[str, Arrays]:
    """Return normal numbers in multiples of 1/8, so that noisy potentials are exact as well."""

    def z(place: Key, shape: tuple[int, ...]) -> np.ndarray:
        found: np.ndarray = np.rint(place.generator().standard_normal(shape) * NOISE_GRID)
        return found / NOISE_GRID + 0.0  # no negative zero

    steps, independent, pairs = network.steps, {}, {}
    for layer in network.spiking:
        independent[layer.name] = z(key / "independent" / layer.name, (steps, SAMPLES, layer.units))
        half = z(key / "time_pairs" / layer.name, ((steps + 1) // 2, SAMPLES, layer.units))
        both = np.stack([half, 0.0 - half], axis=1)
        pairs[layer.name] = both.reshape(-1, SAMPLES, layer.units)[:steps]
    weights = {name: z(key / "weights" / name, shape) for name, shape in network.shapes.items()}
    return {"independent": independent, "time_pairs": pairs, "weights": weights}


def tells(problem: GoldenProblem) -> bool:
    """Whether faults show: spikes and silence in every layer; dyadic, potentials at the threshold.

    A potential that equals the threshold to the bit tells ``>=`` from ``>``.
    """
    trace = ReferenceBackend().forward(
        problem.network, problem.params, problem.batch, record=frozenset({"spikes", "membrane"})
    )
    threshold = problem.network.neuron.threshold
    met = any((u == threshold).any() for u in trace.membrane.values())
    lively = all(
        0.15 <= s.mean() <= 0.85 and bool((s != s[0]).any()) for s in trace.spikes.values()
    )
    return lively and met == problem.dyadic
