"""What a network becomes elsewhere, and which networks an estimator is too large for."""

from __future__ import annotations

import pytest
import torch

from gradassay.bench.memory_curves import Growth, memory_points
from gradassay.bench.peers import modules_of
from gradassay.bench.suite import bench_network
from gradassay.core.errors import ConfigurationError
from gradassay.core.keys import Key
from gradassay.estimators import make_estimator


def test_other_libraries_get_modules_of_the_same_shapes() -> None:
    network = bench_network("3C3-AP2-4C3-FC", "1x8x8", 5, 3)
    modules = list(modules_of(network, torch.nn.ReLU))
    kinds = [type(module).__name__ for module in modules]
    assert kinds == ["Conv2d", "ReLU", "AvgPool2d", "Conv2d", "ReLU", "Flatten", "Linear"]
    shapes = [tuple(module.weight.shape) for module in modules if hasattr(module, "weight")]
    assert shapes == [layer.weight_shape for layer in network.weighted]
    assert torch.nn.Sequential(*modules)(torch.zeros(2, 1, 8, 8)).shape == (2, 5)


def test_a_network_with_layers_that_other_libraries_lack_is_refused() -> None:
    network = bench_network("resnet18", "3x32x32", 5, 2)
    with pytest.raises(ConfigurationError, match="for other libraries"):
        list(modules_of(network, torch.nn.ReLU))


def test_an_estimator_is_left_out_where_the_network_is_too_small_for_it() -> None:
    subjects = {name: make_estimator(name) for name in ("dfa", "intermediate_global")}
    points = memory_points(subjects, Key(3), [Growth("N", (1, 2), steps=2)])
    closed = [(p.subject, p.at) for p in points if p.source == "closed form"]
    assert closed == [("dfa", 1), ("dfa", 2), ("intermediate_global", 2)]
    assert all(point.value > 0 for point in points)
