"""Nodes without a state: what they give at one step."""

from __future__ import annotations

import math

import numpy as np

from gradassay.crosscheck.nir.nodes import (
    Affine,
    Conv,
    Flatten,
    Float,
    Linear,
    Node,
    Pool,
    Scale,
    Threshold,
)
from gradassay.crosscheck.nir.shapes import both_pads, flat_axes


def apply_map(node: Node, x: Float, comparison: str) -> Float:
    """Return what a node without a state gives; equations stand with the nodes.

    Parameters
    ----------
    node : Node
        Checked against the shape of x.
    x : array
        What arrives.
    comparison : {">", ">="}
        Of a Threshold.
    """
    if isinstance(node, Affine):
        return linear(node.weight, x) + node.bias
    if isinstance(node, Linear):
        return linear(node.weight, x)
    if isinstance(node, Conv):
        return convolve(node, x)
    if isinstance(node, Pool):
        return pool(node, x)
    if isinstance(node, Flatten):
        first, last = flat_axes(node, x.ndim)
        return x.reshape(*x.shape[:first], -1, *x.shape[last + 1 :])
    if isinstance(node, Scale):
        return node.scale * x
    if isinstance(node, Threshold):
        over = x > node.threshold if comparison == ">" else x >= node.threshold
        return np.asarray(over, np.float64)
    return x


def linear(weight: Float, x: Float) -> Float:
    """Return ``W x`` over the last axis, and axis by axis over those before it."""
    product: Float = np.matmul(weight, x[..., None])[..., 0]
    return product


def convolve(node: Conv, x: Float) -> Float:
    """Return the convolution, summed over the offsets of the kernel."""
    padded = np.pad(x, [(0, 0), *both_pads(node)])
    kernel, groups = node.weight.shape[2:], node.groups
    weight = node.weight.reshape(groups, -1, *node.weight.shape[1:])
    spans = [d * (k - 1) for d, k in zip(node.dilation, kernel, strict=True)]
    stops = [size - span for size, span in zip(padded.shape[1:], spans, strict=True)]
    total: Float | None = None
    for offset in np.ndindex(*kernel):
        starts = [each * d for each, d in zip(offset, node.dilation, strict=True)]
        window = padded[(slice(None), *_slices(starts, stops, node.stride))]
        grouped = window.reshape(groups, -1, *window.shape[1:])
        part = np.einsum("goc,gc...->go...", weight[(..., *offset)], grouped)
        total = part if total is None else total + part
    given = np.asarray(total)
    flat = given.reshape(-1, *given.shape[2:])
    return flat + node.bias.reshape(-1, *[1] * len(kernel))


def pool(node: Pool, x: Float) -> Float:
    """Return the sums, or means, of windows."""
    padded = np.pad(x, [(0, 0), *((pad, pad) for pad in node.padding)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, node.kernel_size, axis=(1, 2))
    chosen = windows[:, :: node.stride[0], :: node.stride[1]]
    sums: Float = chosen.sum(axis=(-2, -1))
    return sums / math.prod(node.kernel_size) if node.average else sums


def _slices(starts: list[int], stops: list[int], strides: tuple[int, ...]) -> list[slice]:
    """Return where one element of the kernel meets the input."""
    each = zip(starts, stops, strides, strict=True)
    return [slice(start, start + stop, stride) for start, stop, stride in each]
