"""Scaled weight standardisation: its formula, its derivative, the transpose of that."""

import numpy as np
import pytest

from gradassay.core.keys import Key
from gradassay.core.layers import Conv2d, Linear
from gradassay.reference_snn.standardisation import (
    effective_tangent,
    effective_weight,
    parameter_gradient,
)

LAYERS: list[Linear | Conv2d] = [
    Linear("l", 5, 3, standardised=True),
    Conv2d("c", (2, 4, 4), 3, standardised=True),
    Linear("plain", 5, 3),
]
every_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)


def some_params(layer: Linear | Conv2d, seed: int, *lead: int) -> dict[str, np.ndarray]:
    generator = Key(seed).generator()
    return {name: generator.normal(size=(*lead, *shape)) for name, shape in layer.shapes.items()}


def test_weight_is_centred_and_scaled_by_hand() -> None:
    layer = LAYERS[0]
    params = some_params(layer, 0)
    w = params["l.weight"][1]
    variance = ((w - w.mean()) ** 2).sum() / 4
    expected = params["l.gain"][1] * (w - w.mean()) / np.sqrt(variance * 5 + 1e-4)
    np.testing.assert_allclose(effective_weight(layer, params)[1], expected, rtol=1e-14)


@every_layer
def test_tangent_is_the_directional_derivative(layer: Linear | Conv2d) -> None:
    params, direction = some_params(layer, 1), some_params(layer, 2)
    step = 1e-6

    def moved(sign: int) -> np.ndarray:
        return effective_weight(
            layer, {n: a + sign * step * direction[n] for n, a in params.items()}
        )

    numerical = (moved(1) - moved(-1)) / (2 * step)
    found = effective_tangent(layer, params, direction)
    np.testing.assert_allclose(found, numerical, rtol=1e-6, atol=1e-8)


@every_layer
def test_parameter_gradient_is_the_transpose_of_the_tangent(layer: Linear | Conv2d) -> None:
    params, directions = some_params(layer, 3), some_params(layer, 4, 6)
    gradient = Key(5).generator().normal(size=(6, *layer.weight_shape))
    tangents = effective_tangent(layer, params, directions)
    found = parameter_gradient(layer, params, gradient)
    for r in range(6):
        left = float((tangents[r] * gradient[r]).sum())
        right = sum(float((found[name][r] * directions[name][r]).sum()) for name in found)
        assert left == pytest.approx(right, rel=1e-11)
