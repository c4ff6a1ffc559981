"""Layers by themselves: sizes and shapes by hand, the words of what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gradassay.core.errors import ConfigurationError
from gradassay.core.layers import (
    Affine,
    AvgPool,
    Conv2d,
    Flatten,
    Gain,
    Layer,
    Linear,
    Scale,
    Spiking,
    Sum,
    require,
)

CONVOLUTION = Conv2d("c", (2, 7, 10), 3, kernel=4, stride=2, padding=1)


@pytest.mark.parametrize(
    ("layer", "inputs", "outputs"),
    [
        (Linear("l", 5, 3), 5, 3),
        (CONVOLUTION, 140, 3 * 3 * 5),
        (AvgPool("p", (2, 7, 10), 3), 140, 2 * 2 * 3),
        (Flatten("f", (2, 3, 4)), 24, 24),
        (Gain("g", 6), 6, 6),
        (Scale("s", 6, -2.0), 6, 6),
        (Sum("t", 6, ("a", "b", "c")), 6, 6),
        (Spiking("n", 6), 6, 6),
    ],
)
def test_a_layer_has_the_units_of_its_shapes(layer: Layer, inputs: int, outputs: int) -> None:
    assert (layer.inputs, layer.outputs) == (inputs, outputs)


def test_maps_of_a_convolution_and_of_a_pool_by_hand() -> None:
    # (7 + 2 - 4) // 2 + 1 rows, (10 + 2 - 4) // 2 + 1 columns
    assert CONVOLUTION.output_shape == (3, 3, 5)
    assert CONVOLUTION.weight_shape == (3, 2, 4, 4)
    assert CONVOLUTION.fan_in == 2 * 16
    assert AvgPool("p", (2, 7, 10), 3).output_shape == (2, 2, 3)
    assert Linear("l", 5, 3).weight_shape == (3, 5)
    assert Linear("l", 5, 3).fan_in == 5
    assert Gain("g", 6).weight_shape == (1,)
    assert Gain("g", 6).shapes == {"g.weight": (1,)}


@pytest.mark.parametrize("standardised", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("layer", "weight"),
    [(Linear("d", 5, 3), (3, 5)), (Conv2d("d", (2, 4, 4), 3), (3, 2, 3, 3))],
    ids=["linear", "conv2d"],
)
def test_a_dense_layer_has_a_weight_and_the_bias_and_gain_that_it_wants(
    layer: Affine, weight: tuple[int, ...], bias: bool, standardised: bool
) -> None:
    kind: Any = {"bias": bias, "standardised": standardised}
    made = (
        Linear("d", layer.inputs, layer.outputs, **kind)
        if isinstance(layer, Linear)
        else Conv2d("d", layer.input_shape, layer.channels, **kind)
    )
    shapes: dict[str, tuple[int, ...]] = {"d.weight": weight}
    shapes |= {"d.bias": (3,)} if bias else {}
    shapes |= {"d.gain": (3,)} if standardised else {}
    assert list(made.shapes.items()) == list(shapes.items())


@pytest.mark.parametrize(
    "build",
    [
        lambda: Linear("l", 1, 1),
        lambda: Linear("l", 2, 1, standardised=True),
        lambda: Conv2d("c", (1, 1, 1), 1, 1, 1, 0),
        lambda: Conv2d("c", (1, 3, 9), 1, 5, 1, 1),
        lambda: Conv2d("c", (2, 3, 3), 1, 1, standardised=True),
        lambda: AvgPool("p", (1, 1, 1), 1),
        lambda: AvgPool("p", (1, 4, 3), 3),
        lambda: Sum("s", 1, ("a", "b")),
        lambda: Scale("s", 1, 0.0),
        lambda: Spiking("n", 1),
    ],
)
def test_the_smallest_layers_are_layers(build: Callable[[], Layer]) -> None:
    assert build().outputs >= 1


POSITIVE = "expected (channels, rows, columns), each >= 1."
PADDED = "expected at most the padded rows and columns."
POOLED = "expected 1 to the rows and columns of the input."
DIFFERENT = "expected two or more different layers."


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Linear("l", 0, 3), "l.inputs: got 0; expected at least 1."),
        (lambda: Linear("l", 3, 0), "l.outputs: got 0; expected at least 1."),
        (
            lambda: Linear("l", 1, 3, standardised=True),
            "fan-in of l: got 1; expected 2 to standardise.",
        ),
        (
            lambda: Conv2d("c", (1, 4, 4), 1, 1, standardised=True),
            "fan-in of c: got 1; expected 2 to standardise.",
        ),
        (lambda: Conv2d("c", (1, 0, 4), 1), f"c.input_shape: got (1, 0, 4); {POSITIVE}"),
        (lambda: Conv2d("c", (1, 4, 4), 0), "c.channels: got 0; expected at least 1."),
        (lambda: Conv2d("c", (1, 4, 4), 1, 0), "c.kernel: got 0; expected at least 1."),
        (lambda: Conv2d("c", (1, 4, 4), 1, 3, 0), "c.stride: got 0; expected at least 1."),
        (lambda: Conv2d("c", (1, 4, 4), 1, 3, 1, -1), "c.padding: got -1; expected at least 0."),
        (lambda: Conv2d("c", (9, 9, 2), 1, 5, 1, 1), f"c.kernel: got 5; {PADDED}"),
        (lambda: Conv2d("c", (9, 2, 9), 1, 5, 1, 1), f"c.kernel: got 5; {PADDED}"),
        (lambda: Conv2d("c", (1, 2, 2), 1, 3, 1, 0), f"c.kernel: got 3; {PADDED}"),
        (lambda: AvgPool("p", (0, 3, 3)), f"p.input_shape: got (0, 3, 3); {POSITIVE}"),
        (lambda: AvgPool("p", (9, 3, 9), 4), f"p.kernel: got 4; {POOLED}"),
        (lambda: AvgPool("p", (9, 9, 3), 4), f"p.kernel: got 4; {POOLED}"),
        (lambda: AvgPool("p", (1, 3, 3), 0), f"p.kernel: got 0; {POOLED}"),
        (lambda: Flatten("f", (1, 1, 0)), f"f.input_shape: got (1, 1, 0); {POSITIVE}"),
        (lambda: Scale("s", 0, 1.0), "s.units: got 0; expected at least 1."),
        (lambda: Scale("s", 1, float("nan")), "s.factor: got nan; expected a finite number."),
        (lambda: Sum("s", 0, ("a", "b")), "s.units: got 0; expected at least 1."),
        (lambda: Sum("s", 3, ("a",)), f"s.of: got ('a',); {DIFFERENT}"),
        (lambda: Sum("s", 3, ("a", "b", "a")), f"s.of: got ('a', 'b', 'a'); {DIFFERENT}"),
        (lambda: Spiking("n", 0), "n.units: got 0; expected at least 1."),
        (lambda: require(False, "field", "value", "more"), "field: got 'value'; expected more."),
    ],
)
def test_an_impossible_layer_says_its_field_and_what_was_expected(
    build: Callable[[], Any], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert str(caught.value) == words
