"""Fields of stored nodes that make no sense, and shapes that do not fit, are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import ConfigurationError, DataError, UsageError
from gradassay.crosscheck.nir import build_graph, prepare_input, read_array, read_recording
from gradassay.crosscheck.nir.decoding import decode_node
from gradassay.crosscheck.nir.limits import MAX_RECORD
from gradassay.crosscheck.nir.nodes import Affine, Conv, Flatten, Input, Node, Output, Pool

CONV: dict[str, Any] = {
    "weight": np.ones((4, 2, 3, 3)),
    "bias": np.zeros(4),
    "stride": np.array(1),
    "padding": np.array([1, 1]),
    "dilation": np.array(1),
    "groups": np.array(1),
}
LIF: dict[str, Any] = {name: np.ones(2) for name in ("tau", "r", "v_leak", "v_threshold")}
CUBA: dict[str, Any] = {
    name: np.ones(2) for name in ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold")
}
POOL: dict[str, Any] = {name: np.array([2, 2]) for name in ("kernel_size", "stride", "padding")}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("Conv2d", CONV | {"weight": np.ones((4, 2, 3))}, "expected 4 axes of at least 1"),
    ("Conv2d", CONV | {"groups": np.array(3)}, "3 do not divide 4 output channels"),
    ("Conv2d", CONV | {"bias": np.zeros(3)}, r"shape \(3,\); expected \(4,\)"),
    ("Conv2d", CONV | {"stride": np.array([1, 2, 3])}, "expected 2 numbers"),
    ("Conv2d", CONV | {"stride": np.array(2), "padding": "same"}, "'same' needs a stride of 1"),
    ("Conv2d", CONV | {"padding": "full"}, "got 'full'; expected same, valid or numbers"),
    ("Conv2d", CONV | {"groups": np.array(0)}, "expected at least 1"),
    ("SumPool2d", POOL | {"stride": np.array([0, 1])}, "expected at least 1"),
    ("Linear", {"weight": np.ones(3)}, "1 axes; expected 2 or more"),
    ("Affine", {"weight": np.ones((2, 3)), "bias": np.ones(3)}, "bias: shape"),
    ("Threshold", {"threshold": "high"}, "expected numbers"),
    ("LIF", LIF | {"v_leak": np.ones(3)}, r"v_leak: shape \(3,\); expected \(2,\)"),
    ("CubaLIF", CUBA | {"w_in": np.ones(3)}, r"w_in: shape \(3,\); expected \(2,\)"),
    ("Flatten", {"start_dim": np.array(-9), "end_dim": np.array(1)}, "expected at least -8"),
]


@pytest.mark.parametrize(("kind", "fields", "words"), WRONG)
def test_a_field_that_makes_no_sense_is_named(
    kind: str, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        decode_node("it", kind, fields)


def test_a_negative_delay_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="delay: got -1; expected 0 or more"):
        decode_node("it", "Delay", {"delay": np.array([-1.0])})


@pytest.mark.parametrize(("kind", "fields"), [("Conv2d", CONV), ("SumPool2d", POOL), ("LIF", LIF)])
def test_fields_that_make_sense_are_taken(kind: str, fields: dict[str, Any]) -> None:
    assert decode_node("it", kind, fields) is not None
    for padding in ("same", "valid"):
        if kind == "Conv2d":
            found = decode_node("it", kind, fields | {"padding": padding})
            assert isinstance(found, Conv)
            assert found.padding == padding


def conv(*kernel: int, padding: tuple[int, ...] = (0, 0)) -> Conv:
    weight = np.ones((1, 1, *kernel))
    axes = len(kernel)
    return Conv(weight, np.zeros(1), (1,) * axes, padding[:axes], (1,) * axes, 1, None)


BETWEEN: list[tuple[Node, tuple[int, ...], str]] = [
    (Pool(True, (2, 2), (1, 1), (0, 0)), (4, 4), "expected 3 axes to pool"),
    (Pool(True, (5, 2), (1, 1), (0, 0)), (1, 4, 4), "window of 5 on 4 values"),
    (Pool(True, (2, 2), (1, 1), (2**13, 2**13)), (1, 4, 4), "too many to run"),
    (conv(3, 3), (1, 4), "expected 3 axes"),
    (conv(5, 3), (1, 4, 4), "window of 5 on 4 values"),
    (conv(3, 3, padding=(2**13, 2**13)), (1, 4, 4), "too many to run"),
    (Flatten(0, 3, None), (2, 2), "joins axes 0 to 3"),
    (Affine(np.ones((2, 3)), np.zeros(2)), (4,), r"shape \(4,\); expected \(3,\)"),
]


@pytest.mark.parametrize(("node", "shape", "words"), BETWEEN)
def test_what_does_not_fit_a_node_is_named(node: Node, shape: tuple[int, ...], words: str) -> None:
    nodes: dict[str, Node] = {"in": Input(shape), "it": node, "out": Output((1,))}
    with pytest.raises(DataError, match=words):
        build_graph(nodes, [("in", "it"), ("it", "out")])


def test_arrays_that_are_no_real_numbers_or_too_many_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.ones(3, complex))
    with pytest.raises(DataError, match="complex128 values; expected real numbers"):
        read_array(path)
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(MAX_RECORD + 1,)).flush()
    with pytest.raises(DataError, match="134,217,729 numbers; at most"):
        read_array(path)


def test_recordings_that_are_no_csv_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a plain file"):
        read_recording(tmp_path, (1, 1))
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not a CSV file"):
        read_recording(path, (1, 1))


def test_the_input_of_a_graph_with_several_is_refused() -> None:
    nodes: dict[str, Node] = {"a": Input((1,)), "b": Input((1,)), "out": Output((1,))}
    graph = build_graph(nodes, [("a", "out"), ("b", "out")])
    with pytest.raises(UsageError, match="the graph has several"):
        prepare_input(np.ones((3, 1)), graph, None)
