"""Convolutions of flat feature maps: the map, its transpose, the derivative by the weight.

Maps of all steps and samples are one batch of images for torch. With a weight for each replicate, a
grouped convolution does some replicates at once: many where each has little work, where a call for
each would cost more than its work; one at a time where each has much, where groups are slower.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor
from torch.nn.functional import conv2d
from torch.nn.grad import conv2d_input, conv2d_weight

from gradassay.core.layers import Conv2d, MapShape

# Products of one grouped convolution; measured on a CPU, where groups are faster below about this.
GROUPED_MACS = 100_000_000


def convolve(layer: Conv2d, weight: Tensor, values: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the convolution of maps, shape (..., outputs).

    Parameters
    ----------
    layer : Conv2d
        Gives shapes, stride and padding.
    weight : tensor, shape ([R,] channels, input channels, kernel, kernel)
    values : tensor, shape (..., inputs); (t, R*B, inputs) for a weight with R
    bias : tensor, shape (channels,), or None
        Only for a weight without R.
    """
    if weight.ndim == 4:
        images = values.reshape(-1, *layer.input_shape)
        maps = conv2d(images, weight, bias, layer.stride, layer.padding)
        return maps.reshape(*values.shape[:-1], layer.outputs)
    result = values.new_empty(*values.shape[:2], layer.outputs)
    for some in _groups(layer, values, len(weight)):
        images = _channelled(values, len(weight), some, layer.input_shape)
        kernels = weight[some]
        joined = kernels.flatten(0, 1)
        maps = conv2d(images, joined, None, layer.stride, layer.padding, groups=len(kernels))
        _write(result, len(weight), some, maps)
    return result


def convolve_transposed(layer: Conv2d, weight: Tensor, delta: Tensor) -> Tensor:
    """Return the transpose of `convolve` at delta, shape (..., inputs), for delta (..., outputs).

    Rows and columns that no position of the kernel sees have the derivative 0.
    """
    if weight.ndim == 4:
        maps = delta.reshape(-1, *layer.output_shape)
        return _transposed(layer, weight, maps).reshape(*delta.shape[:-1], layer.inputs)
    result = delta.new_empty(*delta.shape[:2], layer.inputs)
    for some in _groups(layer, delta, len(weight)):
        maps = _channelled(delta, len(weight), some, layer.output_shape)
        kernels = weight[some]
        images = _transposed(layer, kernels.flatten(0, 1), maps, groups=len(kernels))
        _write(result, len(weight), some, images)
    return result


def kernel_gradient(layer: Conv2d, delta: Tensor, values: Tensor, replicates: int) -> Tensor:
    """Return the sum over steps, samples and positions of delta times the input it saw.

    Parameters
    ----------
    layer : Conv2d
        Gives shapes, stride and padding.
    delta : tensor, shape (t, R*B, outputs)
    values : tensor, shape (t, R*B, inputs)
    replicates : int
        R.

    Returns
    -------
    tensor, shape (R, channels, input channels, kernel, kernel)
    """
    result = delta.new_empty(replicates, *layer.weight_shape)
    for some in _groups(layer, delta, replicates):
        images = _channelled(values, replicates, some, layer.input_shape)
        maps = _channelled(delta, replicates, some, layer.output_shape)
        into = result[some]
        found: Tensor = conv2d_weight(  # type: ignore[no-untyped-call]
            images,
            into.flatten(0, 1).shape,
            maps,
            stride=layer.stride,
            padding=layer.padding,
            groups=len(into),
        )
        into.copy_(found.view_as(into))
    return result


def position_sums(layer: Conv2d, delta: Tensor) -> Tensor:
    """Return delta summed over the positions that share a bias, shape (..., channels)."""
    return delta.reshape(*delta.shape[:-1], layer.channels, -1).sum(-1)


def _transposed(layer: Conv2d, weight: Tensor, maps: Tensor, groups: int = 1) -> Tensor:
    """Return the derivative by the images of a convolution, in groups of channels."""
    channels, rows, columns = layer.input_shape
    size = (len(maps), groups * channels, rows, columns)
    images: Tensor = conv2d_input(  # type: ignore[no-untyped-call]
        size, weight, maps, stride=layer.stride, padding=layer.padding, groups=groups
    )
    return images


def _groups(layer: Conv2d, array: Tensor, replicates: int) -> Iterator[slice]:
    """Yield the replicates that are done at once."""
    steps, rows, _ = array.shape
    macs = steps * (rows // replicates) * layer.outputs * layer.fan_in
    size = max(1, GROUPED_MACS // max(1, macs))
    for first in range(0, replicates, size):
        yield slice(first, first + size)


def _channelled(array: Tensor, replicates: int, some: slice, shape: MapShape) -> Tensor:
    """Return (t, R*B, n) as (t*B, G*channels, rows, columns): replicates as groups of channels."""
    if replicates == 1:
        return array.reshape(-1, *shape)
    chosen = array.reshape(len(array), replicates, -1, array.shape[2])[:, some]
    channels, *sides = shape
    return chosen.transpose(1, 2).reshape(-1, chosen.shape[1] * channels, *sides)


def _write(result: Tensor, replicates: int, some: slice, maps: Tensor) -> None:
    """Undo `_channelled` into the rows of some replicates of ``result``, (t, R*B, n)."""
    into = result.view(len(result), replicates, -1, result.shape[2])[:, some]
    steps, groups, samples, units = into.shape
    into.copy_(maps.reshape(steps, samples, groups, units).transpose(1, 2))
