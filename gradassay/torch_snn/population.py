"""One population of neurons over a block of steps: its firing, its records, its noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gradassay.core.layers import Flatten, Linear, Spiking, Weighted
from gradassay.core.network import INPUT, Network
from gradassay.core.noise import Noise
from gradassay.core.trace import Recorded
from gradassay.torch_snn.native import lif as native
from gradassay.torch_snn.native.packing import worth_emitting
from gradassay.torch_snn.neuron import Scaled, ScaledSigns, scan
from gradassay.torch_snn.packed import Packed, Spikes, numbers
from gradassay.torch_snn.recorder import Recorder, Value
from gradassay.torch_snn.spike_products import Apart, set_apart
from gradassay.torch_snn.surrogate import surrogate_derivative

# what a population itself leaves in a trace
KEPT: tuple[Recorded, ...] = ("membrane", "spikes", "received", "derivative")
# records of spikes with the noise on them
RECEIVED: tuple[Recorded, ...] = ("received", "received_eligibility", "received_activity")


@dataclass(frozen=True)
class Population:
    """The neurons of a spiking layer in one block under way.

    Parameters
    ----------
    network : Network
    layer : Spiking
    noise : Noise or None
        Of the block.
    recorder : Recorder
    """

    network: Network
    layer: Spiking
    noise: Noise | None
    recorder: Recorder

    def fire(self, currents: Tensor, *, fused: bool) -> Value:
        """Return spikes and what they become, for currents (t, R*B, n), or (R*B, n) if static.

        In one pass over memory where that is to be had, if `fused`.
        """
        if fused and native.available(self.network.neuron, currents):
            return self._fused(currents)
        return self._plain(currents)

    def _plain(self, currents: Tensor) -> Value:
        """Run the neurons in plain tensor operations."""
        neuron, recorder, name = self.network.neuron, self.recorder, self.layer.name
        state, static = f"membrane/{name}", currents.ndim == 2
        membrane, spikes, recorder.left[state] = scan(
            neuron,
            currents.expand(recorder.steps, -1, -1) if static else currents,
            recorder.before(state),
            self._noise_on("membrane"),
            overwrite=not static and self._own_currents,
        )
        received = _with_noise(spikes, self._noise_on("spike"))
        recorder.keep("membrane", name, membrane)
        recorder.keep("spikes", name, spikes)
        recorder.keep("received", name, received)
        if "derivative" in recorder.record:
            seen = _with_noise(membrane, self._noise_on("membrane"))
            recorder.keep("derivative", name, surrogate_derivative(neuron, seen))
        return Value(spikes if recorder.needs_clean else received, received)

    def _fused(self, currents: Tensor) -> Value:
        """Do the same in one pass, and the traces of the layers above with it."""
        recorder, name = self.recorder, self.layer.name
        apart = self._apart()
        together = apart is None or not recorder.record.isdisjoint(RECEIVED)
        on_spikes = self._noise_or_bits("spike") if together else None
        on_membrane = self._noise_or_bits("membrane")
        noisy = on_spikes is not None
        traces = recorder.fused_traces(name, noisy=noisy) if any(self._traced) else {}
        rows = recorder.steps * currents.shape[-2]
        made = native.run(
            self.network.neuron,
            native.Fused(
                currents,
                recorder.steps,
                recorder.before(f"membrane/{name}"),
                on_membrane or on_spikes,
                on_membrane is not None,
                traces,
                self._wanted(traces, rows, noisy=noisy, apart=apart is not None),
                overwrite=self._own_currents,
            ),
        )
        spikes = self._spikes(made)
        self._keep(made, spikes, list(traces))
        if apart is not None:
            return Value(spikes, made["received"] if noisy else self._make_noisy(spikes), apart)
        if not noisy:
            return Value(spikes)
        received = made["received"]
        return Value(spikes if recorder.needs_clean else received, received)

    def _wanted(
        self, traces: Mapping[str, Tensor | None], rows: int, *, noisy: bool, apart: bool
    ) -> frozenset[str]:
        """Return what the pass has to make.

        Dense layers take spikes in place of their trace where it starts from 0, and their bits in
        place of spikes.
        """
        record = self.recorder.record
        wanted = {kind for kind in ("membrane", "derivative", "spikes") if kind in record}
        if noisy or "received" in record:
            wanted.add("received" if noisy else "spikes")
        clean = not noisy or apart or self.recorder.needs_clean
        if clean and self._packs(rows):
            wanted.add("bits")
        elif not noisy or apart or "trace" in traces or self._clean_needed:
            wanted.add("spikes")
        for trace, before in traces.items():
            of_spikes = trace == "trace" or not noisy
            if not (self._dense and of_spikes and before is None):
                wanted.add(trace)
        return frozenset(wanted)

    def _spikes(self, made: Mapping[str, Tensor]) -> Spikes:
        """Return the clean spikes of a pass, as bits where there are some; else what there is."""
        values = made.get("spikes")
        if "bits" in made:
            shape = (self.recorder.steps, *made["left"].shape)
            return Packed(made["bits"], shape, made["left"].dtype, values)
        return made["received"] if values is None else values

    def _keep(self, made: Mapping[str, Tensor], spikes: Spikes, traces: Sequence[str]) -> None:
        """Keep the records and the state that a pass made."""
        recorder, name = self.recorder, self.layer.name
        recorder.left[f"membrane/{name}"] = made["left"]
        for kind in KEPT:
            other = made.get("spikes") if kind == "received" else None
            recorder.keep(kind, name, made.get(kind, other))
        for trace in traces:
            last = made[f"{trace}_left"]
            if trace in made:
                recorder.take_trace(trace, name, made[trace], last)
            else:
                recorder.take_spikes(trace, name, spikes, last)

    def _apart(self) -> Apart | None:
        """Return noise on the spikes that dense layers, which alone see it, multiply by itself."""
        noise = self._injected("spike") if self._dense else None
        return None if noise is None else set_apart(noise, self.layer.name)

    @property
    def _dense(self) -> bool:
        """Whether dense layers alone take the population's output."""
        return all(isinstance(one, Linear) for one in self.network.consumers(self.layer.name))

    def _packs(self, rows: int) -> bool:
        """Whether dense layers alone take the population's spikes, and bits of them pay."""
        multiplied = self._dense and self.layer != self.network.output
        return multiplied and worth_emitting(rows, self.layer.units)

    def _make_noisy(self, spikes: Spikes) -> Callable[[], Tensor]:
        return lambda: _with_noise(numbers(spikes), self._noise_on("spike"))

    @property
    def _clean_needed(self) -> bool:
        """Whether spikes without the noise on them are used beside their trace."""
        record = self.recorder.record
        if "spikes" in record:
            return True
        return self.recorder.needs_clean and ("activity" in record or not all(self._traced))

    @property
    def _traced(self) -> list[bool]:
        """Return, for each layer above, whether it has weights of neurons, which see a trace."""
        network = self.network
        return [
            isinstance(one, Weighted) and network.has_memory(one)
            for one in network.consumers(self.layer.name)
        ]

    def _injected(self, position: str) -> Noise | None:
        """Return the noise, if this layer has some at a place."""
        noise = self.noise
        here = noise and noise.position == position and self.layer.name in noise.values
        return noise if here else None

    def _noise_on(self, position: str) -> Scaled | None:
        """Return the layer's noise at a place, if there is any."""
        noise = self._injected(position)
        return None if noise is None else Scaled(noise.values[self.layer.name], noise.scale)

    def _noise_or_bits(self, position: str) -> Scaled | ScaledSigns | None:
        """Return it as the bits that it is made of, where there are any."""
        noise, name = self._injected(position), self.layer.name
        if noise is not None and name in noise.raw:
            return ScaledSigns(noise.raw[name], noise.scale)
        return self._noise_on(position)

    @property
    def _own_currents(self) -> bool:
        """Whether nothing else uses the memory of the population's currents."""
        (source,) = self.network.sources(self.layer)
        if source == INPUT or len(self.network.consumers(source)) > 1:
            return False
        return not isinstance(self.network.layer(source), Spiking | Flatten)


def _with_noise(values: Tensor, noise: Scaled | None) -> Tensor:
    """Return ``values + alpha z``, or the values themselves where there is no noise."""
    return values if noise is None else torch.add(values, noise.values, alpha=noise.scale)
