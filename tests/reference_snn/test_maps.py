"""Layers without memory, against SciPy and by their transposes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import correlate2d

from gradassay.core.keys import Key
from gradassay.core.layers import AvgPool, Conv2d, Flatten, Gain, Linear, Scale, Synapse
from gradassay.reference_snn.maps import forward_map, transposed_map, weight_products


@st.composite
def convolutions(draw: Any) -> Conv2d:
    rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    padding = draw(st.integers(0, 2))
    kernel = draw(st.integers(1, min(rows, columns) + 2 * padding))
    shape = (draw(st.integers(1, 3)), rows, columns)
    return Conv2d("c", shape, draw(st.integers(1, 3)), kernel, draw(st.integers(1, 3)), padding)


def test_convolution_is_scipys_correlation() -> None:
    layer = Conv2d("c", (2, 5, 7), 3, kernel=3, stride=2, padding=1)
    generator = Key(0).generator()
    weight = generator.normal(size=layer.weight_shape)
    values = generator.normal(size=(4, layer.inputs))
    found = forward_map(layer, weight, values).reshape(4, *layer.output_shape)
    for row, channel in np.ndindex(4, 3):
        maps = values[row].reshape(layer.input_shape)
        full = sum(
            correlate2d(np.pad(maps[c], 1), weight[channel, c], mode="valid") for c in range(2)
        )
        np.testing.assert_allclose(found[row, channel], full[::2, ::2], rtol=1e-12)


@given(convolutions(), st.integers(0, 2**32))
def test_transpose_and_weight_products_are_those_of_the_convolution(
    layer: Conv2d, seed: int
) -> None:
    generator = Key(seed).generator()
    weight = generator.normal(size=layer.weight_shape)
    values = generator.normal(size=(2, layer.inputs))
    delta = generator.normal(size=(2, layer.outputs))
    expected = float((forward_map(layer, weight, values) * delta).sum())
    by_input = float((transposed_map(layer, weight, delta) * values).sum())
    by_weight = float((weight_products(layer, delta[None], values[None])[0] * weight).sum())
    np.testing.assert_allclose([by_input, by_weight], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "layer",
    [
        Linear("l", 6, 4),
        Gain("g", 6),
        Scale("s", 6, -2.5),
        Flatten("f", (1, 2, 3)),
        AvgPool("p", (2, 5, 7), 2),
        AvgPool("q", (1, 6, 6), 3),
    ],
    ids=lambda layer: layer.name,
)
def test_input_gradient_is_the_transpose(layer: Synapse) -> None:
    generator = Key(1).generator()
    weight = None
    if isinstance(layer, Linear | Gain):
        weight = generator.normal(size=layer.weight_shape)
    values = generator.normal(size=(3, layer.inputs))
    delta = generator.normal(size=(3, layer.outputs))
    forward = float((forward_map(layer, weight, values) * delta).sum())
    back = float((transposed_map(layer, weight, delta) * values).sum())
    assert forward == pytest.approx(back, rel=1e-12)


def test_average_pool_is_the_mean_of_squares_and_does_not_see_what_is_left_over() -> None:
    layer = AvgPool("p", (1, 3, 5), 2)
    maps = np.arange(15.0)
    found = forward_map(layer, None, maps[None])
    np.testing.assert_array_equal(found, [[(0 + 1 + 5 + 6) / 4, (2 + 3 + 7 + 8) / 4]])
    assert not transposed_map(layer, None, np.ones((1, 2))).reshape(3, 5)[2].any()
