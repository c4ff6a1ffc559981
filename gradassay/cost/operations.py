"""Synaptic operations of the forward pass, from the activities that drove it."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.layers import Weighted
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.trace import Presynaptic, Trace
from gradassay.cost.connections import carries_spikes, connections, fan_out, origins


@dataclass(frozen=True)
class Operations:
    """Counts of operations; they add, and divide by a number of samples.

    Parameters
    ----------
    macs : float
        Multiply-accumulate operations, zeros included.
    effective_macs : float
        Those whose activity or error is not 0.
    acs : float
        Accumulate operations, one for each spike and connection.
    dense_acs : float
        Those that there would be if every neuron sent a spike at every step.
    spike_macs : float
        Of the effective MACs, those whose activity is a spike: no multiplication is needed.

    Examples
    --------
    >>> total = (Operations(6, 4) + Operations(acs=2, dense_acs=8)) / 2
    >>> total.macs, total.effective_macs, total.acs, total.dense_acs
    (3.0, 2.0, 1.0, 4.0)
    """

    macs: float = 0
    effective_macs: float = 0
    acs: float = 0
    dense_acs: float = 0
    spike_macs: float = 0

    def __add__(self, other: Operations) -> Operations:
        """Add each count."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Operations(*(own + more for own, more in pairs))

    def __truediv__(self, samples: float) -> Operations:
        """Divide each count."""
        return Operations(*(own / samples for own in astuple(self)))


def size(array: Array) -> int:
    """Return the number of entries."""
    return math.prod(array.shape)


def nonzero(array: Array) -> int:
    """Return the number of entries that are not 0."""
    xp = array_namespace(array)
    return int(xp.sum(xp.astype(array != 0, xp.int64)))


def is_spike_train(array: Array) -> bool:
    """Whether all entries are -1, 0 or 1, NeuroBench's test of a spiking input."""
    xp = array_namespace(array)
    return bool(xp.all((array == 0) | (abs(array) == 1)))


def reached(layer: Weighted, values: Array) -> int:
    """Return the connections of a weighted layer on which an input is not 0.

    Parameters
    ----------
    layer : Linear, Conv2d or Gain
    values : array, shape (..., inputs)
    """
    xp = array_namespace(values)
    active = xp.astype(values != 0, xp.int64)
    by_unit = xp.sum(xp.reshape(active, (-1, layer.inputs)), axis=0)
    return int(np.dot(np.asarray(by_unit.tolist()), fan_out(layer)))


def presynaptic_operations(layer: Weighted, presynaptic: Presynaptic) -> Operations:
    """Return a product of every input with each of its connections, as MACs.

    The value of a static input at step t is ``weights[t] * values``: it counts at every step.
    """
    values, weights = presynaptic.values, presynaptic.weights
    shown, active = (1, 1) if weights is None else (size(weights), nonzero(weights))
    rows = shown * size(values) // layer.inputs
    return Operations(rows * connections(layer), active * reached(layer, values))


def forward_operations(
    network: Network, trace: Trace, noise: Noise | None, *, input_spikes: bool
) -> Operations:
    """Return the operations of all weighted layers in a block of steps, over all its rows.

    Parameters
    ----------
    network : Network
        The model.
    trace : Trace
        Holds ``activity`` and, where noise is on the spikes, ``received_activity``.
    noise : Noise or None
        What was injected. Noise on the membrane potential is in the spikes: no products.
    input_spikes : bool
        Whether the network's input is a spike train.

    Notes
    -----
    A spike and the noise on it are two products, ``W s + W (alpha z)``, an accumulate and a MAC.
    ``s + alpha z`` of smooth neurons is one real-valued activity, a single product. Noise is
    counted where it arrives: behind a pool, once for each mean that it changes.
    """
    on_spikes = noise is not None and noise.position == "spike"
    injected = set(noise.values) if noise is not None and on_spikes else set[str]()
    total = Operations()
    for layer in network.weighted:
        clean = trace.activity[layer.name]
        noisy = bool(injected & origins(network, layer))
        received = trace.received_activity[layer.name] if noisy else clean
        if not carries_spikes(network, layer, input_spikes=input_spikes):
            total += presynaptic_operations(layer, received)
            continue
        sent = presynaptic_operations(layer, clean)
        total += Operations(acs=sent.effective_macs, dense_acs=sent.macs)
        if noisy:
            total += presynaptic_operations(layer, _difference(received, clean))
    return total


def _difference(received: Presynaptic, clean: Presynaptic) -> Presynaptic:
    """Return the noise in what a layer receives; noise changes from step to step."""
    return Presynaptic(received.values - clean.values, received.bias)
