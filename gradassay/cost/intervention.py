"""A backend around another one that changes something on purpose, to see what depends on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Set
from typing import Any, Literal

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.layers import Synapse, Weighted
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.core.trace import Presynaptic, Trace
from gradassay.cost.connections import fed_by_neurons
from gradassay.cost.wrapped import WrappedBackend

Place = Literal["nothing", "output", "population", "way down", "last step"]
OF_POPULATIONS = ("membrane", "spikes", "received", "derivative")
FACTOR, SHIFT = 1.75, 0.375


class InterveningBackend(WrappedBackend):
    """Do what the wrapped backend does, then change what one place of the network leaves.

    Nothing is changed inside a pass: the network runs as before, and the estimator is told
    something else about one place. What it makes of another layer shows whether it looked there.

    Parameters
    ----------
    inner : Backend
        The backend that does the work.
    place : str
        ``output``: outputs, losses and errors of all passes. ``population``: all that is recorded
        of the spiking layer `layer`. ``way down``: what `input_gradient` returns of a weighted
        layer that neurons feed. ``last step``: outputs and all populations, at the last step alone.
        ``nothing``: as it is.
    layer : str
        Name of the population.

    Notes
    -----
    `deltas` holds the derivative by each weighted layer's output that the last weight gradients
    were made of, shape (t, R*B, outputs).
    """

    def __init__(self, inner: Backend, place: Place = "nothing", layer: str = "") -> None:
        super().__init__(inner)
        self._place, self._layer = place, layer
        self._fed_by_neurons: frozenset[str] = frozenset()
        self.deltas: dict[str, Array] = {}

    def forward(self, network: Network, *arguments: Any, **options: Any) -> Trace:
        """Run a block of steps and change what it leaves; see `Backend.forward`."""
        self._fed_by_neurons = fed_by_neurons(network)
        trace = super().forward(network, *arguments, **options)
        if self._place == "output":
            return self._with_outputs(trace, slice(None))
        if self._place == "population":
            return self._with_populations(trace, {self._layer}, slice(None))
        if self._place == "last step":
            last = slice(-1, None)
            names = {layer.name for layer in network.populations}
            return self._with_populations(self._with_outputs(trace, last), names, last)
        return trace

    def _with_outputs(self, trace: Trace, steps: slice) -> Trace:
        changed = {
            name: self._changed(getattr(trace, name), steps)
            for name in ("outputs", "losses", "errors")
        }
        return dataclasses.replace(trace, **changed)

    def _with_populations(self, trace: Trace, names: Set[str], steps: slice) -> Trace:
        changed: dict[str, Any] = {}
        for kind in OF_POPULATIONS:
            recorded = getattr(trace, kind)
            changed[kind] = {
                name: self._changed(array, steps) if name in names else array
                for name, array in recorded.items()
            }
        return dataclasses.replace(trace, **changed)

    def _changed(self, array: Array, steps: slice) -> Array:
        """Return the array with other values at some steps, by another amount in each place."""
        values = np.array(self._inner.to_numpy(array), dtype=self._inner.dtype)
        ramp = np.linspace(1.0, FACTOR, values[steps].size).reshape(values[steps].shape)
        values[steps] = values[steps] * ramp * FACTOR + SHIFT * ramp
        return self._inner.asarray(values)

    def input_gradient(self, layer: Synapse, weight: Array | None, delta: Array) -> Array:
        """Change what comes down to neurons, where that is asked for; see `Backend`."""
        sent = super().input_gradient(layer, weight, delta)
        down = self._place == "way down" and layer.name in self._fed_by_neurons
        return self._changed(sent, slice(None)) if down else sent

    def weight_gradient(
        self,
        layer: Weighted,
        params: Params,
        delta: Array,
        presynaptic: Presynaptic,
        *,
        replicates: int | None = None,
    ) -> dict[str, Array]:
        """Remember delta; see `Backend.weight_gradient`."""
        self.deltas[layer.name] = delta
        return super().weight_gradient(layer, params, delta, presynaptic, replicates=replicates)
