"""Layers without memory as linear maps: a layer's output for an input, and the transpose."""

from __future__ import annotations

import torch
from torch import Tensor

from gradassay.core.arrays import merge_replicates, split_replicates
from gradassay.core.errors import DataError
from gradassay.core.layers import (
    Affine,
    AvgPool,
    Conv2d,
    Fixed,
    Flatten,
    Gain,
    Synapse,
    Weighted,
)
from gradassay.torch_snn.convolution import convolve, convolve_transposed
from gradassay.torch_snn.pooling import pool, pool_transposed


def current(layer: Weighted, weight: Tensor, bias: Tensor | None, received: Tensor) -> Tensor:
    """Return ``W r + b``, shape (..., outputs): all rows of all steps at once.

    Parameters
    ----------
    layer : Linear, Conv2d or Gain
        Gives shapes.
    weight : tensor, shape of ``layer.weight_shape``
        Standardised already, where the layer is.
    bias : tensor or None
        Of the outputs or channels.
    received : tensor, shape (..., inputs)
        r.
    """
    if isinstance(layer, Gain):
        return received * weight
    if isinstance(layer, Conv2d):
        return convolve(layer, weight, received, bias)
    rows = received.reshape(-1, layer.inputs)
    product = torch.mm(rows, weight.T) if bias is None else torch.addmm(bias, rows, weight.T)
    return product.reshape(*received.shape[:-1], layer.outputs)


def fixed(layer: Fixed, values: Tensor, *, fused: bool) -> Tensor:
    """Return the output of a layer without weights, shape (..., outputs); pools in C if `fused`."""
    if isinstance(layer, AvgPool):
        return pool(layer, values, fused=fused)
    return values if isinstance(layer, Flatten) else values * layer.factor


def apply(layer: Synapse, weight: Tensor | None, values: Tensor, *, fused: bool) -> Tensor:
    """Return the layer's output without its bias, as `Backend.apply` says."""
    if not isinstance(layer, Weighted):
        return fixed(layer, values, fused=fused)
    kernel = _given(layer, weight)
    if kernel.ndim == len(layer.weight_shape):
        return current(layer, kernel, None, values)
    if isinstance(layer, Gain):
        return _gained(values, kernel)
    if isinstance(layer, Conv2d):
        return convolve(layer, kernel, values)
    return _products(values, kernel.mT)


def input_gradient(layer: Synapse, weight: Tensor | None, delta: Tensor, *, fused: bool) -> Tensor:
    """Return the transpose of `apply` at delta, ``W^T delta``, shape (t, R*B, inputs)."""
    if isinstance(layer, AvgPool):
        return pool_transposed(layer, delta, fused=fused)
    if not isinstance(layer, Affine):
        return apply(layer, weight, delta, fused=fused)  # diagonal: its own transpose
    kernel = _given(layer, weight)
    if isinstance(layer, Conv2d):
        return convolve_transposed(layer, kernel, delta)
    if kernel.ndim == 3:
        return _products(delta, kernel)
    product = torch.mm(delta.reshape(-1, layer.outputs), kernel)
    return product.reshape(*delta.shape[:-1], layer.inputs)


def _products(values: Tensor, matrices: Tensor) -> Tensor:
    """Return the rows of replicate r times matrix r, shape (t, R*B, m)."""
    rows = split_replicates(values, len(matrices))
    merged: Tensor = merge_replicates(torch.bmm(rows, matrices), len(values))
    return merged


def _gained(values: Tensor, gains: Tensor) -> Tensor:
    """Return the values of replicate r times gain r, for gains (R, 1)."""
    split = values.reshape(len(values), len(gains), -1, values.shape[2])
    return (split * gains[:, None]).reshape(values.shape)


def _given(layer: Weighted, weight: Tensor | None) -> Tensor:
    """Return the weight of a layer that has one."""
    if weight is None:
        raise DataError(f"weight of {layer.name}: got None; expected {layer.weight_shape}.")
    return weight
