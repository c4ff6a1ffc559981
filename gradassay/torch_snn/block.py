"""The forward pass of a block of steps, layer by layer through the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gradassay.core.batch import Batch
from gradassay.core.layers import Conv2d, Flatten, Gain, Layer, Linear, Spiking, Sum, Weighted
from gradassay.core.network import INPUT, Network
from gradassay.core.noise import Noise
from gradassay.core.trace import Recorded, Trace
from gradassay.torch_snn.loss import losses_and_errors
from gradassay.torch_snn.maps import current, fixed
from gradassay.torch_snn.native import lif as native
from gradassay.torch_snn.neuron import Scaled, scan
from gradassay.torch_snn.recorder import Recorder, Value
from gradassay.torch_snn.spiking import set_apart, spiking_current
from gradassay.torch_snn.standardisation import effective_weight
from gradassay.torch_snn.surrogate import surrogate_derivative

# what a population itself leaves in a trace
KEPT: tuple[Recorded, ...] = ("membrane", "spikes", "received", "derivative")
# records of spikes with the noise on them
RECEIVED: tuple[Recorded, ...] = ("received", "received_eligibility", "received_activity")


def run_block(
    network: Network,
    params: Mapping[str, Tensor],
    batch: Batch,
    noise: Noise | None,
    recorder: Recorder,
    *,
    fused: bool,
) -> Trace:
    """Run all layers over a block; the arguments are those of the backend's contract.

    Neurons go in one fused pass where they can, if `fused`.
    """
    run = Run(network, params, noise, recorder, fused)
    values = {INPUT: Value(batch.inputs)}
    waiting = {name: len(network.consumers(name)) for name in _names(network)}
    for layer in network.layers:
        sources = network.sources(layer)
        values[layer.name] = run.through(layer, [values[source] for source in sources])
        for source in sources:
            waiting[source] -= 1
            if not waiting[source]:
                del values[source]  # no later layer needs it
    outputs = values[network.output.name].received
    losses, errors = losses_and_errors(network.loss, outputs, batch.targets, network.steps)
    return Trace(outputs, losses, errors, recorder.left, **recorder.kept)


def _names(network: Network) -> list[str]:
    return [INPUT, *(layer.name for layer in network.layers)]


@dataclass(frozen=True)
class Run:
    """One block under way.

    Values are tensors (t, R*B, n); those of a static input stay (R*B, n) through layers without
    memory, so that what is the same at every step is computed once.
    """

    network: Network
    params: Mapping[str, Tensor]
    noise: Noise | None
    recorder: Recorder
    fused: bool

    def through(self, layer: Layer, given: Sequence[Value]) -> Value:
        """Return what a layer gives for what its sources give."""
        if isinstance(layer, Spiking):
            return self._fire(layer, given[0].received)
        if isinstance(layer, Linear | Conv2d | Gain):
            return self._weigh(layer, given[0])
        if isinstance(layer, Sum):
            return _both(added, given)
        return _both(lambda values: fixed(layer, values[0]), given)

    def _weigh(self, layer: Weighted, given: Value) -> Value:
        """Keep the records of a weighted layer's input, return its current."""
        (source,) = self.network.sources(layer)
        self.recorder.keep_input(layer.name, source, given, leaky=self.network.has_memory(layer))
        weight, bias = effective_weight(layer, self.params), self.params.get(f"{layer.name}.bias")
        if self.fused and isinstance(layer, Linear) and (given.apart or not given.noisy):
            made = spiking_current(layer, weight, bias, given.clean, given.apart)
            if made is not None:
                return Value(made)
        return Value(current(layer, weight, bias, given.received))

    def _fire(self, layer: Spiking, currents: Tensor) -> Value:
        """Run one layer's neurons, keep what was asked for, return spikes and what they become."""
        if self.fused and native.available(self.network.neuron, currents):
            return self._fire_fused(layer, currents)
        neuron, recorder = self.network.neuron, self.recorder
        state, static = f"membrane/{layer.name}", currents.ndim == 2
        membrane, spikes, recorder.left[state] = scan(
            neuron,
            currents.expand(recorder.steps, -1, -1) if static else currents,
            recorder.before(state),
            self._noise_of(layer, "membrane"),
            overwrite=not static and self._own_currents(layer),
        )
        received = _with_noise(spikes, self._noise_of(layer, "spike"))
        recorder.keep("membrane", layer.name, membrane)
        recorder.keep("spikes", layer.name, spikes)
        recorder.keep("received", layer.name, received)
        if "derivative" in recorder.record:
            seen = _with_noise(membrane, self._noise_of(layer, "membrane"))
            recorder.keep("derivative", layer.name, surrogate_derivative(neuron, seen))
        return Value(spikes if recorder.needs_clean else received, received)

    def _fire_fused(self, layer: Spiking, currents: Tensor) -> Value:
        """Do the same in one pass over memory, and the traces of the layers above with it."""
        recorder, state = self.recorder, f"membrane/{layer.name}"
        on_membrane = self._noise_of(layer, "membrane")
        noise = on_membrane or self._noise_of(layer, "spike")
        noisy = noise is not None and on_membrane is None
        apart = set_apart(noise) if noise and noisy and self._feeds_dense(layer) else None
        if apart is not None and recorder.record.isdisjoint(RECEIVED):
            noise, noisy = None, False  # nobody takes them together
        traces = recorder.fused_traces(layer.name, noisy=noisy) if self._feeds(layer) else {}
        wanted = {kind for kind in ("membrane", "derivative") if kind in recorder.record}
        wanted |= {"received"} if noisy else {"spikes"}
        if apart or "spikes" in recorder.record or "trace" in traces or self._clean_needed(layer):
            wanted |= {"spikes"}
        made = native.run(
            self.network.neuron,
            native.Fused(
                currents,
                recorder.steps,
                recorder.before(state),
                noise,
                on_membrane is not None,
                traces,
                frozenset(wanted | set(traces)),
                overwrite=self._own_currents(layer),
            ),
        )
        recorder.left[state] = made["left"]
        received = made["received"] if noisy else made["spikes"]
        spikes = made.get("spikes", received)
        for kind in KEPT:
            recorder.keep(kind, layer.name, received if kind == "received" else made.get(kind))
        for name in traces:
            clean = name == "trace" or not noisy
            recorder.take_trace(name, layer.name, made[name], spikes if clean else None)
        if apart is not None:
            return Value(spikes, received if noisy else None, apart)
        return Value(spikes if recorder.needs_clean else received, received)

    def _feeds_dense(self, layer: Spiking) -> bool:
        """Whether a population feeds dense layers and no others."""
        return all(isinstance(one, Linear) for one in self.network.consumers(layer.name))

    def _feeds(self, layer: Spiking) -> bool:
        """Whether a population feeds the weights of neurons directly, which see its trace."""
        return any(self._traced(layer))

    def _clean_needed(self, layer: Spiking) -> bool:
        """Whether spikes without the noise on them are used beside their trace."""
        if not self.recorder.needs_clean:
            return False
        return "activity" in self.recorder.record or not all(self._traced(layer))

    def _traced(self, layer: Spiking) -> list[bool]:
        """Return, for each layer above, whether it has weights of neurons, which see a trace."""
        network = self.network
        return [
            isinstance(one, Weighted) and network.has_memory(one)
            for one in network.consumers(layer.name)
        ]

    def _noise_of(self, layer: Spiking, position: str) -> Scaled | None:
        """Return the noise of a layer at a place, if there is any."""
        noise = self.noise
        if noise is None or noise.position != position or layer.name not in noise.values:
            return None
        return Scaled(noise.values[layer.name], noise.scale)

    def _own_currents(self, layer: Spiking) -> bool:
        """Whether nothing else uses the memory of a population's currents."""
        (source,) = self.network.sources(layer)
        if source == INPUT or len(self.network.consumers(source)) > 1:
            return False
        return not isinstance(self.network.layer(source), Spiking | Flatten)


def _both(function: Callable[[Sequence[Tensor]], Tensor], given: Sequence[Value]) -> Value:
    """Apply a function to the clean and to the received values, once where they are the same."""
    received = function([value.received for value in given])
    if not any(value.noisy for value in given):
        return Value(received)
    return Value(function([value.clean for value in given]), received)


def added(values: Sequence[Tensor]) -> Tensor:
    """Return the sum in new memory; a static value is added at every step."""
    total = values[0] + values[1]
    for value in values[2:]:
        total = total + value if value.ndim > total.ndim else total.add_(value)
    return total


def _with_noise(values: Tensor, noise: Scaled | None) -> Tensor:
    """Return ``values + alpha z``, or the values themselves where there is no noise."""
    return values if noise is None else torch.add(values, noise.values, alpha=noise.scale)
