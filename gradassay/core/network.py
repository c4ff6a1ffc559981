"""Specification of a spiking network: pure data, no arrays.

The model, for spiking layers l = 1..N and a readout, at each step t in this order:

    u_l[t] = leak * (u_l[t-1] - V_th * s_l[t-1]) + I_l[t]     membrane potential, before the reset
    s_l[t] = 1 if u_l[t] >= V_th else 0                        spike
    r_l[t] = s_l[t] + alpha * z_l[t]                           received activity
    o[t]   = current of the readout: no memory; or its spikes, where the last layer is spiking

I_l is what reaches layer l from the received activities and the network's input through layers
without memory: dense, convolution, pooling, scaling, residual sum. ``u = 0`` and ``s = 0`` before
the first step. That is the soft reset; with the hard reset the membrane potential is set to 0 after
a spike, ``u_l[t] = leak * u_l[t-1] * (1 - s_l[t-1]) + ...``; with no reset the ``V_th`` term is
absent. Noise on the membrane potential, in place of noise on the spikes, is seen by the firing
alone, ``s_l[t] = 1 if u_l[t] + alpha * z_l[t] >= V_th``: the leak does not carry it on.

References
----------
Xiao, Meng, Zhang, He, Lin, "Online Pseudo-Zeroth-Order Training of Neuromorphic Spiking Neural
Networks", arXiv 2407.12516. Xiao et al., "Online Training Through Time for Spiking Neural
Networks" (OTTT), 2022.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any, Literal

import msgspec

from gradassay.core.errors import ConfigurationError, is_whole, unknown_name
from gradassay.core.layers import (
    Affine,
    Layer,
    Spec,
    Spiking,
    Sum,
    Weighted,
    require,
)
from gradassay.core.neuron import Neuron

INPUT = "input"
MOST_STEPS = 1_000_000


class Loss(Spec, frozen=True):
    """The loss of a step, ``L[t] = ((1 - mu) CE(o[t], y) + mu MSE(o[t], onehot(y))) / T``.

    Parameters
    ----------
    mse_weight : float
        mu in [0, 1]. MSE is the mean over classes of the squared difference.
    over : {"step", "sequence"}
        ``"step"``: the sum of L[t] over steps. ``"sequence"``: the same mixture, once, of the mean
        of o[t] over time.
    """

    mse_weight: float = 0.0
    over: Literal["step", "sequence"] = "step"

    def __post_init__(self) -> None:
        require(0 <= self.mse_weight <= 1, "mse_weight", self.mse_weight, "a number in [0, 1]")


class Network(Spec, frozen=True, dict=True):
    """A spiking network: layers in order, the neuron, the number of steps, the loss.

    Parameters
    ----------
    layers : tuple of Layer
        In an order in which every layer comes after those that feed it. The last one is the output:
        a `Linear` or `Conv2d` readout, or a spiking layer after it. At least one other layer is
        spiking.
    neuron : Neuron
        Shared by all spiking layers.
    steps : int
        T, at least 1.
    loss : Loss
        Loss of the outputs.

    Raises
    ------
    ConfigurationError
        If sizes do not fit, names repeat, a source is missing, T < 1, there is no hidden spiking
        layer, a layer feeds nothing, or a weighted layer reaches both the output and a spiking
        layer without passing a spiking layer (its weight gradient would need two traces).

    Examples
    --------
    >>> from gradassay.core.builders import fully_connected
    >>> network = fully_connected(64, (32,), 10, steps=4)
    >>> [layer.name for layer in network.layers]
    ['hidden1', 'lif1', 'readout']
    >>> Network.from_json(network.to_json()) == network
    True
    """

    layers: tuple[Layer, ...]
    neuron: Neuron = Neuron()
    steps: int = 6
    loss: Loss = Loss()

    def __post_init__(self) -> None:
        require(is_whole(self.steps), "steps", self.steps, "a whole number T")
        require(self.steps >= 1, "steps", self.steps, "T of at least 1")
        require(self.steps <= MOST_STEPS, "steps", self.steps, f"T of at most {MOST_STEPS:,}")
        names = [layer.name for layer in self.layers]
        different = len(set(names)) == len(names) and INPUT not in names
        require(different, "layer names", names, f"no name twice, none {INPUT!r}")
        self._require_sizes()
        self._require_output()

    def _require_sizes(self) -> None:
        """Every source comes before its consumer and has its size."""
        sizes: dict[str, int] = {}
        for layer in self.layers:
            for source in self.sources(layer):
                if source == INPUT:
                    sizes.setdefault(INPUT, layer.inputs)
                require(
                    source in sizes, f"source of {layer.name}", source, f"one of {sorted(sizes)}"
                )
                given = sizes[source]
                require(
                    given == layer.inputs,
                    f"size of {layer.name}",
                    layer.inputs,
                    f"{given} ({source})",
                )
            sizes[layer.name] = layer.outputs

    def _require_output(self) -> None:
        """There is a hidden spiking layer and a readout; every layer leads somewhere."""
        kinds = [type(layer).__name__ for layer in self.layers]
        readout = bool(self.layers) and isinstance(self.output, Affine | Spiking)
        require(
            readout and bool(self.weighted) and bool(self.spiking),
            "layers",
            kinds,
            "at least one hidden Spiking layer, and a Linear readout last (or Spiking after it)",
        )
        for layer in self.layers[:-1]:
            require(
                bool(self.consumers(layer.name)),
                layer.name,
                "no layer that it feeds",
                "one or more",
            )
        mixed = sorted(x.name for x in self.weighted if self._reaches[x.name] == {True, False})
        require(not mixed, "layers", mixed, "a spiking layer between these and the output")

    @functools.cached_property
    def _reaches(self) -> dict[str, set[bool]]:
        """Where each layer's output gets without a spiking layer between: True for neurons."""
        found = {self.output.name: {isinstance(self.output, Spiking)}}
        for layer in reversed(self.layers[:-1]):
            found[layer.name] = set[bool]().union(
                *(
                    {True} if isinstance(consumer, Spiking) else found[consumer.name]
                    for consumer in self.consumers(layer.name)
                )
            )
        return found

    @functools.cached_property
    def _before(self) -> dict[str, str]:
        """Name of the layer before each layer."""
        names = [INPUT, *(layer.name for layer in self.layers)]
        return dict(zip(names[1:], names, strict=False))

    @functools.cached_property
    def _consumers(self) -> dict[str, tuple[Layer, ...]]:
        fed: dict[str, tuple[Layer, ...]] = {}
        for layer in self.layers:
            for source in self.sources(layer):
                fed[source] = (*fed.get(source, ()), layer)
        return fed

    @functools.cached_property
    def _below_neurons(self) -> set[str]:
        """Names of the layers whose output reaches a hidden spiking layer."""
        found: set[str] = set()
        for layer in reversed(self.layers):
            fed = self.consumers(layer.name)
            if any(consumer in self.spiking or consumer.name in found for consumer in fed):
                found.add(layer.name)
        return found

    def sources(self, layer: Layer) -> tuple[str, ...]:
        """Return the names of the layers that feed a layer; ``"input"`` for the network's input."""
        if isinstance(layer, Sum):
            return layer.of
        return (layer.source or self._before[layer.name],)

    def consumers(self, name: str) -> tuple[Layer, ...]:
        """Return the layers that a layer, or ``"input"``, feeds."""
        return self._consumers.get(name, ())

    def has_memory(self, layer: Weighted) -> bool:
        """Whether the layer's output reaches neurons, whose leak keeps it, rather than the output.

        The weight gradient of such a layer takes the eligibility trace of its input, that of the
        others the input itself.
        """
        return True in self._reaches[layer.name]

    def below_neurons(self, name: str) -> bool:
        """Whether a layer's output reaches a hidden spiking layer, so that it needs a signal."""
        return name in self._below_neurons

    def layer(self, name: str) -> Layer:
        """Return the layer of a name.

        Raises
        ------
        UsageError
            If there is none.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown_name("layer", name, [layer.name for layer in self.layers])

    @property
    def output(self) -> Layer:
        """The last layer, whose current or spikes are the network's outputs."""
        return self.layers[-1]

    @functools.cached_property
    def weighted(self) -> tuple[Weighted, ...]:
        """The layers that have parameters, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Weighted))

    @functools.cached_property
    def spiking(self) -> tuple[Spiking, ...]:
        """The hidden spiking layers, in order: those that take noise and feedback."""
        hidden = self.layers[:-1]
        return tuple(layer for layer in hidden if isinstance(layer, Spiking))

    @functools.cached_property
    def populations(self) -> tuple[Spiking, ...]:
        """All spiking layers, in order; a spiking readout is the last of them."""
        return tuple(layer for layer in self.layers if isinstance(layer, Spiking))

    @property
    def readout(self) -> Weighted:
        """The last weighted layer."""
        return self.weighted[-1]

    @property
    def inputs(self) -> int:
        """Number of input features."""
        return self.consumers(INPUT)[0].inputs

    @property
    def classes(self) -> int:
        """Number of outputs m."""
        return self.output.outputs

    @functools.cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all parameters by dotted name."""
        return {name: shape for layer in self.weighted for name, shape in layer.shapes.items()}

    def to_json(self) -> str:
        """Return the specification as JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Network:
        """Read a specification from JSON, strictly.

        Raises
        ------
        ConfigurationError
            If a field is unknown, missing, of the wrong type or of an impossible value.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:  # ValidationError is its subclass
            raise ConfigurationError(f"network JSON: {error}.") from error

    @functools.cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name this specification in results."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def replace(self, **changes: Any) -> Network:
        """Return a copy with fields changed."""
        return msgspec.structs.replace(self, **changes)
