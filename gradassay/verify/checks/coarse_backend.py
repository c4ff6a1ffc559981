"""The reference with coarse arithmetic, which shows how large rounding errors are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Set

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.batch import Batch
from gradassay.core.layers import Synapse, Weighted
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Carry, Presynaptic, Recorded, Trace
from gradassay.reference_snn import ReferenceBackend
from gradassay.reference_snn.neuron import surrogate_derivative

# relative error of one rounding to float32
UNIT = 2.0**-24


class CoarseBackend(ReferenceBackend):
    """The reference in float64, with all that equations add up rounded to float32 first.

    Noise, parameters and what neurons decide stay as they are: what differs from the reference is
    rounding, `UNIT` in place of 1.1e-16. The surrogate derivative has the absolute error of its
    largest value, since 1 - sig(x) cancels far above the threshold; so has the error of the loss,
    since a probability minus 1 cancels where the loss is small.
    """

    def forward(
        self,
        network: Network,
        params: Params,
        batch: Batch,
        *,
        noise: Noise | None = None,
        record: Set[Recorded] = frozenset(),
        carry: Carry | None = None,
        steps: int | None = None,
    ) -> Trace:
        """See `Backend.forward`."""
        exact = super().forward(
            network, params, batch, noise=noise, record=record, carry=carry, steps=steps
        )
        at_threshold = np.array(network.neuron.threshold)
        largest = float(surrogate_derivative(network.neuron, at_threshold))
        return dataclasses.replace(
            exact,
            outputs=_rounded(exact.outputs),
            losses=_rounded(exact.losses),
            errors=_on_grid(exact.errors, 1 / network.steps),
            membrane={name: _rounded(array) for name, array in exact.membrane.items()},
            derivative={name: _on_grid(a, largest) for name, a in exact.derivative.items()},
        )

    def loss(self, network: Network, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """See `Backend.loss`."""
        losses, errors = super().loss(network, outputs, targets)
        return _rounded(losses), _on_grid(errors, 1 / network.steps)

    def apply(self, layer: Synapse, weight: Array | None, values: Array) -> Array:
        """See `Backend.apply`."""
        return super().apply(layer, weight, _rounded(values))

    def input_gradient(self, layer: Synapse, weight: Array | None, delta: Array) -> Array:
        """See `Backend.input_gradient`."""
        return super().input_gradient(layer, weight, _rounded(delta))

    def weight_gradient(
        self,
        layer: Weighted,
        params: Params,
        delta: Array,
        presynaptic: Presynaptic,
        *,
        replicates: int | None = None,
    ) -> dict[str, Array]:
        """See `Backend.weight_gradient`."""
        delta = _rounded(delta)
        return super().weight_gradient(layer, params, delta, presynaptic, replicates=replicates)


def size_of_terms(exact: Mapping[str, Array], coarse: Mapping[str, Array]) -> dict[str, float]:
    """Return by array the norm of the terms that add up to it: of their rounding over `UNIT`.

    Terms that cancel are larger than their sum. It is 0 where float32 overflows.
    """
    sizes = {
        name: float(np.linalg.norm(coarse[name] - array)) / UNIT for name, array in exact.items()
    }
    return {name: size if np.isfinite(size) else 0.0 for name, size in sizes.items()}


def _rounded(array: Array) -> Array:
    return np.asarray(array).astype(np.float32).astype(np.float64)


def _on_grid(array: Array, largest: float) -> Array:
    """Round to the error that float32 has at the largest value."""
    return np.round(array / (UNIT * largest)) * (UNIT * largest)
