"""Gradients put together from the backend's verbs, and small problems, as fixtures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.core.params import Params, initial_params
from gradassay.core.trace import Recorded, Trace
from gradassay.torch_snn import TorchBackend

EVERYTHING: frozenset[Recorded] = frozenset(
    ("membrane", "spikes", "received", "derivative", "eligibility", "activity")
)


@dataclass(frozen=True)
class Problem:
    """A backend, a model and a batch."""

    backend: Backend
    network: Network
    params: Params
    batch: Batch
    noise: Noise | None = None

    def forward(self) -> Trace:
        return self.backend.forward(
            self.network, self.params, self.batch, noise=self.noise, record=EVERYTHING
        )

    def block(self, first: int, last: int, carry: Any) -> Trace:
        """Run steps first..last-1."""
        batch, noise = self.batch, self.noise
        if not batch.static:
            batch = replace(batch, inputs=batch.inputs[first:last])
        if noise is not None:
            noise = Noise(noise.scale, {n: z[first:last] for n, z in noise.values.items()})
        return self.backend.forward(
            self.network,
            self.params,
            batch,
            noise=noise,
            record=EVERYTHING,
            carry=carry,
            steps=last - first,
        )

    def online(self, trace: Trace, replicates: int | None = None) -> dict[str, Array]:
        """Spatial backpropagation under the online rule."""
        back, delta = self.backend, trace.errors
        gradient: dict[str, Array] = {}
        below = dict(zip(self.network.weighted[1:], self.network.spiking, strict=True))
        for layer in reversed(self.network.weighted):
            presynaptic = trace.eligibility[layer.name]
            gradient |= back.weight_gradient(layer, delta, presynaptic, replicates=replicates)
            if layer in below:
                signal = back.input_gradient(layer, self.params, delta)
                delta = trace.derivative[below[layer].name] * signal
        return gradient

    def through_time(self, *, reset_gradient: bool) -> dict[str, Array]:
        """Full backpropagation through time."""
        back, network, trace = self.backend, self.network, self.forward()
        delta = trace.errors
        gradient: dict[str, Array] = {}
        below = dict(zip(network.weighted[1:], network.spiking, strict=True))
        for layer in reversed(network.weighted):
            gradient |= back.weight_gradient(layer, delta, trace.activity[layer.name])
            if layer in below:
                signal = back.input_gradient(layer, self.params, delta)
                delta = back.membrane_gradient(
                    network.neuron,
                    below[layer].name,
                    trace,
                    signal,
                    reset_gradient=reset_gradient,
                )
        return gradient


def make_problem(
    hidden: Sequence[int] = (7, 6),
    *,
    dtype: str = "float64",
    static: bool = True,
    samples: int = 4,
    alpha: float = 0.0,
    **options: Any,
) -> Problem:
    """Return a problem with 5 inputs and 3 classes, active neurons and, with alpha, noise."""
    key, backend = Key(20261124) / "torch", TorchBackend(dtype)
    network = fully_connected(5, hidden, 3, **options)
    draw = (key / "batch").generator()
    shape = (samples, 5) if static else (network.steps, samples, 5)
    inputs, targets = draw.normal(0.4, 1.0, shape), draw.integers(0, 3, samples)
    params = initial_params(network, key / "params", 2.0)
    params = params.map(lambda a: backend.asarray(a + draw.normal(0.1, 0.1, a.shape)))
    noise = None
    if alpha:
        drawn = draw_noise(NoiseModel(alpha), network, samples, key / "noise")
        noise = Noise(alpha, {n: backend.asarray(z) for n, z in drawn.values.items()})
    batch = Batch(backend.asarray(inputs), backend.asarray(targets))
    return Problem(backend, network, params, batch, noise)


@pytest.fixture(name="make_problem")
def make_problem_fixture() -> Any:
    return make_problem
