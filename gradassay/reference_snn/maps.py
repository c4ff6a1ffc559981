"""The layers without memory as linear maps: output, transpose, derivative by the weight.

Rows are samples (and steps): arrays of shape (rows, units), feature maps in C order. A convolution
is a sum over the positions of its kernel, each of which is a dense layer on a shifted map.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import numpy as np

from gradassay.core.layers import AvgPool, Conv2d, Flatten, Gain, Linear, Scale, Synapse, Weighted
from gradassay.reference_snn.neuron import Float


def forward_map(layer: Synapse, weight: Float | None, values: Float) -> Float:
    """Return the layer's output without its bias.

    Parameters
    ----------
    layer : Linear, Conv2d, Gain, AvgPool, Flatten or Scale
    weight : array or None
        Of the layer's `weight_shape`; None for a layer without weights.
    values : array, shape (rows, inputs)

    Returns
    -------
    array, shape (rows, outputs)
    """
    if isinstance(layer, Linear):
        product: Float = values @ _given(weight).T
        return product
    if isinstance(layer, Conv2d):
        return _convolution(layer, _given(weight), values)
    if isinstance(layer, AvgPool):
        means: Float = _squares(layer, values).mean(axis=(3, 5))
        return means.reshape(len(values), -1)
    return values * _factor(layer, weight)


def transposed_map(layer: Synapse, weight: Float | None, delta: Float) -> Float:
    """Return the derivative by the layer's input, shape (rows, inputs).

    Parameters
    ----------
    layer, weight
        As in `forward_map`.
    delta : array, shape (rows, outputs)
        Derivative by the layer's output.
    """
    if isinstance(layer, Linear):
        product: Float = delta @ _given(weight)
        return product
    if isinstance(layer, Conv2d):
        return _transposed_convolution(layer, _given(weight), delta)
    if isinstance(layer, AvgPool):
        result = np.zeros((len(delta), layer.inputs))
        mean = delta.reshape(len(delta), *layer.output_shape)[:, :, :, None, :, None]
        _squares(layer, result)[...] = mean / layer.kernel**2
        return result
    return delta * _factor(layer, weight)


def weight_products(layer: Weighted, delta: Float, values: Float) -> Float:
    """Return the sum over rows of the derivative by the weight, for each replicate.

    Parameters
    ----------
    layer : Linear, Conv2d or Gain
    delta : array, shape (R, rows, outputs)
    values : array, shape (R, rows, inputs)

    Returns
    -------
    array, shape (R, *weight_shape)
    """
    if isinstance(layer, Linear):
        products: Float = np.matmul(np.swapaxes(delta, 1, 2), values)
        return products
    if isinstance(layer, Gain):
        sums: Float = (delta * values).sum(axis=(1, 2))
        return sums[:, None]
    replicates, rows, _ = delta.shape
    result = np.zeros((replicates, *layer.weight_shape))
    for replicate in range(replicates):
        errors = delta[replicate].reshape(rows, *layer.output_shape)
        for i, j, seen in _shifts(layer, _padded(layer, values[replicate])):
            result[replicate, :, :, i, j] = np.einsum("royx,rcyx->oc", errors, seen)
    return result


def bias_sums(layer: Weighted, delta: Float) -> Float:
    """Return delta, shape (..., outputs), summed over the positions that share a bias."""
    if not isinstance(layer, Conv2d):
        return delta
    sums: Float = delta.reshape(*delta.shape[:-1], layer.channels, -1).sum(axis=-1)
    return sums


def spread_bias(layer: Weighted, bias: Float) -> Float:
    """Return the bias of every output unit, shape (outputs,)."""
    if not isinstance(layer, Conv2d):
        return bias
    return np.repeat(bias, layer.outputs // layer.channels)


def _given(weight: Float | None) -> Float:
    if weight is None:
        raise ValueError("a weighted layer was given no weight")
    return weight


def _factor(layer: Gain | Scale | Flatten, weight: Float | None) -> Float | float:
    """Return the factor of a layer that only scales."""
    match layer:
        case Gain():
            return _given(weight)
        case Scale():
            return layer.factor
        case Flatten():
            return 1.0
        case _:
            assert_never(layer)


def _squares(layer: AvgPool, values: Float) -> Float:
    """Return a view of the pooled squares: (rows, C, rows of squares, k, columns of squares, k)."""
    channels, high, wide = layer.output_shape
    k = layer.kernel
    maps = values.reshape(len(values), *layer.input_shape)[:, :, : high * k, : wide * k]
    strides = maps.strides
    return np.lib.stride_tricks.as_strided(
        maps,
        (len(values), channels, high, k, wide, k),
        (strides[0], strides[1], strides[2] * k, strides[2], strides[3] * k, strides[3]),
    )


def _padded(layer: Conv2d, values: Float) -> Float:
    """Return the input maps with zeros around them."""
    maps = values.reshape(len(values), *layer.input_shape)
    pad = (layer.padding, layer.padding)
    return np.pad(maps, ((0, 0), (0, 0), pad, pad))


def _shifts(layer: Conv2d, padded: Float) -> Iterator[tuple[int, int, Float]]:
    """Yield each position (i, j) of the kernel and a view of the padded maps that it sees."""
    _, high, wide = layer.output_shape
    step = layer.stride
    for i, j in np.ndindex(layer.kernel, layer.kernel):
        yield i, j, padded[:, :, i : i + step * high : step, j : j + step * wide : step]


def _convolution(layer: Conv2d, weight: Float, values: Float) -> Float:
    """Return ``out[o, y, x] = sum_cij w[o, c, i, j] in[c, stride y + i - p, stride x + j - p]``."""
    result = np.zeros((len(values), *layer.output_shape))
    for i, j, seen in _shifts(layer, _padded(layer, values)):
        result += np.einsum("oc,rcyx->royx", weight[:, :, i, j], seen)
    return result.reshape(len(values), -1)


def _transposed_convolution(layer: Conv2d, weight: Float, delta: Float) -> Float:
    """Send each output's delta back to the inputs that it saw."""
    errors = delta.reshape(len(delta), *layer.output_shape)
    padded = _padded(layer, np.zeros((len(delta), layer.inputs)))
    for i, j, seen in _shifts(layer, padded):
        seen += np.einsum("oc,royx->rcyx", weight[:, :, i, j], errors)
    pad, (_, high, wide) = layer.padding, layer.input_shape
    return padded[:, :, pad : pad + high, pad : pad + wide].reshape(len(delta), -1)
