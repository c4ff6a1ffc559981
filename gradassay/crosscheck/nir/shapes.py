"""What shape each node gives, and whether it fits the next."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from gradassay.core.errors import DataError
from gradassay.crosscheck.nir.limits import MAX_VALUES
from gradassay.crosscheck.nir.nodes import (
    Affine,
    Conv,
    Delay,
    Flatten,
    Input,
    Linear,
    Neuron,
    Node,
    Pool,
    Scale,
    Shape,
    Threshold,
)


def infer_shapes(
    nodes: Mapping[str, Node],
    order: Iterable[str],
    forward: Iterable[tuple[str, str]],
    recurrent: Iterable[tuple[str, str]],
) -> dict[str, Shape]:
    """Return the shape of what each node gives.

    Raises
    ------
    DataError
        What arrives along an edge does not fit.
    """
    before: dict[str, list[str]] = {name: [] for name in nodes}
    for source, target in forward:
        before[target].append(source)
    arriving: dict[str, Shape] = {}
    shapes: dict[str, Shape] = {}
    for name in order:
        for source in before[name]:
            found = arriving.setdefault(name, shapes[source])
            _require(source, name, shapes[source], found)
        shapes[name] = _shape_after(nodes[name], name, arriving.get(name), before[name])
        if math.prod(shapes[name]) > MAX_VALUES:
            raise DataError(f"node {name!r}: gives {shapes[name]} values; too many to run.")
    for source, target in recurrent:
        _require(source, target, shapes[source], arriving.get(target, shapes[source]))
    return shapes


def _require(source: str, target: str, got: Shape, expected: Shape) -> None:
    if got != expected:
        raise DataError(f"edge {source!r} -> {target!r}: shape {got}; expected {expected}.")


def _shape_after(node: Node, name: str, arriving: Shape | None, sources: list[str]) -> Shape:
    """Return the shape that a node gives; `arriving` is None where only cycles feed it."""
    if isinstance(node, Input):
        return node.shape
    if arriving is None:
        raise DataError(f"node {name!r}: only a cycle feeds it; expected a way from an input.")
    expected, given = _expected_and_given(node, name, arriving)
    _require(sources[0], name, arriving, expected)
    return given


def _expected_and_given(node: Node, name: str, arriving: Shape) -> tuple[Shape, Shape]:
    """Return what must arrive at a node, and what it then gives."""
    if isinstance(node, Affine | Linear):
        shape = node.weight.shape
        return (*shape[:-2], shape[-1]), shape[:-1]
    if isinstance(node, Neuron | Scale | Threshold | Delay):
        shape = _parameter_shape(node)
        return (shape, shape) if shape else (arriving, arriving)
    if isinstance(node, Conv):
        return _conv_shapes(node, name, arriving)
    if isinstance(node, Pool):
        if len(arriving) != 3:
            raise DataError(f"node {name!r}: shape {arriving} arrives; expected 3 axes to pool.")
        padded = [size + 2 * pad for size, pad in zip(arriving[1:], node.padding, strict=True)]
        _bound(name, (arriving[0], *padded))
        sizes = zip(padded, node.kernel_size, node.stride, strict=True)
        return arriving, (arriving[0], *(_windows(name, *each) for each in sizes))
    if isinstance(node, Flatten):
        return node.input_shape or arriving, _flattened(node, name, arriving)
    return node.shape, node.shape


def _parameter_shape(node: Neuron | Scale | Threshold | Delay) -> Shape:
    """Return the shape of a node's parameters."""
    if isinstance(node, Neuron):
        return node.shape
    if isinstance(node, Scale):
        return node.scale.shape
    return node.threshold.shape if isinstance(node, Threshold) else node.delay.shape


def _conv_shapes(node: Conv, name: str, arriving: Shape) -> tuple[Shape, Shape]:
    """Return what must arrive at a convolution, and what it gives."""
    axes = node.weight.ndim - 2
    channels = node.weight.shape[1] * node.groups
    spatial = node.input_shape or arriving[1:]
    if len(arriving) != axes + 1:
        raise DataError(f"node {name!r}: shape {arriving} arrives; expected {axes + 1} axes.")
    kernel = [d * (k - 1) + 1 for d, k in zip(node.dilation, node.weight.shape[2:], strict=True)]
    padded = [size + sum(pad) for size, pad in zip(spatial, both_pads(node), strict=True)]
    _bound(name, (channels, *padded))
    given = [_windows(name, *each) for each in zip(padded, kernel, node.stride, strict=True)]
    return (channels, *spatial), (node.weight.shape[0], *given)


def both_pads(node: Conv) -> list[tuple[int, int]]:
    """Return the zeros before and after each axis of a convolution's input."""
    if node.padding == "valid":
        return [(0, 0)] * len(node.stride)
    if node.padding == "same":
        sizes = zip(node.dilation, node.weight.shape[2:], strict=True)
        totals = [dilation * (size - 1) for dilation, size in sizes]
        return [(total // 2, total - total // 2) for total in totals]
    return [(pad, pad) for pad in node.padding]


def _bound(name: str, padded: Shape) -> None:
    """Raise where a padded input is too large to hold."""
    if math.prod(padded) > MAX_VALUES:
        raise DataError(f"node {name!r}: padded to {padded} values; too many to run.")


def _windows(name: str, size: int, kernel: int, stride: int) -> int:
    """Return the number of places of a window."""
    if kernel > size:
        raise DataError(f"node {name!r}: window of {kernel} on {size} values; it must fit.")
    return (size - kernel) // stride + 1


def flat_axes(node: Flatten, rank: int) -> tuple[int, int]:
    """Return the first and last axis that are joined, counted from the front."""
    first = node.start_dim + rank if node.start_dim < 0 else node.start_dim
    last = node.end_dim + rank if node.end_dim < 0 else node.end_dim
    return first, last


def _flattened(node: Flatten, name: str, arriving: Shape) -> Shape:
    first, last = flat_axes(node, len(arriving))
    if not 0 <= first < len(arriving) or not first <= last < len(arriving):
        axes = f"axes {node.start_dim} to {node.end_dim}"
        raise DataError(f"node {name!r}: joins {axes} of shape {arriving}; they are not there.")
    return (*arriving[:first], math.prod(arriving[first : last + 1]), *arriving[last + 1 :])
