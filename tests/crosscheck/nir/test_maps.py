"""Nodes without a state against torch."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from gradassay.crosscheck.nir.maps import apply_map
from gradassay.crosscheck.nir.nodes import (
    Affine,
    Conv,
    Flatten,
    Input,
    Linear,
    Node,
    Padding,
    Pool,
    Scale,
    Threshold,
)
from gradassay.crosscheck.nir.shapes import infer_shapes

GENERATOR = np.random.default_rng(0)


def normal(*shape: int) -> NDArray[np.float64]:
    return GENERATOR.normal(size=shape)


def shape_after(node: Node, *shape: int) -> tuple[int, ...]:
    nodes: dict[str, Node] = {"in": Input(shape), "node": node}
    return infer_shapes(nodes, ["in", "node"], [("in", "node")], [])["node"]


def assert_is_torchs(
    convolve: Callable[..., torch.Tensor], node: Conv, x: NDArray[np.float64]
) -> None:
    """The shape to the letter, the values to rounding."""
    expected = convolve(
        torch.tensor(x)[None],
        torch.tensor(node.weight),
        torch.tensor(node.bias),
        node.stride,
        node.padding,
        node.dilation,
        node.groups,
    )[0].numpy()
    given = apply_map(node, x, ">")
    assert given.shape == expected.shape == shape_after(node, *x.shape)
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [
        ((1, 1), (0, 0), (1, 1), 1),
        ((2, 1), (1, 2), (1, 1), 1),
        ((2, 3), (2, 1), (2, 1), 2),
        ((1, 1), "same", (1, 2), 1),
        ((1, 1), "same", (3, 1), 4),
        ((3, 2), "valid", (1, 1), 2),
    ],
)
@pytest.mark.parametrize("kernel", [(3, 2), (1, 4)])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_a_convolution_in_two_dimensions_is_that_of_torch(
    stride: tuple[int, int],
    padding: Padding,
    dilation: tuple[int, int],
    groups: int,
    kernel: tuple[int, int],
) -> None:
    x, weight, bias = normal(4, 9, 11), normal(8, 4 // groups, *kernel), normal(8)
    node = Conv(weight, bias, stride, padding, dilation, groups, None)
    assert_is_torchs(functional.conv2d, node, x)


@pytest.mark.parametrize("padding", [(0,), (3,), "same", "valid"])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_a_convolution_in_one_dimension_is_that_of_torch(
    padding: Padding, dilation: int, groups: int
) -> None:
    stride = 1 if padding == "same" else 2
    x, weight, bias = normal(6, 13), normal(9, 6 // groups, 4), normal(9)
    node = Conv(weight, bias, (stride,), padding, (dilation,), groups, (13,))
    assert_is_torchs(functional.conv1d, node, x)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [((2, 2), (2, 2), (0, 0)), ((3, 2), (1, 3), (1, 1)), ((4, 5), (3, 2), (2, 2))],
)
def test_a_pool_is_that_of_torch(
    average: bool, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> None:
    x = normal(3, 10, 9)
    expected = functional.avg_pool2d(torch.tensor(x)[None], kernel, stride, padding)[0].numpy()
    node = Pool(average, kernel, stride, padding)
    given = apply_map(node, x, ">")
    assert given.shape == shape_after(node, *x.shape)
    factor = 1 if average else kernel[0] * kernel[1]
    np.testing.assert_allclose(given, factor * expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("start", "end"), [(0, -1), (1, 2), (0, 1), (-2, -1), (1, 1)])
def test_flatten_is_that_of_torch_without_a_batch_axis(start: int, end: int) -> None:
    x, node = normal(2, 3, 4), Flatten(start, end, (2, 3, 4))
    expected = torch.flatten(torch.tensor(x), start, end).numpy()
    np.testing.assert_array_equal(apply_map(node, x, ">"), expected)
    assert shape_after(node, 2, 3, 4) == expected.shape


def test_linear_affine_and_scale_are_their_equations() -> None:
    weight, bias, x = normal(4, 3), normal(4), normal(3)
    expected = np.array([sum(weight[i, j] * x[j] for j in range(3)) for i in range(4)])
    np.testing.assert_allclose(apply_map(Linear(weight), x, ">"), expected, atol=1e-14)
    np.testing.assert_allclose(apply_map(Affine(weight, bias), x, ">"), expected + bias, atol=1e-14)
    np.testing.assert_array_equal(apply_map(Scale(bias[:3]), x, ">"), bias[:3] * x)


def test_a_weight_of_three_axes_maps_each_row_by_itself() -> None:
    weight, x = normal(2, 4, 3), normal(2, 3)
    expected = np.stack([weight[i] @ x[i] for i in range(2)])
    np.testing.assert_allclose(apply_map(Linear(weight), x, ">"), expected, atol=1e-14)
    assert shape_after(Linear(weight), 2, 3) == (2, 4)


def test_a_threshold_at_equality_is_the_dialects() -> None:
    node, x = Threshold(np.array([1.0, 1.0, 1.0])), np.array([0.5, 1.0, 1.5])
    assert apply_map(node, x, ">").tolist() == [0, 0, 1]
    assert apply_map(node, x, ">=").tolist() == [0, 1, 1]
