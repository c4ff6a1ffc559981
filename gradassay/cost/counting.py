"""A backend around another one that counts what the model does."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.layers import Synapse, Weighted
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Carry, Presynaptic, Recorded, Trace
from gradassay.cost.connections import carries_spikes, connections, fan_in, fed_by_neurons
from gradassay.cost.operations import (
    Operations,
    forward_operations,
    is_spike_train,
    nonzero,
    presynaptic_operations,
    reached,
    size,
)
from gradassay.cost.wrapped import WrappedBackend


@dataclass(frozen=True)
class Counts:
    """What was counted, in total over all samples (and replicates) that passed.

    Parameters
    ----------
    forward_passes : float
        Steps run, over T: a pass in blocks of steps is one pass.
    backward_passes : float
        Steps for which an error was sent down to neurons through `input_gradient` of a weighted
        layer, over T, of the layer that most were sent through. Weighted layers that follow each
        other without neurons between, as in a residual branch, make no pass.
    forward : Operations
        MACs and ACs of the weighted layers in forward passes.
    backward : Operations
        MACs of `input_gradient` of weighted layers.
    tangent : Operations
        MACs of `apply` of weighted layers, through which tangents go up.
    update : Operations
        MACs of `weight_gradient`: every product of a delta with a presynaptic value counts as one,
        spike or not; the effective ones leave out presynaptic values that are 0. Where these values
        are the spikes that the layer received, not a trace of them, they are spike MACs too.
    noise_values : float
        Values of z that were injected (an antithetic pair has two), on spikes or membranes.
    spikes : dict of str to float
        Nonzero activities by hidden spiking layer's name.
    input_spikes : float or None
        Nonzero input values, where the inputs of all passes were spike trains.
    """

    forward_passes: float
    backward_passes: float
    forward: Operations
    backward: Operations
    tangent: Operations
    update: Operations
    noise_values: float
    spikes: dict[str, float]
    input_spikes: float | None

    def per_sample(self, samples: int) -> Counts:
        """Return the means over samples; passes, which all samples share, stay as they are."""
        return dataclasses.replace(
            self,
            forward=self.forward / samples,
            backward=self.backward / samples,
            tangent=self.tangent / samples,
            update=self.update / samples,
            noise_values=self.noise_values / samples,
            spikes={name: total / samples for name, total in self.spikes.items()},
            input_spikes=None if self.input_spikes is None else self.input_spikes / samples,
        )


class CountingBackend(WrappedBackend):
    """Count passes and synaptic operations of everything that is asked of a backend.

    The numbers are those of the model, not of the wrapped implementation: they follow from shapes
    and activities, so any backend gives the same. Results are those of the wrapped backend, bit for
    bit. Products that an estimator makes by itself (direct feedback) do not pass here. A forward
    pass keeps the inputs of all weighted layers until they are counted. Verbs that are not here are
    element by element, or not a product of the network: nothing to count.

    Parameters
    ----------
    inner : Backend
        The backend that does the work.

    Examples
    --------
    >>> import numpy as np
    >>> from gradassay.core.builders import fully_connected
    >>> from gradassay.core.keys import Key
    >>> from gradassay.core.params import initial_params
    >>> from gradassay.reference_snn import ReferenceBackend
    >>> network = fully_connected(3, (2,), 2, steps=4)
    >>> backend = CountingBackend(ReferenceBackend())
    >>> batch = Batch(np.full((1, 3), 0.5), np.zeros(1, dtype=int))
    >>> trace = backend.forward(network, initial_params(network, Key(0)), batch)
    >>> backend.counts.forward_passes, backend.counts.forward.macs
    (1.0, 24)
    """

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self._steps: int | None = None
        self._block = 1
        self._fed_by_neurons: frozenset[str] | None = None
        self._passes = Fraction(0)
        self._swept: Counter[str] = Counter()
        self._forward = self._backward = self._tangent = self._update = Operations()
        self._noise_values = 0
        self._spikes: Counter[str] = Counter()
        self._input_spikes: int | None = 0
        self._sent: dict[str, tuple[Presynaptic, ...]] = {}

    @property
    def counts(self) -> Counts:
        """Everything since the backend was made."""
        sweeps = Fraction(max(self._swept.values(), default=0), self._steps or 1)
        return Counts(
            forward_passes=float(self._passes),
            backward_passes=float(sweeps),
            forward=self._forward,
            backward=self._backward,
            tangent=self._tangent,
            update=self._update,
            noise_values=self._noise_values,
            spikes=dict(self._spikes),
            input_spikes=self._input_spikes,
        )

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
        """Run a block of steps and count its products; see `Backend.forward`."""
        wanted: set[Recorded] = {*record, "spikes", "activity"}
        if noise is not None and noise.position == "spike":
            wanted.add("received_activity")
        trace = super().forward(
            network, params, batch, noise=noise, record=wanted, carry=carry, steps=steps
        )
        self._block = network.steps if steps is None else steps
        self._steps = network.steps
        self._fed_by_neurons = fed_by_neurons(network)
        self._passes += Fraction(self._block, network.steps)
        self._count_activity(network, batch, noise, trace)
        unasked: dict[str, Any] = {kind: {} for kind in wanted - record}
        return dataclasses.replace(trace, **unasked)

    def _count_activity(
        self, network: Network, batch: Batch, noise: Noise | None, trace: Trace
    ) -> None:
        """Add the products, the spikes and the noise of one block."""
        input_spikes = is_spike_train(batch.inputs)
        self._forward += forward_operations(network, trace, noise, input_spikes=input_spikes)
        for weighted in network.weighted:
            if carries_spikes(network, weighted, input_spikes=input_spikes):
                before = self._sent.get(weighted.name, ())[-1:]
                self._sent[weighted.name] = (*before, trace.activity[weighted.name])
        for layer in network.spiking:
            self._spikes[layer.name] += nonzero(trace.spikes[layer.name])
        if noise is not None:
            self._noise_values += sum(size(z) for z in noise.values.values())
        if self._input_spikes is not None:
            shown = self._block if batch.static else 1
            self._input_spikes = (
                self._input_spikes + shown * nonzero(batch.inputs) if input_spikes else None
            )

    def apply(self, layer: Synapse, weight: Array | None, values: Array) -> Array:
        """Count outputs times fan-in a row and step; see `Backend.apply`.

        A static input's product, given once for all steps of a block, counts at each of them.
        """
        if isinstance(layer, Weighted):
            shown = self._block if values.shape[0] == 1 else 1
            rows = size(values) // layer.inputs
            self._tangent += Operations(
                shown * rows * connections(layer), shown * reached(layer, values)
            )
        return super().apply(layer, weight, values)

    def input_gradient(self, layer: Synapse, weight: Array | None, delta: Array) -> Array:
        """Count outputs times fan-in a row and step; see `Backend.input_gradient`."""
        if isinstance(layer, Weighted):
            if self._fed_by_neurons is None or layer.name in self._fed_by_neurons:
                self._swept[layer.name] += int(delta.shape[0])
            per_output = fan_in(layer)
            self._backward += Operations(size(delta) * per_output, nonzero(delta) * per_output)
        return super().input_gradient(layer, weight, delta)

    def weight_gradient(
        self,
        layer: Weighted,
        params: Params,
        delta: Array,
        presynaptic: Presynaptic,
        *,
        replicates: int | None = None,
    ) -> dict[str, Array]:
        """Count outputs times fan-in a row and step; see `Backend.weight_gradient`."""
        products = presynaptic_operations(layer, presynaptic)
        if self._are_spikes(layer.name, presynaptic):
            products = dataclasses.replace(products, spike_macs=products.effective_macs)
        self._update += products
        return super().weight_gradient(layer, params, delta, presynaptic, replicates=replicates)

    def _are_spikes(self, layer: str, presynaptic: Presynaptic) -> bool:
        """Whether these are the spikes that the layer received in one of the last two passes."""
        return any(_same(sent, presynaptic) for sent in self._sent.get(layer, ()))


def _same(one: Presynaptic, other: Presynaptic) -> bool:
    """Whether two presynaptic activities are equal, value by value."""
    if one is other:
        return True
    if (one.weights is None) != (other.weights is None) or one.values.shape != other.values.shape:
        return False
    pairs = [(one.values, other.values)]
    if one.weights is not None and other.weights is not None:
        pairs.append((one.weights, other.weights))
    return all(bool(array_namespace(left).all(left == right)) for left, right in pairs)
