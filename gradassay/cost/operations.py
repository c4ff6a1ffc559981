"""Synaptic operations of the forward pass, from the activities that drove it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.batch import Batch
from gradassay.core.network import Linear, Network
from gradassay.core.noise import Noise


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

    Examples
    --------
    >>> (Operations(6, 4) + Operations(acs=2)) / 2
    Operations(macs=3.0, effective_macs=2.0, acs=1.0)
    """

    macs: float = 0
    effective_macs: float = 0
    acs: float = 0

    def __add__(self, other: Operations) -> Operations:
        """Add each count."""
        return Operations(
            self.macs + other.macs,
            self.effective_macs + other.effective_macs,
            self.acs + other.acs,
        )

    def __truediv__(self, samples: float) -> Operations:
        """Divide each count."""
        return Operations(self.macs / samples, self.effective_macs / samples, self.acs / samples)


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


def forward_operations(
    network: Network, batch: Batch, spikes: Mapping[str, Array], noise: Noise | None, steps: int
) -> Operations:
    """Return the operations of all weighted layers in a block of steps, over all its rows.

    Parameters
    ----------
    network : Network
        The model. The activities of smooth neurons are real-valued: MACs.
    batch : Batch
        As the forward pass had it; a static input is presented at each step.
    spikes : mapping from spiking layer's name to array, shape (t, R*B, n)
        Activities without noise.
    noise : Noise or None
        What was injected.
    steps : int
        t, length of the block.

    Notes
    -----
    For smooth neurons ``s + alpha z`` is one real-valued activity, a single product.
    """
    total = Operations()
    for layer, values, spiking, injected in _driven(network, batch, spikes, noise):
        shown = steps if len(values.shape) == 2 else 1
        active = shown * nonzero(values) * layer.outputs
        if not spiking:
            total += Operations(shown * size(values) * layer.outputs, active)
            continue
        total += Operations(acs=active)
        if injected is not None:
            total += Operations(size(injected) * layer.outputs, nonzero(injected) * layer.outputs)
    return total


def _driven(
    network: Network, batch: Batch, spikes: Mapping[str, Array], noise: Noise | None
) -> Iterator[tuple[Linear, Array, bool, Array | None]]:
    """Each weighted layer with its clean input, whether that is spikes, and its noise."""
    injected: Mapping[str, Array] = {} if noise is None else noise.values
    yield network.weighted[0], batch.inputs, is_spike_train(batch.inputs), None
    for layer, below in zip(network.weighted[1:], network.spiking, strict=True):
        yield layer, spikes[below.name], not network.neuron.smooth, injected.get(below.name)
