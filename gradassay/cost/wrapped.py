"""A backend that hands everything to another one: base of those that watch or change something."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.layers import Affine, Synapse, Weighted
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Carry, Presynaptic, Recorded, Trace


class WrappedBackend:
    """All verbs of `Backend`, done by the wrapped one.

    Parameters
    ----------
    inner : Backend
        The backend that does the work.
    """

    def __init__(self, inner: Backend) -> None:
        self._inner = inner

    @property
    def name(self) -> str:
        """The wrapped backend's."""
        return self._inner.name

    @property
    def dtype(self) -> type[np.floating]:
        """The wrapped backend's."""
        return self._inner.dtype

    def asarray(self, array: np.ndarray) -> Array:
        """See `Backend.asarray`."""
        return self._inner.asarray(array)

    def to_numpy(self, array: Array) -> np.ndarray:
        """See `Backend.to_numpy`."""
        return self._inner.to_numpy(array)

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
        return self._inner.forward(
            network, params, batch, noise=noise, record=record, carry=carry, steps=steps
        )

    def loss(self, network: Network, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """See `Backend.loss`."""
        return self._inner.loss(network, outputs, targets)

    def weight(self, layer: Affine, params: Params) -> Array:
        """See `Backend.weight`."""
        return self._inner.weight(layer, params)

    def weight_tangent(self, layer: Affine, params: Params, tangent: Params) -> Array:
        """See `Backend.weight_tangent`."""
        return self._inner.weight_tangent(layer, params, tangent)

    def apply(self, layer: Synapse, weight: Array | None, values: Array) -> Array:
        """See `Backend.apply`."""
        return self._inner.apply(layer, weight, values)

    def input_gradient(self, layer: Synapse, weight: Array | None, delta: Array) -> Array:
        """See `Backend.input_gradient`."""
        return self._inner.input_gradient(layer, weight, delta)

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
        return self._inner.weight_gradient(layer, params, delta, presynaptic, replicates=replicates)

    def noise_outer(self, noise: Noise, layer: str, right: Array, replicates: int) -> Array:
        """See `Backend.noise_outer`."""
        return self._inner.noise_outer(noise, layer, right, replicates)

    def membrane_gradient(
        self, neuron: Neuron, layer: str, trace: Trace, signal: Array, *, reset_gradient: bool
    ) -> Array:
        """See `Backend.membrane_gradient`."""
        return self._inner.membrane_gradient(
            neuron, layer, trace, signal, reset_gradient=reset_gradient
        )

    def membrane_tangent(
        self, neuron: Neuron, layer: str, trace: Trace, currents: Array, *, reset_gradient: bool
    ) -> Array:
        """See `Backend.membrane_tangent`."""
        return self._inner.membrane_tangent(
            neuron, layer, trace, currents, reset_gradient=reset_gradient
        )
