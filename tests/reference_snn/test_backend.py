"""The verbs of the reference backend, each against a sum that is written out or an identity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gradassay.core.layers import (
    Affine,
    AvgPool,
    Conv2d,
    Fixed,
    Flatten,
    Gain,
    Linear,
    Scale,
    Weighted,
)
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Presynaptic
from gradassay.reference_snn import ReferenceBackend
from gradassay.reference_snn.maps import forward_map, spread_bias, transposed_map
from gradassay.reference_snn.standardisation import effective_tangent, effective_weight

BACKEND = ReferenceBackend()
T, R, B = 2, 3, 2


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


# ---- arrays ----------------------------------------------------------------------
def test_it_is_numpy_in_float64() -> None:
    assert BACKEND.name == "numpy"
    assert BACKEND.dtype is np.float64
    array = normal(3)
    assert BACKEND.to_numpy(array) is array


@pytest.mark.parametrize(
    ("given", "dtype"),
    [(np.float16, np.float64), (np.float32, np.float64), (np.int32, np.int32), (bool, bool)],
)
def test_floating_arrays_become_float64_and_others_stay_as_they_are(
    given: type, dtype: type
) -> None:
    array: np.ndarray = np.array([0, 1, 1]).astype(given)
    found = BACKEND.asarray(array)
    assert found.dtype == dtype
    assert found.tolist() == array.tolist()


# ---- linear maps -----------------------------------------------------------------
WEIGHTED: list[Weighted] = [Linear("w", 6, 4), Conv2d("w", (1, 2, 3), 2, 2, 1, 1), Gain("w", 6)]
FIXED: list[Fixed] = [AvgPool("f", (1, 2, 3), 2), Flatten("f", (1, 2, 3)), Scale("f", 6, -1.5)]
kinds = pytest.mark.parametrize("layer", WEIGHTED, ids=lambda layer: type(layer).__name__)
VERBS = [
    (BACKEND.apply, forward_map, "inputs"),
    (BACKEND.input_gradient, transposed_map, "outputs"),
]
verbs = pytest.mark.parametrize(("verb", "by_rows", "side"), VERBS, ids=["apply", "transpose"])


@kinds
@verbs
def test_one_weight_maps_all_rows(
    layer: Weighted, verb: Callable[..., np.ndarray], by_rows: Callable[..., np.ndarray], side: str
) -> None:
    values, weight = normal(T, R * B, getattr(layer, side)), normal(*layer.weight_shape)
    found = verb(layer, weight, values)
    assert found.shape[:2] == (T, R * B)
    for t, row in np.ndindex(T, R * B):
        expected = by_rows(layer, weight, values[t, row][None])[0]
        np.testing.assert_allclose(found[t, row], expected, rtol=1e-13)


@kinds
@verbs
def test_a_weight_for_each_replicate_maps_its_rows(
    layer: Weighted, verb: Callable[..., np.ndarray], by_rows: Callable[..., np.ndarray], side: str
) -> None:
    values, weights = normal(T, R * B, getattr(layer, side)), normal(R, *layer.weight_shape)
    found = verb(layer, weights, values)
    assert found.shape[:2] == (T, R * B)
    for t, r, b in np.ndindex(T, R, B):
        expected = by_rows(layer, weights[r], values[t, r * B + b][None])[0]
        np.testing.assert_allclose(found[t, r * B + b], expected, rtol=1e-13)


@pytest.mark.parametrize("layer", FIXED, ids=lambda layer: type(layer).__name__)
@verbs
def test_a_layer_without_weights_maps_all_rows(
    layer: Fixed,
    verb: Callable[..., np.ndarray],
    by_rows: Callable[..., np.ndarray],
    side: str,
) -> None:
    values = normal(T, B, getattr(layer, side))
    found = verb(layer, None, values)
    np.testing.assert_allclose(found[1], by_rows(layer, None, values[1]), rtol=1e-13)
    assert found.shape[:2] == (T, B)


def test_fixed_layers_by_hand() -> None:
    values = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    assert forward_map(FIXED[1], None, values).tolist() == values.tolist()
    assert forward_map(FIXED[2], None, values).tolist() == (-1.5 * values).tolist()
    assert forward_map(FIXED[0], None, values).tolist() == [[(1 + 2 + 4 + 5) / 4]]


def test_a_weighted_layer_without_a_weight_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a weighted layer was given no weight$"):
        forward_map(WEIGHTED[0], None, normal(1, 6))
    with pytest.raises(ValueError, match=r"^a weighted layer was given no weight$"):
        BACKEND.apply(WEIGHTED[0], None, normal(1, 1, 6))


def test_a_channels_bias_is_that_of_each_of_its_positions() -> None:
    layer = Conv2d("c", (1, 2, 3), 2, 1, 1, 0)
    assert spread_bias(layer, np.array([1.0, 2.0])).tolist() == [1.0] * 6 + [2.0] * 6
    assert spread_bias(Linear("l", 3, 2), np.array([1.0, 2.0])).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("layer", [Linear("l", 5, 3, standardised=True), Linear("l", 5, 3)])
def test_weight_and_its_tangent_are_those_of_the_standardisation(layer: Affine) -> None:
    params = Params({name: normal(*shape, seed=1) for name, shape in layer.shapes.items()})
    tangent = Params({name: normal(*shape, seed=2) for name, shape in layer.shapes.items()})
    np.testing.assert_array_equal(BACKEND.weight(layer, params), effective_weight(layer, params))
    np.testing.assert_array_equal(
        BACKEND.weight_tangent(layer, params, tangent), effective_tangent(layer, params, tangent)
    )


# ---- gradients by parameters -----------------------------------------------------
LEARNT: list[Weighted] = [
    Linear("w", 6, 4),
    Linear("w", 6, 4, bias=False),
    Linear("w", 6, 4, standardised=True),
    Conv2d("w", (1, 2, 3), 2, 2, 1, 1, standardised=True),
    Gain("w", 6),
]


def given(layer: Weighted) -> tuple[Params, np.ndarray, Presynaptic]:
    params = Params({name: normal(*shape, seed=3) for name, shape in layer.shapes.items()})
    delta = normal(T, R * B, layer.outputs, seed=4)
    return params, delta, Presynaptic(normal(T, R * B, layer.inputs, seed=5), np.array([1.0, 1.5]))


@pytest.mark.parametrize("layer", LEARNT)
def test_each_replicates_gradient_is_that_of_its_rows_alone(layer: Weighted) -> None:
    params, delta, seen = given(layer)
    found = BACKEND.weight_gradient(layer, params, delta, seen, replicates=R)
    assert {name: array.shape for name, array in found.items()} == {
        name: (R, *shape) for name, shape in layer.shapes.items()
    }
    for r in range(R):
        rows = slice(r * B, (r + 1) * B)
        own = Presynaptic(seen.values[:, rows], seen.bias)
        alone = BACKEND.weight_gradient(layer, params, delta[:, rows], own)
        for name, array in alone.items():
            np.testing.assert_allclose(found[name][r], array, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("layer", LEARNT)
def test_one_gradient_is_the_mean_of_the_replicates(layer: Weighted) -> None:
    params, delta, seen = given(layer)
    whole = BACKEND.weight_gradient(layer, params, delta, seen)
    parts = BACKEND.weight_gradient(layer, params, delta, seen, replicates=R)
    one = BACKEND.weight_gradient(layer, params, delta, seen, replicates=1)
    assert {name: array.shape for name, array in whole.items()} == layer.shapes
    for name, array in whole.items():
        np.testing.assert_allclose(array, parts[name].mean(axis=0), rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(one[name], array[None])


def test_gradient_by_weight_and_bias_as_sums_over_steps_and_means_over_samples() -> None:
    layer = Linear("w", 6, 4)
    params, delta, seen = given(layer)
    found = BACKEND.weight_gradient(layer, params, delta, seen)
    weight = np.einsum("tbi,tbj->ij", delta, seen.values) / (R * B)
    np.testing.assert_allclose(found["w.weight"], weight, rtol=1e-12)
    bias = np.einsum("tbi,t->i", delta, seen.bias) / (R * B)
    np.testing.assert_allclose(found["w.bias"], bias, rtol=1e-12)


def test_products_of_noise_are_those_of_its_layer() -> None:
    noise = Noise(0.1, {"one": normal(T, R * B, 4), "other": normal(T, R * B, 4, seed=1)})
    right = normal(T, R * B, 5, seed=2)
    found = BACKEND.noise_outer(noise, "other", right, R)
    expected = np.zeros((R, 4, 5))
    for t, r, b in np.ndindex(T, R, B):
        expected[r] += np.outer(noise.values["other"][t, r * B + b], right[t, r * B + b]) / B
    np.testing.assert_allclose(found, expected, rtol=1e-12)
