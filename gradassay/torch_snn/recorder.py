"""What one block keeps: the records that were asked for, and the state for the next block."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Any, get_args

import torch
from torch import Tensor

from gradassay.core.trace import Carry, Presynaptic, Recorded, SpikeTrace
from gradassay.torch_snn.packed import Spikes, numbers
from gradassay.torch_snn.spike_products import Apart
from gradassay.torch_snn.traces import activity, bias_trace, eligibility

# the bias's trace in the carry, by the record that needs it
BIAS_TRACES: dict[Recorded, str] = {
    "eligibility": "trace",
    "received_eligibility": "received_trace",
}


class Value:
    """What a layer gives: without the noise since the last weights, and with it.

    Parameters
    ----------
    spikes : tensor or Packed
        Without; of a population perhaps as bits, of any other layer its numbers.
    received : tensor, callable or None
        With it, or what makes it when it is asked for; None where it is the same.
    apart : Apart or None
        The noise, where dense layers can multiply it by itself.
    """

    __slots__ = ("_received", "apart", "spikes")

    def __init__(
        self,
        spikes: Spikes,
        received: Tensor | Callable[[], Tensor] | None = None,
        apart: Apart | None = None,
    ) -> None:
        self.spikes, self.apart = spikes, apart
        self._received = None if received is spikes else received

    @property
    def noisy(self) -> bool:
        """Whether the two are different."""
        return self._received is not None

    @property
    def clean(self) -> Tensor:
        """Without the noise, as numbers."""
        return numbers(self.spikes)

    @property
    def seen(self) -> Spikes:
        """With the noise, and as bits still where there is none."""
        return self.received if self.noisy else self.spikes

    @property
    def received(self) -> Tensor:
        """With the noise."""
        if self._received is None:
            return self.clean
        if not isinstance(self._received, Tensor):
            self._received = self._received()
        return self._received


@dataclass
class Recorder:
    """Records of one block under way.

    Parameters
    ----------
    leak : float
        Factor of the traces.
    steps : int
        t.
    record : set of str
        What to keep.
    carry : mapping or None
        State left by the block before. ``membrane/<layer>``: membrane potential after the reset.
        ``trace/<source>``, ``received_trace/<source>``: trace of the clean and of the received
        output of a layer that feeds weights; ``trace``, ``received_trace``: of the bias's input 1,
        float64 on the CPU. Traces are carried on only where they are recorded.
    """

    leak: float
    steps: int
    record: Set[Recorded]
    carry: Carry | None
    kept: dict[str, dict[str, Any]] = field(init=False)
    left: dict[str, Tensor] = field(default_factory=dict)
    bias: list[float] = field(default_factory=list)
    traces: dict[str, Presynaptic] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kept = {kind: {} for kind in get_args(Recorded)}
        for kind, name in BIAS_TRACES.items():
            if kind in self.record:
                before = self.before(name)
                start = 0.0 if before is None else float(before)
                self.bias = bias_trace(self.leak, self.steps, start)
                self.left[name] = torch.tensor(self.bias[-1], dtype=torch.float64)

    @property
    def needs_clean(self) -> bool:
        """Whether a record is of the input without noise."""
        return not self.record.isdisjoint(("eligibility", "activity"))

    def before(self, name: str) -> Tensor | None:
        """Return a state that the block before left."""
        return None if self.carry is None else self.carry.get(name)

    def keep(self, kind: Recorded, layer: str, value: object) -> None:
        """Keep a value if its kind was asked for."""
        if kind in self.record:
            self.kept[kind][layer] = value

    def keep_input(self, layer: str, source: str, value: Value, *, leaky: bool) -> None:
        """Keep the records of a weighted layer's input; only a leaky one has a trace."""
        if "activity" in self.record:
            self.kept["activity"][layer] = activity(value.spikes, self.steps)
        if "received_activity" in self.record:
            self.kept["received_activity"][layer] = activity(value.seen, self.steps)
        for kind, name in BIAS_TRACES.items():
            if kind in self.record:
                array = value.spikes if kind == "eligibility" else value.seen
                found = self._trace(name, source, array, shared=not value.noisy) if leaky else None
                self.kept[kind][layer] = found or activity(array, self.steps)

    def fused_traces(self, layer: str, *, noisy: bool) -> dict[str, Tensor | None]:
        """Return the traces of a population's output that are recorded, by name, before this block.

        Parameters
        ----------
        layer : str
            Of the population.
        noisy : bool
            Whether its spikes carry noise; else both traces are one where both are recorded.
        """
        names = [name for kind, name in BIAS_TRACES.items() if kind in self.record]
        names = names if noisy else names[:1]
        return {name: self.before(f"{name}/{layer}") for name in names}

    def take_trace(self, name: str, layer: str, trace: Tensor, last: Tensor) -> None:
        """Take a trace (t, R*B, n) of a population's output that is made already."""
        state = f"{name}/{layer}"
        self.traces[state] = Presynaptic(trace, trace.new_tensor(self.bias))
        self.left[state] = last

    def take_spikes(self, name: str, layer: str, spikes: Spikes, last: Tensor) -> None:
        """Take spikes in place of their trace from 0, of which the last step is made already."""
        state, bias, leak = f"{name}/{layer}", last.new_tensor(self.bias), self.leak

        def summed() -> Tensor:
            values: Tensor = eligibility(numbers(spikes), bias, leak, None)[0].values
            return values

        self.traces[state] = SpikeTrace(spikes, leak, bias, summed)
        self.left[state] = last

    def _trace(self, name: str, source: str, array: Spikes, *, shared: bool) -> Presynaptic:
        """Return a trace, made once for all layers that a source feeds.

        The trace of the received input is that of the clean one where the two are one array and
        were so in all blocks before, so that their states are one array too.
        """
        state, other = f"{name}/{source}", f"trace/{source}"
        if state in self.traces:
            return self.traces[state]
        before = self.before(state)
        if shared and other in self.traces and before is self.before(other):
            self.traces[state] = self.traces[other]
            last = self.left.get(other)
        else:
            values = numbers(array)
            bias = values.new_tensor(self.bias)
            self.traces[state], last = eligibility(values, bias, self.leak, before)
        if last is not None:
            self.left[state] = last
        return self.traces[state]
