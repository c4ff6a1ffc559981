"""The model on `Rounded` arrays: how far another's arithmetic may lie from the reference's."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np

from gradassay.core.arrays import mean_outer
from gradassay.core.batch import Batch
from gradassay.core.layers import AvgPool, Conv2d, Flatten, Layer, Linear, Spiking
from gradassay.core.network import INPUT, Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Presynaptic, Recorded, Trace
from gradassay.crosscheck.golden import rounded_functions as xp
from gradassay.crosscheck.golden.rounded import Float, Rounded, bilinear, exp, log
from gradassay.reference_snn.maps import forward_map, spread_bias, transposed_map, weight_products


class RoundedBackend:
    """The verbs of a backend that the zoo's default methods use, with bounds of rounding errors.

    It knows dense layers, convolutions and average pools without standardisation, sigmoid
    surrogates, and losses of the step. A spike that rounding could change is refused.

    Parameters
    ----------
    bits : int
        Of the arithmetic that is bounded: 53 for float64, 24 for float32.
    """

    name = "rounded"
    dtype = np.float64

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def asarray(self, array: Any) -> Rounded:
        """Return given numbers, without error."""
        return Rounded(array, 0.0, self.bits)

    def to_numpy(self, array: Rounded) -> Float:
        """Return the values."""
        return array.value

    def forward(
        self,
        network: Network,
        params: Params,
        batch: Batch,
        *,
        noise: Noise | None = None,
        record: Set[Recorded] = frozenset(),
        carry: object = None,
        steps: int | None = None,
    ) -> Trace:
        """Run a whole sequence; see `Backend.forward`. Everything is recorded."""
        run = _Run(self, network, params, noise)
        outputs = xp.stack([run.step(t, batch.inputs) for t in range(network.steps)])
        losses, errors = self.loss(network, outputs, batch.targets)
        membrane = {name: xp.stack(u) for name, u in run.membrane.items()}
        slopes = {name: self.derivative(network.neuron, u) for name, u in membrane.items()}
        constant, ones = xp.stack(run.constants), self.asarray(np.ones(network.steps))
        eligibility = {
            layer.name: Presynaptic(
                xp.stack(run.eligibility[layer.name]),
                constant if network.has_memory(layer) else ones,
            )
            for layer in network.weighted
        }
        activity = {n: Presynaptic(xp.stack(a), ones) for n, a in run.activity.items()}
        spikes = {name: xp.stack(s) for name, s in run.spikes.items()}
        return Trace(
            outputs,
            losses,
            errors,
            membrane=membrane,
            spikes=spikes,
            derivative=slopes,
            eligibility=eligibility,
            activity=activity,
        )

    def derivative(self, neuron: Neuron, membrane: Rounded) -> Rounded:
        """Return psi of the sigmoid, ``k sig (1 - sig)``.

        With ``sig`` the one of the two above 1/2, whose difference from 1 is the less exact.
        """
        k = neuron.surrogate.scale
        decay = exp(-abs((membrane - neuron.threshold) * k))
        larger = 1.0 / (decay + 1.0)
        return larger * k * (1.0 - larger)

    def loss(
        self, network: Network, outputs: Rounded, targets: np.ndarray
    ) -> tuple[Rounded, Rounded]:
        """Return losses and errors of each step; see `Backend.loss`."""
        mu, steps = network.loss.mse_weight, float(network.steps)
        onehot = self.asarray(np.eye(outputs.shape[-1])[targets])
        most = np.argmax(outputs.value, axis=-1)[..., None]
        highest = Rounded(
            np.take_along_axis(outputs.value, most, -1),
            np.take_along_axis(outputs.error, most, -1),
            self.bits,
        )
        shifted = outputs - highest
        sums = xp.sum(exp(shifted), axis=-1, keepdims=True)
        logs = shifted - log(sums)
        difference = outputs - onehot
        squared = xp.mean(difference * difference, axis=-1)
        value = xp.sum(-(logs * onehot), axis=-1) * (1 - mu) + squared * mu
        slope = (exp(logs) - onehot) * (1 - mu)
        slope = slope + difference * 2.0 / float(outputs.shape[-1]) * mu
        return value / steps, slope / steps

    def weight(self, layer: Linear | Conv2d, params: Params) -> Rounded:
        """Return the layer's weight."""
        weight: Rounded = params[f"{layer.name}.weight"]
        return weight

    def apply(self, layer: Any, weight: Rounded | None, values: Rounded) -> Rounded:
        """Return a layer's output without its bias; see `Backend.apply`."""
        if isinstance(layer, Flatten):
            return values
        steps, rows = values.shape[:2]
        flat = xp.reshape(values, (steps * rows, -1))
        return xp.reshape(self.mapped(layer, weight, flat), (steps, rows, -1))

    def mapped(self, layer: Any, weight: Rounded | None, rows: Rounded) -> Rounded:
        """Return the output of rows of samples, (rows, units)."""
        if isinstance(layer, AvgPool):
            return _pooled(layer, rows)
        if weight is None:
            return rows
        return bilinear(lambda w, x: forward_map(layer, w, x), weight, rows, layer.fan_in)

    def input_gradient(self, layer: Any, weight: Rounded | None, delta: Rounded) -> Rounded:
        """Return the derivative by a layer's input; see `Backend.input_gradient`."""
        if isinstance(layer, Flatten):
            return delta
        steps, rows = delta.shape[:2]
        flat = xp.reshape(delta, (steps * rows, -1))
        if isinstance(layer, AvgPool):
            down = Rounded(
                transposed_map(layer, None, flat.value) * layer.kernel**2,
                transposed_map(layer, None, flat.error) * layer.kernel**2,
                self.bits,
            )
            return xp.reshape(down / float(layer.kernel**2), (steps, rows, -1))
        if weight is None:
            raise ValueError("a weighted layer was given no weight")
        terms = layer.outputs if isinstance(layer, Linear) else layer.channels * layer.kernel**2
        down = bilinear(lambda w, d: transposed_map(layer, w, d), weight, flat, terms)
        return xp.reshape(down, (steps, rows, -1))

    def weight_gradient(
        self,
        layer: Linear | Conv2d,
        params: Params,
        delta: Rounded,
        presynaptic: Presynaptic,
        *,
        replicates: int | None = None,
    ) -> dict[str, Rounded]:
        """Return the gradient of the batch mean; see `Backend.weight_gradient`."""
        steps, samples, _ = delta.shape
        flat = xp.reshape(delta, (1, steps * samples, -1))
        values = xp.reshape(presynaptic.values, (1, steps * samples, -1))
        positions = layer.outputs // layer.weight_shape[0]
        products = bilinear(
            lambda d, a: weight_products(layer, d, a), flat, values, steps * samples * positions
        )
        scaled = delta * presynaptic.bias[:, None, None]
        by_place = xp.reshape(scaled, (steps * samples, layer.weight_shape[0], positions))
        found = {f"{layer.name}.weight": products[0] / float(samples)}
        if layer.bias:
            found[f"{layer.name}.bias"] = xp.sum(by_place, axis=(0, 2)) / float(samples)
        return found

    def noise_outer(self, noise: Noise, layer: str, right: Rounded, replicates: int) -> Rounded:
        """Return ``(1/B) sum_b sum_t z[t] right[t]^T``; see `Backend.noise_outer`."""
        outer: Rounded = mean_outer(noise.values[layer], right, replicates)
        return outer

    def membrane_gradient(
        self, neuron: Neuron, layer: str, trace: Trace, signal: Rounded, *, reset_gradient: bool
    ) -> Rounded:
        """Go backwards over the steps, the reset cut; see `Backend.membrane_gradient`."""
        after, found = self.asarray(np.zeros(signal.shape[1:])), list[Rounded]()
        for t in reversed(range(len(signal))):
            kept = after * neuron.leak
            if neuron.reset == "hard":
                kept = kept * (1.0 - trace.spikes[layer][t])
            after = trace.derivative[layer][t] * signal[t] + kept
            found.append(after)
        return xp.stack(found[::-1])


