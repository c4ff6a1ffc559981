"""What a forward pass leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from gradassay.core.arrays import Array

Recorded = Literal[
    "membrane",
    "spikes",
    "received",
    "derivative",
    "eligibility",
    "activity",
    "received_eligibility",
    "received_activity",
]
Carry = Mapping[str, Array]


@dataclass(frozen=True)
class Presynaptic:
    """What the weight gradient of one layer multiplies its delta with.

    Parameters
    ----------
    values : array
        ``(t, R*B, n)``; or ``(R*B, n)`` for a static input, whose value at step t is
        ``weights[t] * values``.
    bias : array, shape (t,)
        The same quantity for the constant input 1 of the bias.
    weights : array, shape (t,), or None
        Given for a static input only.
    """

    values: Array
    bias: Array
    weights: Array | None = None


class SpikeTrace(Presynaptic):
    """A trace of spikes, which is summed when its values are asked for.

    Parameters
    ----------
    spikes : any
        Zeros and ones s, with ``values[t] = leak * values[t-1] + s[t]`` from 0; opaque, of the
        backend that made the trace.
    leak : float
        With 0, the trace is s.
    bias : array, shape (t,)
        As in `Presynaptic`.
    summed : callable
        Returns the values.
    """

    def __init__(self, spikes: Any, leak: float, bias: Array, summed: Callable[[], Array]) -> None:
        vars(self).update(spikes=spikes, leak=leak, bias=bias, summed=summed)

    spikes: Any
    leak: float
    summed: Callable[[], Array]

    @cached_property
    def values(self) -> Array:
        """The trace, shape (t, R*B, n)."""
        return self.summed()


@dataclass(frozen=True)
class Trace:
    """Record of a block of t steps; a whole sequence is the block with t = T.

    Mappings hold what the caller asked for and are empty otherwise.

    Parameters
    ----------
    outputs : array, shape (t, R*B, m)
        o[t].
    losses : array, shape (t, R*B)
        Loss of each sample and step; the sum over steps is the sample's loss (a loss of the
        sequence is spread evenly over its steps).
    errors : array, shape (t, R*B, m)
        e[t], the derivative of the sample's loss by o[t], the factor 1/T included, the factor 1/B
        of the batch mean not.
    carry : mapping
        State for the next block; opaque, of the backend that made it.
    membrane, spikes, received, derivative : mapping from spiking layer's name to (t, R*B, n)
        u before the reset and without noise; s; r = s + alpha z (s where the noise is on the
        membrane potential); psi at what the firing saw, u or u + alpha z.
    eligibility : mapping from weighted layer's name to Presynaptic
        Trace of the layer's clean input, ``a[t] = leak * a[t-1] + x[t]``; its bias is the trace
        of 1. A layer whose output reaches no neuron (`Network.has_memory`) takes its clean input
        itself, with bias 1. Clean: what the layer would receive in this pass if the noise of the
        spikes that feed it, through layers without weights, were left out.
    activity : mapping from weighted layer's name to Presynaptic
        The layer's clean input at each step, without a trace, with bias 1.
    received_eligibility, received_activity : mapping from weighted layer's name to Presynaptic
        The same two of what the layer did receive, noise included.
    """

    outputs: Array
    losses: Array
    errors: Array
    carry: Carry = field(default_factory=dict)
    membrane: Mapping[str, Array] = field(default_factory=dict)
    spikes: Mapping[str, Array] = field(default_factory=dict)
    received: Mapping[str, Array] = field(default_factory=dict)
    derivative: Mapping[str, Array] = field(default_factory=dict)
    eligibility: Mapping[str, Presynaptic] = field(default_factory=dict)
    activity: Mapping[str, Presynaptic] = field(default_factory=dict)
    received_eligibility: Mapping[str, Presynaptic] = field(default_factory=dict)
    received_activity: Mapping[str, Presynaptic] = field(default_factory=dict)
