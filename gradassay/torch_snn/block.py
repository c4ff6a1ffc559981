"""The forward pass of a block of steps, layer by layer through the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from gradassay.core.batch import Batch
from gradassay.core.layers import Layer, Linear, Spiking, Sum, Weighted
from gradassay.core.network import INPUT, Network
from gradassay.core.noise import Noise
from gradassay.core.trace import Trace
from gradassay.torch_snn.loss import losses_and_errors
from gradassay.torch_snn.maps import current, fixed
from gradassay.torch_snn.population import Population
from gradassay.torch_snn.recorder import Recorder, Value
from gradassay.torch_snn.spike_products import spiking_current
from gradassay.torch_snn.standardisation import effective_weight


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

    Neurons go in one pass over memory, products with spikes by tables of sums and pools in C, if
    `fused`, where they can.
    """
    run = Run(network, params, batch, noise, recorder, fused)
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
    losses, errors = losses_and_errors(
        network.loss, outputs, batch.targets, network.steps, fused=fused
    )
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
    batch: Batch
    noise: Noise | None
    recorder: Recorder
    fused: bool

    def through(self, layer: Layer, given: Sequence[Value]) -> Value:
        """Return what a layer gives for what its sources give."""
        if isinstance(layer, Spiking):
            population = Population(self.network, layer, self.noise, self.recorder)
            return population.fire(given[0].received, fused=self.fused)
        if isinstance(layer, Weighted):
            return self._weigh(layer, given[0])
        if isinstance(layer, Sum):
            return _both(added, given)
        return _both(lambda values: fixed(layer, values[0], fused=self.fused), given)

    def _weigh(self, layer: Weighted, given: Value) -> Value:
        """Keep the records of a weighted layer's input, return its current."""
        (source,) = self.network.sources(layer)
        self.recorder.keep_input(layer.name, source, given, leaky=self.network.has_memory(layer))
        weight, bias = effective_weight(layer, self.params), self.params.get(f"{layer.name}.bias")
        if source == INPUT and self.batch.static and self.batch.plain is not None:
            once = current(layer, weight, bias, self.batch.plain.inputs)
            return Value(once.repeat(self.batch.folds, 1))  # one product for all replicates
        if self.fused and isinstance(layer, Linear) and (given.apart or not given.noisy):
            made = spiking_current(layer, weight, bias, given.spikes, given.apart)
            if made is not None:
                return Value(made)
        return Value(current(layer, weight, bias, given.received))


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
