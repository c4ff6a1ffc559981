from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradassay.core.layers import AvgPool, Conv2d, Flatten, Gain, Layer, Linear, Scale, Spiking, Sum
from gradassay.core.network import Network
from gradassay.core.residual import residual
from gradassay.cost.connections import (
    above_weights,
    connections,
    fan_out,
    fed_by_neurons,
    origins,
    reach,
)
from gradassay.reference_snn import ReferenceBackend

REFERENCE = ReferenceBackend()


@st.composite
def convolutions(draw: st.DrawFn) -> Conv2d:
    kernel, padding = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    least = max(1, kernel - 2 * padding)
    sides = st.integers(least, least + 6)
    shape = (draw(st.integers(1, 3)), draw(sides), draw(sides))
    return Conv2d("c", shape, draw(st.integers(1, 3)), kernel, draw(st.integers(1, 3)), padding)


def connected(layer: Conv2d) -> np.ndarray:
    """Which input sees which output, one connection at a time, shape (inputs, outputs)."""
    channels, rows, columns = layer.input_shape
    _, high, wide = layer.output_shape
    matrix = np.zeros((channels, rows, columns, layer.channels, high, wide), dtype=int)
    for y, x, i, j in itertools.product(
        range(high), range(wide), range(layer.kernel), range(layer.kernel)
    ):
        row = layer.stride * y + i - layer.padding
        column = layer.stride * x + j - layer.padding
        if 0 <= row < rows and 0 <= column < columns:
            matrix[:, row, column, :, y, x] += 1
    return matrix.reshape(layer.inputs, layer.outputs)


@given(convolutions())
def test_fan_out_of_a_convolution_is_its_connections_one_by_one(layer: Conv2d) -> None:
    assert np.array_equal(fan_out(layer), connected(layer).sum(axis=1))


@given(convolutions())
def test_fan_out_is_what_ones_send_back_through_a_kernel_of_ones(layer: Conv2d) -> None:
    ones = np.ones((1, 1, layer.outputs))
    sent = REFERENCE.input_gradient(layer, np.ones(layer.weight_shape), ones)
    assert np.array_equal(fan_out(layer), sent[0, 0])


@given(convolutions())
def test_connections_of_a_convolution_include_those_to_its_padding(layer: Conv2d) -> None:
    inside = int(fan_out(layer).sum())
    whole = connections(layer)
    assert whole == layer.outputs * layer.input_shape[0] * layer.kernel**2
    assert inside <= whole
    if layer.padding == 0:
        assert inside == whole


def test_connections_of_dense_layers_and_gains() -> None:
    dense, gain = Linear("dense", 4, 3), Gain("gain", 5)
    assert (connections(dense), connections(gain)) == (12, 5)
    assert fan_out(dense).tolist() == [3] * 4
    assert fan_out(gain).tolist() == [1] * 5


def branches() -> Network:
    """Spikes that are pooled and added to those of another layer, and a current beside them."""
    pool = AvgPool("pool", (1, 2, 5))
    layers: tuple[Layer, ...] = (
        Linear("hidden", 3, 10),
        Spiking("wide", 10),
        pool,
        Flatten("flat", pool.output_shape),
        Linear("narrow", 3, 2, source="input"),
        Spiking("lif", 2),
        Scale("scaled", 2, 0.5),
        Sum("spikes", 2, ("flat", "scaled")),
        Linear("mixed", 2, 2),
        Sum("current", 2, ("mixed", "lif")),
        Linear("again", 2, 4),
        Spiking("last", 4),
        Linear("readout", 4, 3),
    )
    return Network(layers)


def test_many_branches_without_weights_are_followed_once() -> None:
    branches: list[Layer] = []
    before = "lif"
    for number in range(60):  # 2^60 paths
        names = f"left{number}", f"right{number}"
        branches += [Scale(name, 4, 0.5, source=before) for name in names]
        before = f"sum{number}"
        branches.append(Sum(before, 4, names))
    first = (Linear("first", 3, 4), Spiking("lif", 4))
    network = Network((*first, *branches[:3], Linear("readout", 4, 2)))
    assert reach(network, network.readout)["lif"].tolist() == [4] * 4
    deep = Network((*first, *branches, Linear("readout", 4, 2)))
    assert origins(deep, deep.readout) == {"lif"}
    assert reach(deep, deep.readout)["lif"].tolist() == [2**61] * 4


def test_origins_are_found_through_layers_without_weights() -> None:
    network = branches()
    found = {layer.name: origins(network, layer) for layer in network.weighted}
    assert found == {
        "hidden": {"input"},
        "narrow": {"input"},
        "mixed": {"wide", "lif"},
        "again": {"mixed", "lif"},
        "readout": {"last"},
    }
    assert fed_by_neurons(network) == {"mixed", "again", "readout"}


def test_reach_folds_pools_into_the_weights_and_leaves_out_what_they_do_not_see() -> None:
    network = branches()
    layer = network.layer("mixed")
    assert isinstance(layer, Linear)
    found = reach(network, layer)
    assert found["wide"].tolist() == [2, 2, 2, 2, 0, 2, 2, 2, 2, 0]
    assert found["lif"].tolist() == [2, 2]


def test_errors_go_through_weighted_layers_that_have_others_below() -> None:
    assert [layer.name for layer in above_weights(branches())] == ["mixed", "again", "readout"]
    encoded = Network(
        (
            Spiking("code", 3),
            Linear("hidden", 3, 2),
            Spiking("lif", 2),
            Linear("readout", 2, 2),
        )
    )
    assert [layer.name for layer in above_weights(encoded)] == ["readout"]


@pytest.mark.parametrize("blocks", [(1, 1), (2, 1)])
def test_in_a_residual_network_only_gains_and_shortcuts_follow_currents(
    blocks: tuple[int, ...],
) -> None:
    network = residual((2, 9, 8), blocks, 3, width=2)
    others = {layer.name for layer in network.weighted} - fed_by_neurons(network) - {"stem"}
    assert others
    assert all(name.endswith(".gain") for name in others)
