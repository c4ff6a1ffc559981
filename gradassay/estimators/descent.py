"""From the top of a network down: derivatives by each layer's output, found when asked for."""

from __future__ import annotations

from collections.abc import Callable

from gradassay.core.arrays import Array
from gradassay.core.layers import Affine, Gain, Layer, Spiking, Sum
from gradassay.estimators.passes import Pass


class Descent:
    """Derivatives by the outputs of layers, each the sum of what comes from those that it feeds.

    Parameters
    ----------
    observed : Pass
        The forward pass.
    top_down : callable
        The signal at the spikes of a hidden layer, ``top_down(layer, descent)``.
    local_rule : callable
        Derivative by a spiking layer's current, ``local_rule(layer, signal)``.
    weight_down : callable
        The weight that stands for a dense layer's on the way down, ``weight_down(layer)``.

    Notes
    -----
    A method with direct feedback never asks for the derivative by spikes, so nothing is sent down
    through weights. Weighted layers that follow each other without neurons between, and what adds
    up in a residual sum, are differentiated exactly.
    """

    def __init__(
        self,
        observed: Pass,
        top_down: Callable[[Spiking, Descent], Array],
        local_rule: Callable[[Spiking, Array], Array],
        weight_down: Callable[[Affine], Array],
    ) -> None:
        self._observed = observed
        self._top_down, self._local_rule, self._weight_down = top_down, local_rule, weight_down
        self._found: dict[str, Array] = {}

    def weighted(self) -> dict[str, Array]:
        """Return the derivative by the output of every weighted layer, by name."""
        layers = reversed(self._observed.network.weighted)
        return {layer.name: self.output(layer.name) for layer in layers}

    def output(self, name: str) -> Array:
        """Return the derivative by the output of a layer, shape (t, R*B, outputs)."""
        if name not in self._found:
            self._found[name] = self._summed(name)
        return self._found[name]

    def _summed(self, name: str) -> Array:
        network = self._observed.network
        if name == network.output.name:
            return self._observed.trace.errors
        first, *others = [self._through(layer) for layer in network.consumers(name)]
        for part in others:
            first = first + part
        return first

    def _through(self, layer: Layer) -> Array:
        """Return the derivative by what feeds a layer, as far as it goes through that layer."""
        if isinstance(layer, Spiking):
            return self._current(layer)
        delta = self.output(layer.name)
        if isinstance(layer, Sum):
            return delta
        weight = None
        if isinstance(layer, Affine):
            weight = self._weight_down(layer)
        elif isinstance(layer, Gain):
            weight = self._observed.params[f"{layer.name}.weight"]
        return self._observed.backend.input_gradient(layer, weight, delta)

    def _current(self, layer: Spiking) -> Array:
        """Return the derivative by the current of a spiking layer."""
        if layer == self._observed.network.output:
            return self._local_rule(layer, self._observed.trace.errors)
        return self._local_rule(layer, self._top_down(layer, self))