def _pooled(layer: AvgPool, rows: Rounded) -> Rounded:
    channels, high, wide = layer.output_shape
    k = layer.kernel
    maps = xp.reshape(rows, (len(rows), *layer.input_shape))[:, :, : high * k, : wide * k]
    squares = xp.reshape(maps, (len(rows), channels, high, k, wide, k))
    return xp.reshape(xp.mean(squares, axis=(3, 5)), (len(rows), -1))


class _Run:
    """What has happened so far in a sequence, by layer's name, one array a step."""

    def __init__(
        self, backend: RoundedBackend, network: Network, params: Params, noise: Noise | None
    ) -> None:
        self.backend, self.network, self.params, self.noise = backend, network, params, noise
        self.membrane: dict[str, list[Rounded]] = {}
        self.spikes: dict[str, list[Rounded]] = {}
        self.activity: dict[str, list[Rounded]] = {}
        self.eligibility: dict[str, list[Rounded]] = {}
        self.constants: list[Rounded] = []

    def step(self, t: int, inputs: Rounded) -> Rounded:
        """Advance by one step; return o[t]."""
        one = self.backend.asarray(np.ones(()))
        before = self.constants[-1] if self.constants else one * 0.0
        self.constants.append(before * self.network.neuron.leak + 1.0)
        clean, received = {INPUT: inputs}, {INPUT: inputs}
        for layer in self.network.layers:
            (below,) = self.network.sources(layer)
            if isinstance(layer, Spiking):
                found = self._fired(layer.name, t, received[below])
            elif isinstance(layer, Linear | Conv2d):
                self._see(layer, clean[below])
                found = (self._current(layer, received[below]),) * 2
            else:
                found = self._mapped(layer, clean[below]), self._mapped(layer, received[below])
            clean[layer.name], received[layer.name] = found
        return clean[self.network.output.name]

    def _mapped(self, layer: Layer, values: Rounded) -> Rounded:
        return self.backend.mapped(layer, None, values)

    def _current(self, layer: Linear | Conv2d, values: Rounded) -> Rounded:
        current = self.backend.mapped(layer, self.params[f"{layer.name}.weight"], values)
        if not layer.bias:
            return current
        bias: Rounded = self.params[f"{layer.name}.bias"]
        spread = spread_bias(layer, bias.value), spread_bias(layer, bias.error)
        return current + Rounded(*spread, bias.bits)

    def _see(self, layer: Linear | Conv2d, values: Rounded) -> None:
        """Record a layer's clean input, and its trace."""
        traces = self.eligibility.setdefault(layer.name, [])
        trace = values
        if traces and self.network.has_memory(layer):
            trace = traces[-1] * self.network.neuron.leak + values
        traces.append(trace)
        self.activity.setdefault(layer.name, []).append(values)

    def _fired(self, name: str, t: int, current: Rounded) -> tuple[Rounded, Rounded]:
        """Return the spikes of a population, and what the next layer receives."""
        neuron, u = self.network.neuron, current
        if t > 0:
            before, fired = self.membrane[name][-1], self.spikes[name][-1]
            if neuron.reset == "soft":
                before = before - fired * neuron.threshold
            elif neuron.reset == "hard":
                before = before * (1.0 - fired)
            u = before * neuron.leak + current
        spikes = self.backend.asarray(u >= neuron.threshold)
        self.membrane.setdefault(name, []).append(u)
        self.spikes.setdefault(name, []).append(spikes)
        if self.noise is None:
            return spikes, spikes
        return spikes, spikes + self.noise.values[name][t] * self.noise.scale
