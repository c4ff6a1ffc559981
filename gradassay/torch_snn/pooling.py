"""Average pooling of flat feature maps, and its transpose."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import avg_pool2d

from gradassay.core.layers import AvgPool
from gradassay.torch_snn.native.pooling import pooled


def pool(layer: AvgPool, values: Tensor, *, fused: bool) -> Tensor:
    """Return the means over squares of maps, shape (..., outputs), for values (..., inputs)."""
    found = pooled("pool", layer, values) if fused else None
    return plain_pool(layer, values) if found is None else found


def plain_pool(layer: AvgPool, values: Tensor) -> Tensor:
    """Return the same by torch's own pooling."""
    images = values.reshape(-1, *layer.input_shape)
    return avg_pool2d(images, layer.kernel).reshape(*values.shape[:-1], layer.outputs)


def pool_transposed(layer: AvgPool, delta: Tensor, *, fused: bool) -> Tensor:
    """Return the transpose of `pool` at delta, shape (..., inputs), for delta (..., outputs).

    Each unit of a square gets ``delta / kernel^2``; rows and columns left over get 0.
    """
    found = pooled("pool_transposed", layer, delta) if fused else None
    return plain_transposed(layer, delta) if found is None else found


def plain_transposed(layer: AvgPool, delta: Tensor) -> Tensor:
    """Return the same in plain tensor operations."""
    kernel, (channels, rows, columns) = layer.kernel, layer.output_shape
    images = delta.new_zeros(math.prod(delta.shape[:-1]), *layer.input_shape)
    seen = images[..., : rows * kernel, : columns * kernel]
    squares = seen.view(-1, channels, rows, kernel, columns, kernel)
    maps = delta.reshape(-1, *layer.output_shape) / kernel**2
    squares.copy_(maps[..., None, :, None])
    return images.reshape(*delta.shape[:-1], layer.inputs)
