"""Small smooth networks with every kind of layer, in which all parameters matter."""

from __future__ import annotations

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.layers import (
    AvgPool,
    Conv2d,
    Flatten,
    Gain,
    Linear,
    Scale,
    Spiking,
    Sum,
)
from gradassay.core.network import INPUT, Loss, Network
from gradassay.core.neuron import Neuron, Reset, Surrogate
from gradassay.core.noise import Noise, Position
from gradassay.core.params import Params

SAMPLES = 3


def smooth(reset: Reset) -> Neuron:
    return Neuron(0.75, 0.8, reset, Surrogate("sigmoid", 2.0), smooth=True)


def chain(reset: Reset = "soft", loss: Loss | None = None) -> Network:
    """Return a fully connected network with two hidden layers."""
    neuron, loss = smooth(reset), loss or Loss(0.3)
    return fully_connected(5, (4, 6), 3, steps=4, neuron=neuron, loss=loss)


def every_kind(reset: Reset = "soft", *, spiking_readout: bool = False) -> Network:
    """Return a graph with each kind of layer, and with layers that feed and are fed by several."""
    layers = (
        Conv2d("conv", (1, 5, 6), 2, 3, 2, 1, bias=True, standardised=True),
        Spiking("lif1", 18),
        Scale("scale", 18, 1.5),
        AvgPool("pool", (2, 3, 3), 2),
        Flatten("flatten", (2, 1, 1)),
        Linear("dense", 2, 4, standardised=True),
        Gain("gain", 4, 0.5),
        Linear("skip", 18, 4, bias=False, source="lif1"),
        Sum("sum", 4, ("gain", "skip", "dense")),
        Spiking("lif2", 4),
        Linear("direct", 30, 4, source=INPUT),
        Sum("more", 4, ("lif2", "direct")),
        Linear("readout", 4, 3),
    )
    last = (Spiking("out", 3),) if spiking_readout else ()
    return Network((*layers, *last), smooth(reset), 4, Loss(0.3))


def random_params(network: Network) -> Params:
    """Return parameters without a zero, biases and gains included."""
    key = Key(11)
    return Params(
        {name: (key / name).generator().normal(size=s) for name, s in network.shapes.items()}
    )


def random_batch(network: Network, *, sequence: bool = False) -> Batch:
    generator = Key(12).generator()
    lead = (network.steps,) if sequence else ()
    inputs = generator.random((*lead, SAMPLES, network.inputs))
    return Batch(inputs, generator.integers(0, network.classes, SAMPLES))


def random_noise(network: Network, position: Position = "spike", replicates: int = 1) -> Noise:
    values = {
        layer.name: (Key(13) / layer.name)
        .generator()
        .normal(size=(network.steps, replicates * SAMPLES, layer.units))
        for layer in network.spiking
    }
    return Noise(0.2, values, position)


def direction_of(params: Params) -> Params:
    key = Key(14)
    return Params({n: (key / n).generator().normal(size=a.shape) for n, a in params.items()})
