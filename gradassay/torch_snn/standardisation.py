"""Scaled weight standardisation, its derivative along a direction, and the transpose of that.

For each output unit or channel, with n incoming weights w, gain g, variance v:

    c = w - mean(w),   v = sum(c^2) / (n - 1),   root = sqrt(n v + epsilon),   h = c / root
    W = g h

The derivative along a direction (w', g'), with m = n / (n - 1):

    W' = g' h + (g / root) (c' - m h sum(h c')),   c' = w' - mean(w')

and, as the map from w' to W' is symmetric, of a loss with the derivative G by W:

    dL/dg = sum(G h),   dL/dw = (g / root) (G - mean(G) - m h sum(h G))
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gradassay.core.layers import STANDARDISATION_EPSILON, Affine, Gain, Weighted


def effective_weight(layer: Weighted, params: Mapping[str, Tensor]) -> Tensor:
    """Return the weight that a layer multiplies with, ([R,] *weight_shape)."""
    weight = params[f"{layer.name}.weight"]
    if isinstance(layer, Gain) or not layer.standardised:
        return weight
    unit, _ = _unit_and_root(layer, weight)
    return _shaped(layer, unit.mul(_column(layer, params)))


def effective_tangent(
    layer: Weighted, params: Mapping[str, Tensor], tangent: Mapping[str, Tensor]
) -> Tensor:
    """Return W' along the direction `tangent`, ([R,] *weight_shape)."""
    moved = tangent[f"{layer.name}.weight"]
    if isinstance(layer, Gain) or not layer.standardised:
        return moved
    unit, root = _unit_and_root(layer, params[f"{layer.name}.weight"])
    along = _projected(layer, unit, _rows(layer, moved)).mul_(_column(layer, params) / root)
    return _shaped(layer, along + unit * _column(layer, tangent))


def parameter_gradient(
    layer: Affine, params: Mapping[str, Tensor], gradient: Tensor
) -> dict[str, Tensor]:
    """Return dL/dw and, where standardised, dL/dg from dL/dW, of shape (R, *weight_shape)."""
    if not layer.standardised:
        return {f"{layer.name}.weight": gradient}
    unit, root = _unit_and_root(layer, params[f"{layer.name}.weight"])
    rows = _rows(layer, gradient)
    by_weight = _projected(layer, unit, rows).mul_(_column(layer, params) / root)
    return {
        f"{layer.name}.weight": _shaped(layer, by_weight),
        f"{layer.name}.gain": torch.linalg.vecdot(rows, unit.expand_as(rows)),
    }


def _unit_and_root(layer: Affine, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return h, shape ([R,] units, n), and the root, shape ([R,] units, 1)."""
    rows = _rows(layer, weight)
    centred = rows - rows.mean(-1, keepdim=True)
    scale = layer.fan_in / (layer.fan_in - 1)
    root = centred.square().sum(-1, keepdim=True).mul_(scale).add_(STANDARDISATION_EPSILON).sqrt_()
    return centred.div_(root), root


def _projected(layer: Affine, unit: Tensor, rows: Tensor) -> Tensor:
    """Return ``x - mean(x) - m h sum(h x)`` of each row x."""
    along = (unit * rows).sum(-1, keepdim=True)
    centred = rows - rows.mean(-1, keepdim=True)
    return centred.addcmul_(unit, along, value=-layer.fan_in / (layer.fan_in - 1))


def _rows(layer: Affine, weight: Tensor) -> Tensor:
    """Return weights as ([R,] units, n)."""
    before = weight.ndim - len(layer.weight_shape) + 1
    return weight.reshape(*weight.shape[:before], layer.fan_in)


def _shaped(layer: Affine, rows: Tensor) -> Tensor:
    """Return rows of weights as ([R,] *weight_shape)."""
    return rows.reshape(*rows.shape[:-1], *layer.weight_shape[1:])


def _column(layer: Affine, params: Mapping[str, Tensor]) -> Tensor:
    """Return the gains as ([R,] units, 1)."""
    return params[f"{layer.name}.gain"][..., None]
