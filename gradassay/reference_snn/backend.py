"""The reference as a backend: the verbs that estimators use, in NumPy float64."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradassay.core.arrays import mean_outer, merge_replicates, split_replicates
from gradassay.core.batch import Batch, block_steps
from gradassay.core.layers import Affine, Gain, Synapse, Weighted
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise, require_injectable
from gradassay.core.params import Params
from gradassay.core.trace import Carry, Presynaptic, Recorded, Trace
from gradassay.reference_snn.loss import losses_and_errors
from gradassay.reference_snn.maps import (
    bias_sums,
    forward_map,
    transposed_map,
    weight_products,
)
from gradassay.reference_snn.model import Recording, input_sequence, run
from gradassay.reference_snn.neuron import (
    Float,
    membrane_by_membrane,
    membrane_by_spike,
    surrogate_derivative,
)
from gradassay.reference_snn.standardisation import (
    effective_tangent,
    effective_weight,
    parameter_gradient,
)


@dataclass(frozen=True)
class ReferenceBackend:
    """Plain NumPy float64.

    It implements `gradassay.core.backend.Backend`, whose docstrings say what each verb does.
    """

    @property
    def name(self) -> str:
        """``numpy``."""
        return "numpy"

    @property
    def dtype(self) -> type[np.floating]:
        """``numpy.float64``."""
        return np.float64

    def asarray(self, array: np.ndarray) -> np.ndarray:
        """Return floating arrays as float64, others as they are."""
        array = np.asarray(array)
        return array.astype(np.float64) if array.dtype.kind == "f" else array

    def to_numpy(self, array: np.ndarray) -> np.ndarray:
        """Return the array itself."""
        return array

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
        """Run a block of steps; see `Backend.forward`."""
        length = block_steps(network, batch, steps)
        inputs = input_sequence(batch, length)
        if noise is not None:
            require_injectable(network, noise, length, inputs.shape[1])
        recording, after = run(network, params, inputs, noise, carry or {})
        outputs = np.stack(recording.outputs)
        losses, errors = losses_and_errors(network.loss, outputs, batch.targets, network.steps)
        kept = _kept(network, recording, record)
        return Trace(outputs, losses, errors, after, **kept)

    def loss(self, network: Network, outputs: Float, targets: np.ndarray) -> tuple[Float, Float]:
        """Return losses and errors; see `Backend.loss`."""
        return losses_and_errors(network.loss, outputs, targets, network.steps)

    def weight(self, layer: Affine, params: Params) -> Float:
        """Return the weight that the layer multiplies with; see `Backend.weight`."""
        return effective_weight(layer, params)

    def weight_tangent(self, layer: Affine, params: Params, tangent: Params) -> Float:
        """Return the derivative of the weight along a direction; see `Backend.weight_tangent`."""
        return effective_tangent(layer, params, tangent)

    def apply(self, layer: Synapse, weight: Float | None, values: Float) -> Float:
        """Return the layer's output without its bias; see `Backend.apply`."""
        return _by_replicate(forward_map, layer, weight, values)

    def input_gradient(self, layer: Synapse, weight: Float | None, delta: Float) -> Float:
        """Return the derivative by the layer's input; see `Backend.input_gradient`."""
        return _by_replicate(transposed_map, layer, weight, delta)

    def weight_gradient(
        self,
        layer: Weighted,
        params: Params,
        delta: Float,
        presynaptic: Presynaptic,
        *,
        replicates: int | None = None,
    ) -> dict[str, Float]:
        """Sum over steps, mean over the batch; see `Backend.weight_gradient`."""
        count = replicates or 1
        size = delta.shape[1] // count
        rows = split_replicates(delta, count)
        traces = split_replicates(presynaptic.values, count)
        by_weight = weight_products(layer, rows, traces) / size
        scaled = split_replicates(delta * presynaptic.bias[:, None, None], count)
        gradient = {f"{layer.name}.bias": bias_sums(layer, scaled).sum(axis=1) / size}
        if isinstance(layer, Gain):
            gradient[f"{layer.name}.weight"] = by_weight
        else:
            gradient |= parameter_gradient(layer, params, by_weight)
        return {
            name: gradient[name] if replicates is not None else gradient[name][0]
            for name in layer.shapes
        }

    def noise_outer(self, noise: Noise, layer: str, right: Float, replicates: int) -> Float:
        """Return ``(1/B) sum_b sum_t z[t] right[t]^T``; see `Backend.noise_outer`."""
        outer: Float = mean_outer(noise.values[layer], right, replicates)
        return outer

    def membrane_gradient(
        self, neuron: Neuron, layer: str, trace: Trace, signal: Float, *, reset_gradient: bool
    ) -> Float:
        """Go backwards over the steps inside one layer; see `Backend.membrane_gradient`."""
        membrane, spikes = trace.membrane[layer], trace.spikes[layer]
        epsilon = np.zeros_like(signal)
        after = np.zeros_like(signal[0])
        for t in reversed(range(signal.shape[0])):
            total = signal[t]
            if reset_gradient:
                total = total + membrane_by_spike(neuron, membrane[t]) * after
            after = (
                trace.derivative[layer][t] * total + membrane_by_membrane(neuron, spikes[t]) * after
            )
            epsilon[t] = after
        return epsilon

    def membrane_tangent(
        self, neuron: Neuron, layer: str, trace: Trace, currents: Float, *, reset_gradient: bool
    ) -> Float:
        """Go forwards over the steps inside one layer; see `Backend.membrane_tangent`."""
        membrane, spikes = trace.membrane[layer], trace.spikes[layer]
        tangent = np.zeros_like(currents)
        tangent[0] = currents[0]
        for t in range(1, len(currents)):
            before = tangent[t - 1]
            tangent[t] = currents[t] + membrane_by_membrane(neuron, spikes[t - 1]) * before
            if reset_gradient:
                fired = trace.derivative[layer][t - 1] * before
                tangent[t] += membrane_by_spike(neuron, membrane[t - 1]) * fired
        return tangent


