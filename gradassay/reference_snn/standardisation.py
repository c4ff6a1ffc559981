"""Scaled weight standardisation, its derivative along a direction, and the transpose of that.

With w the n incoming weights of one unit, ``c = w - mean(w)`` and

    W = gain * c / r,      r = sqrt(v n + epsilon),    v = sum(c^2) / (n - 1)

so that ``dr = n sum(c dw) / ((n - 1) r)`` and, along a direction (dw, dgain),

    dW = dgain * c / r + gain * ((dw - mean(dw)) / r - c dr / r^2)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradassay.core.layers import STANDARDISATION_EPSILON, Affine
from gradassay.reference_snn.neuron import Float


def effective_weight(layer: Affine, params: Mapping[str, Float]) -> Float:
    """Return the weight that the layer multiplies with, (..., *weight_shape)."""
    weight = params[f"{layer.name}.weight"]
    if not layer.standardised:
        return weight
    centred, root = _centred(layer, weight)
    return _gain(layer, params) * centred / root


def effective_tangent(
    layer: Affine, params: Mapping[str, Float], tangent: Mapping[str, Float]
) -> Float:
    """Return dW for a direction of the parameters, which may have leading axes."""
    direction = tangent[f"{layer.name}.weight"]
    if not layer.standardised:
        return direction
    centred, root = _centred(layer, params[f"{layer.name}.weight"])
    moved = direction - _mean(layer, direction)
    root_moved = _root_slope(layer) * _total(layer, centred * direction) / root
    by_weight = moved / root - centred * root_moved / root**2
    return _gain(layer, tangent) * centred / root + _gain(layer, params) * by_weight


def parameter_gradient(
    layer: Affine, params: Mapping[str, Float], gradient: Float
) -> dict[str, Float]:
    """Return the gradient by weight and gain, given that by W, shape (R, *weight_shape).

    The transpose of `effective_tangent`: with G the gradient by W,

        dL/dgain = sum(G c) / r
        dL/dw    = gain * ((G - mean(G)) / r - n sum(G c) c / ((n - 1) r^3))
    """
    if not layer.standardised:
        return {f"{layer.name}.weight": gradient}
    centred, root = _centred(layer, params[f"{layer.name}.weight"])
    along = _total(layer, gradient * centred)
    by_weight = (gradient - _mean(layer, gradient)) / root
    by_weight = by_weight - _root_slope(layer) * along * centred / root**3
    return {
        f"{layer.name}.weight": _gain(layer, params) * by_weight,
        f"{layer.name}.gain": (along / root).reshape(*gradient.shape[: -_axes(layer)], -1),
    }


def _axes(layer: Affine) -> int:
    return len(layer.weight_shape)


def _incoming(layer: Affine) -> tuple[int, ...]:
    """Return the axes of a unit's incoming weights, counted from the end."""
    return tuple(range(1 - _axes(layer), 0))


def _mean(layer: Affine, array: Float) -> Float:
    mean: Float = array.mean(axis=_incoming(layer), keepdims=True)
    return mean


def _total(layer: Affine, array: Float) -> Float:
    total: Float = array.sum(axis=_incoming(layer), keepdims=True)
    return total


def _gain(layer: Affine, arrays: Mapping[str, Float]) -> Float:
    """Return the gain with axes of length 1 for the incoming weights."""
    gain = arrays[f"{layer.name}.gain"]
    return gain.reshape(*gain.shape, *[1] * (_axes(layer) - 1))


def _root_slope(layer: Affine) -> float:
    """Return n / (n - 1)."""
    return layer.fan_in / (layer.fan_in - 1)


def _centred(layer: Affine, weight: Float) -> tuple[Float, Float]:
    """Return c and r."""
    centred = weight - _mean(layer, weight)
    variance = _total(layer, centred**2) / (layer.fan_in - 1)
    return centred, np.sqrt(variance * layer.fan_in + STANDARDISATION_EPSILON)
