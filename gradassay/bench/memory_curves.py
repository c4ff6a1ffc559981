"""Memory over steps and depth: in closed form, and the peak that NumPy is seen to hold."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.claims import Online
from gradassay.core.curves import CostPoint
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.cost.measure import count
from gradassay.cost.memory import memory
from gradassay.cost.peaks import peak_bytes
from gradassay.cost.scaling import sample
from gradassay.estimators.layerwise import LayerwiseEstimator
from gradassay.estimators.online import OnlineEstimate
from gradassay.reference_snn import ReferenceBackend

UNITS, OUTPUTS, SAMPLES, VALUE_BYTES = 64, 10, 8, 8


@dataclass(frozen=True)
class Growth:
    """Dense networks of 64 units a layer in which T or the number of hidden layers N changes."""

    variable: Literal["T", "N"]
    values: tuple[int, ...]
    steps: int = 8
    layers: int = 3

    def network(self, at: int) -> Network:
        """Return the network at a value of the variable."""
        layers, steps = (at, self.steps) if self.variable == "N" else (self.layers, at)
        return fully_connected(UNITS, [UNITS] * layers, OUTPUTS, steps=steps)

    @property
    def family(self) -> str:
        """What its networks have in common, for people."""
        layers = "N" if self.variable == "N" else str(self.layers)
        steps = "T" if self.variable == "T" else f"T={self.steps}"
        return (
            f"dense, {layers} hidden layers of {UNITS} units, {OUTPUTS} outputs, {steps}, batch"
            f" {SAMPLES}, float64"
        )


GROWTHS = (Growth("T", (1, 2, 4, 8, 16, 32)), Growth("N", (1, 2, 4, 8)))


def memory_points(
    estimators: Mapping[str, Estimator], key: Key, growths: Sequence[Growth]
) -> list[CostPoint]:
    """Return the memory of an update at each number of steps and layers.

    Parameters
    ----------
    estimators : mapping from subject to Estimator
        What to cost; those that a network is too small for are left out there.
    key : Key
        Randomness of weights, input, states and noise.
    growths : sequence of Growth
        Sizes.

    Returns
    -------
    list of CostPoint
        ``memory_bytes``, besides the weights, of the whole batch: in ``closed form``
        (`gradassay.cost.memory`); ``measured``, the peak of one estimate on the NumPy
        reference, which takes the whole sequence as one block; and ``measured step by step``, of
        those that can be taken so.
    """
    points = []
    for growth in growths:
        for at in growth.values:
            network = growth.network(at)
            for subject, estimator in estimators.items():
                if not _fits(estimator, network):
                    continue
                for source, value in _at(estimator, network, key / growth.variable / at / subject):
                    points.append(
                        CostPoint(
                            subject, growth.family, growth.variable, at, "memory_bytes", source,
                            float(value), float(value), float(value), "bytes",
                        )
                    )  # fmt: skip
    return points


def _fits(estimator: Estimator, network: Network) -> bool:
    """Whether the estimator takes the network."""
    try:
        estimator.init(ReferenceBackend(), network, Key(0))
    except ConfigurationError:
        return False
    return True


def _at(estimator: Estimator, network: Network, key: Key) -> Iterator[tuple[str, int]]:
    """Yield source and bytes at one size."""
    backend = ReferenceBackend()
    params, batch = sample(backend, network, key, SAMPLES)
    counted = count(estimator, backend, network, params, batch, key)
    yield "closed form", memory(network, counted.signal, value_bytes=VALUE_BYTES).total(SAMPLES)
    state = estimator.init(backend, network, key / "state")
    whole = functools.partial(
        estimator.estimate, backend, network, params, batch, state, key / "peak"
    )
    yield "measured", peak_bytes(whole)
    steps = _by_step(estimator, network, params, batch, state, key)
    if steps is not None:
        yield "measured step by step", peak_bytes(steps)


def _by_step(
    estimator: Estimator, network: Network, params: Params, batch: Batch, state: State, key: Key
) -> Callable[[], object] | None:
    """Return what makes the same estimate one step after the other; None where that cannot be."""
    if not isinstance(estimator, LayerwiseEstimator) or Online() not in estimator.claims:
        return None

    def run() -> object:
        sequence = OnlineEstimate(
            estimator, ReferenceBackend(), network, batch, state, key / "peak"
        )
        total = None
        while not sequence.finished:
            gradient = sequence.advance(params).gradient
            total = gradient if total is None else total.map(lambda a, b: a + b, gradient)
        return total

    return run
