"""The reference as a backend: the verbs that estimators use, in NumPy float64."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradassay.core.arrays import split_replicates
from gradassay.core.batch import Batch
from gradassay.core.network import Linear, Network, Neuron
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Carry, Presynaptic, Recorded, Trace
from gradassay.reference_snn.gradients import input_sequence
from gradassay.reference_snn.loss import losses_and_errors
from gradassay.reference_snn.model import Recording, require_block, run
from gradassay.reference_snn.neuron import (
    Float,
    membrane_by_membrane,
    membrane_by_spike,
    surrogate_derivative,
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
        length = network.steps if steps is None else steps
        require_block(network, length)
        inputs = input_sequence(network, batch, length)
        recording, after = run(network, params, inputs, noise, carry or {})
        outputs = np.stack(recording.outputs)
        losses, errors = losses_and_errors(network.loss, outputs, batch.targets, network.steps)
        kept = _kept(network, recording, record)
        return Trace(outputs, losses, errors, after, **kept)

    def weight_gradient(
        self,
        layer: Linear,
        delta: Float,
        presynaptic: Presynaptic,
        *,
        replicates: int | None = None,
    ) -> dict[str, Float]:
        """Sum ``delta a^T`` over steps, mean over the batch; see `Backend.weight_gradient`."""
        count = replicates or 1
        size = delta.shape[1] // count
        rows = split_replicates(delta, count)
        traces = split_replicates(presynaptic.values, count)
        scaled = split_replicates(delta * presynaptic.bias[:, None, None], count)
        gradient = {
            f"{layer.name}.weight": np.matmul(np.swapaxes(rows, 1, 2), traces) / size,
            f"{layer.name}.bias": scaled.sum(axis=1) / size,
        }
        return {
            name: array if replicates is not None else array[0]
            for name, array in gradient.items()
            if name in layer.shapes
        }

    def input_gradient(self, layer: Linear, params: Params, delta: Float) -> Float:
        """Return ``W^T delta``; see `Backend.input_gradient`."""
        product: Float = delta @ params[f"{layer.name}.weight"]
        return product

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


def _kept(network: Network, recording: Recording, record: Set[Recorded]) -> dict[Recorded, Any]:
    """Return the fields of the trace that were asked for."""
    membrane = {name: np.stack(steps) for name, steps in recording.membrane.items()}
    ones = np.ones(len(recording.outputs))
    constant = np.concatenate(recording.constant)
    everything: dict[Recorded, Any] = {
        "membrane": membrane,
        "spikes": {name: np.stack(steps) for name, steps in recording.spikes.items()},
        "received": {name: np.stack(steps) for name, steps in recording.received.items()},
        "derivative": {n: surrogate_derivative(network.neuron, u) for n, u in membrane.items()},
        "eligibility": {
            name: Presynaptic(np.stack(steps), ones if name == network.readout.name else constant)
            for name, steps in recording.eligibility.items()
        },
        "activity": {
            name: Presynaptic(np.stack(steps), ones) for name, steps in recording.activity.items()
        },
    }
    return {name: value for name, value in everything.items() if name in record}