def _by_replicate(
    function: Callable[[Synapse, Float | None, Float], Float],
    layer: Synapse,
    weight: Float | None,
    values: Float,
) -> Float:
    """Apply a linear map to (t, R*B, n), with one weight or with one for each replicate."""
    steps = values.shape[0]
    if weight is not None and isinstance(layer, Weighted):
        if weight.ndim > len(layer.weight_shape):
            rows = split_replicates(values, len(weight))
            parts = [function(layer, w, x) for w, x in zip(weight, rows, strict=True)]
            merged: Float = merge_replicates(np.stack(parts), steps)
            return merged
    flat = function(layer, weight, values.reshape(-1, values.shape[-1]))
    return flat.reshape(steps, -1, flat.shape[-1])


def _kept(network: Network, recording: Recording, record: Set[Recorded]) -> dict[Recorded, Any]:
    """Return the fields of the trace that were asked for."""
    neuron, ones = network.neuron, np.ones(len(recording.outputs))
    constant = np.concatenate(recording.constant)
    leaky = {x.name: constant if network.has_memory(x) else ones for x in network.weighted}
    kept: dict[Recorded, Any] = {}
    for kind in record:
        if kind == "derivative":
            seen = {name: np.stack(steps) for name, steps in recording.seen.items()}
            kept[kind] = {name: surrogate_derivative(neuron, u) for name, u in seen.items()}
            continue
        arrays = {name: np.stack(steps) for name, steps in getattr(recording, kind).items()}
        if kind.endswith(("eligibility", "activity")):
            bias = leaky if kind.endswith("eligibility") else dict.fromkeys(leaky, ones)
            kept[kind] = {name: Presynaptic(a, bias[name]) for name, a in arrays.items()}
        else:
            kept[kind] = arrays
    return kept
