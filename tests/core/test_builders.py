"""Named networks, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gradassay.core.builders import CONVOLUTIONAL, convolutional, fully_connected, network_named
from gradassay.core.errors import ConfigurationError, GradassayError, UsageError
from gradassay.core.layers import (
    AvgPool,
    Conv2d,
    Flatten,
    Gain,
    Layer,
    Linear,
    Scale,
    Spiking,
    Sum,
)
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.residual import residual


@pytest.mark.parametrize("bias", [True, False])
def test_a_fully_connected_network_is_dense_layers_and_neurons_in_turn(bias: bool) -> None:
    layers = (
        Linear("hidden1", 4, 3, bias),
        Spiking("lif1", 3),
        Linear("hidden2", 3, 5, bias),
        Spiking("lif2", 5),
        Linear("readout", 5, 2, bias),
    )
    assert fully_connected(4, (3, 5), 2, bias=bias, steps=3) == Network(layers, steps=3)


def test_dense_layers_have_a_bias_unless_told_otherwise() -> None:
    assert fully_connected(4, [3], 2) == fully_connected(4, (3,), 2, bias=True)


PLAN = "4C3-AP2-6C5-AP2-3C2-FC"


def planned(standardised: bool) -> tuple[Layer, ...]:
    def scale(number: int, units: int) -> tuple[Layer, ...]:
        return (Scale(f"scale{number}", units, 2.74),) if standardised else ()

    return (
        Conv2d("conv1", (1, 8, 10), 4, 3, 1, 1, True, standardised),
        Spiking("lif1", 320),
        *scale(1, 320),
        AvgPool("pool1", (4, 8, 10), 2),
        Conv2d("conv2", (4, 4, 5), 6, 5, 1, 2, True, standardised),
        Spiking("lif2", 120),
        *scale(2, 120),
        AvgPool("pool2", (6, 4, 5), 2),
        Conv2d("conv3", (6, 2, 2), 3, 2, 1, 1, True, standardised),
        Spiking("lif3", 27),
        *scale(3, 27),
        Flatten("flatten", (3, 3, 3)),
        Linear("readout", 27, 7),
    )


@pytest.mark.parametrize("standardised", [True, False])
def test_a_plan_is_convolutions_with_neurons_pools_and_a_readout(standardised: bool) -> None:
    found = convolutional((1, 8, 10), PLAN, 7, standardised=standardised, steps=3)
    assert found == Network(planned(standardised), steps=3)


def test_the_convolutions_of_a_plan_are_standardised_unless_told_otherwise() -> None:
    assert convolutional((1, 8, 10), PLAN, 7).layers == planned(True)


def test_a_pool_has_the_kernel_of_its_plan() -> None:
    network = convolutional((1, 9, 9), "2C3-AP3-FC", 2)
    assert network.layer("pool1") == AvgPool("pool1", (2, 9, 9), 3)


def block(name: str, stream: str, shape: tuple[int, int, int], beta: float) -> list[Layer]:
    """Return a block of a residual network of width 2 that changes no shape."""
    channels, units = shape[0], shape[0] * shape[1] * shape[2]
    first = {"standardised": True, "source": f"{name}.scale1"}
    return [
        Scale(f"{name}.beta", units, beta, source=stream),
        Spiking(f"{name}.lif1", units),
        Scale(f"{name}.scale1", units, 2.74),
        Conv2d(f"{name}.conv1", shape, channels, 3, 1, 1, **first),  # type: ignore[arg-type]
        Spiking(f"{name}.lif2", units),
        Scale(f"{name}.scale2", units, 2.74),
        Conv2d(f"{name}.conv2", shape, channels, 3, 1, 1, standardised=True),
        Gain(f"{name}.gain", units, 0.0),
        Scale(f"{name}.branch", units, 0.2),
        Sum(f"{name}.sum", units, (stream, f"{name}.branch")),
    ]


def halving_block(name: str, stream: str, beta: float) -> list[Layer]:
    """Return the block that makes (4, 2, 3) of (2, 3, 5)."""
    first = {"standardised": True, "source": f"{name}.scale1"}
    shape, after = (2, 3, 5), (4, 2, 3)
    return [
        Scale(f"{name}.beta", 30, beta, source=stream),
        Spiking(f"{name}.lif1", 30),
        Scale(f"{name}.scale1", 30, 2.74),
        Conv2d(f"{name}.shortcut", shape, 4, 1, 2, 0, **first),  # type: ignore[arg-type]
        Conv2d(f"{name}.conv1", shape, 4, 3, 2, 1, **first),  # type: ignore[arg-type]
        Spiking(f"{name}.lif2", 24),
        Scale(f"{name}.scale2", 24, 2.74),
        Conv2d(f"{name}.conv2", after, 4, 3, 1, 1, standardised=True),
        Gain(f"{name}.gain", 24, 0.0),
        Scale(f"{name}.branch", 24, 0.2),
        Sum(f"{name}.sum", 24, (f"{name}.shortcut", f"{name}.branch")),
    ]


def test_a_residual_network_is_its_blocks_in_order() -> None:
    # each branch adds 0.2^2 to the variance of the stream, and a shortcut of spikes starts at 1
    two = 0.2**2 + 1.0
    three = 0.2**2 + two
    layers: list[Layer] = [
        Conv2d("stem", (2, 12, 20), 2, 7, 2, 3, standardised=True),
        AvgPool("pool", (2, 6, 10), 2),
        *block("stage1.1", "pool", (2, 3, 5), 1.0),
        *block("stage1.2", "stage1.1.sum", (2, 3, 5), two**-0.5),
        *halving_block("stage2.1", "stage1.2.sum", three**-0.5),
        *block("stage2.2", "stage2.1.sum", (4, 2, 3), two**-0.5),
        Spiking("last.lif", 24),
        Scale("last.scale", 24, 2.74),
        AvgPool("last.pool", (4, 2, 3), 2),
        Flatten("flatten", (4, 1, 1)),
        Linear("readout", 4, 3),
    ]
    found = residual((2, 12, 20), (2, 2), 3, width=2, steps=5)
    assert list(found.layers) == layers
    assert found == Network(tuple(layers), steps=5)


def test_a_residual_network_without_blocks_is_its_stem_and_its_end() -> None:
    layers: list[Layer] = [
        Conv2d("stem", (2, 12, 12), 4, 7, 2, 3, standardised=True),
        AvgPool("pool", (4, 6, 6), 2),
        Spiking("last.lif", 36),
        Scale("last.scale", 36, 2.74),
        AvgPool("last.pool", (4, 3, 3), 3),
        Flatten("flatten", (4, 1, 1)),
        Linear("readout", 4, 3),
    ]
    assert list(residual((2, 12, 12), (), 3, width=4).layers) == layers


def test_a_residual_network_has_64_channels_unless_told_otherwise() -> None:
    found = residual((2, 12, 12), (1,), 3)
    assert found == residual((2, 12, 12), (1,), 3, width=64)
    assert found.shapes["stem.weight"] == (64, 2, 7, 7)


SHAPE = (2, 24, 24)


@pytest.mark.parametrize(
    ("name", "inputs", "expected"),
    [
        ("fc-3-11", 6, lambda **o: fully_connected(6, (3, 11), 5, **o)),
        ("fc-3-11", (1, 2, 3), lambda **o: fully_connected(6, (3, 11), 5, **o)),
        ("fc-3", (6,), lambda **o: fully_connected(6, (3,), 5, **o)),
        ("fc-3", [1, 2, 3], lambda **o: fully_connected(6, (3,), 5, **o)),
        ("3C3-AP2-FC", SHAPE, lambda **o: convolutional(SHAPE, "3C3-AP2-FC", 5, **o)),
        ("AP2-3C3-FC", SHAPE, lambda **o: convolutional(SHAPE, "AP2-3C3-FC", 5, **o)),
        ("conv5", SHAPE, lambda **o: convolutional(SHAPE, CONVOLUTIONAL["conv5"], 5, **o)),
        ("conv9", SHAPE, lambda **o: convolutional(SHAPE, CONVOLUTIONAL["conv9"], 5, **o)),
        ("resnet18", SHAPE, lambda **o: residual(SHAPE, (2, 2, 2, 2), 5, **o)),
        ("resnet34", SHAPE, lambda **o: residual(SHAPE, (3, 4, 6, 3), 5, **o)),
    ],
)
def test_a_name_stands_for_a_network_and_passes_options_on(
    name: str, inputs: Any, expected: Callable[..., Network]
) -> None:
    options = {"neuron": Neuron(leak=0.25), "steps": 3}
    assert network_named(name, inputs, 5, **options) == expected(**options)


FORMS = (
    "expected fc-N-N..., the sizes of the hidden layers, for example fc-100-100; a plan such as"
    " 32C3-AP2-64C3-AP2-FC; or one of conv5, conv9, resnet18, resnet34."
)
PLANS = "expected <channels>C<kernel> and AP<kernel>, then FC, for example 32C3-AP2-64C3-AP2-FC."
SIZES = "expected a number of features, or (channels, rows, columns)."


@pytest.mark.parametrize(
    ("name", "inputs", "classes", "error", "words"),
    [
        ("fd-3", 4, 2, UsageError, f"network: got 'fd-3'; {FORMS}"),
        (None, 4, 2, UsageError, f"network: got None; {FORMS}"),
        ("fc-3-0", 4, 2, UsageError, f"network: got 'fc-3-0'; {FORMS}"),
        ("32C3", SHAPE, 2, UsageError, f"network: got '32C3'; {PLANS}"),
        ("32C3-64C3", SHAPE, 2, UsageError, f"network: got '32C3-64C3'; {PLANS}"),
        ("32C3-X-FC", SHAPE, 2, UsageError, f"network: got '32C3-X-FC'; {PLANS}"),
        (
            "32C3-FC",
            784,
            2,
            ConfigurationError,
            "network 32C3-FC: got 784 features; expected (channels, rows, columns) of images.",
        ),
        ("fc-3", "4", 2, ConfigurationError, f"network inputs: got '4'; {SIZES}"),
        ("fc-3", 4.0, 2, ConfigurationError, f"network inputs: got 4.0; {SIZES}"),
        ("fc-3", True, 2, ConfigurationError, f"network inputs: got True; {SIZES}"),
        ("fc-3", (2, 3), 2, ConfigurationError, f"network inputs: got (2, 3); {SIZES}"),
        ("fc-3", (1, 2, 3, 4), 2, ConfigurationError, f"network inputs: got (1, 2, 3, 4); {SIZES}"),
        ("fc-3", (1, 2.5, 3), 2, ConfigurationError, f"network inputs: got (1, 2.5, 3); {SIZES}"),
        (
            "fc-3",
            4,
            2.5,
            ConfigurationError,
            "network classes: got 2.5; expected a whole number.",
        ),
    ],
)
def test_a_name_or_a_size_that_is_none_says_what_was_expected(
    name: Any, inputs: Any, classes: Any, error: type[GradassayError], words: str
) -> None:
    with pytest.raises(error) as caught:
        network_named(name, inputs, classes)
    assert str(caught.value) == words


def test_a_plan_is_refused_without_a_convolution_or_a_pool_before_the_readout() -> None:
    with pytest.raises(UsageError) as caught:
        convolutional((1, 8, 8), "FC", 3)
    assert str(caught.value) == f"network: got 'FC'; {PLANS}"
