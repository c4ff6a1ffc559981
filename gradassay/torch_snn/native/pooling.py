"""Average pooling in C, called on tensors."""

from __future__ import annotations

import ctypes
from typing import Any, Literal

import torch
from torch import Tensor

from gradassay.core.layers import AvgPool
from gradassay.torch_snn.native.compiled import PRECISIONS, entry

Direction = Literal["pool", "pool_transposed"]


def pooled(direction: Direction, layer: AvgPool, values: Tensor) -> Tensor | None:
    """Return a layer's output, or its transpose at a derivative; None where there is no library.

    Parameters
    ----------
    direction : {"pool", "pool_transposed"}
        The map, or its transpose.
    layer : AvgPool
        Gives shapes.
    values : tensor, shape (..., inputs), or (..., outputs) for the transpose
        Other types and sizes, and elsewhere than on the CPU, have no fused call.
    """
    seen, made = layer.inputs, layer.outputs
    if direction == "pool_transposed":
        seen, made = made, seen
    fits = values.device.type == "cpu" and values.dtype in PRECISIONS and values.shape[-1] == seen
    function = _entry(direction, values.dtype) if fits else None
    if function is None:
        return None
    channels, rows, columns = layer.input_shape
    given = values.contiguous()
    out = given.new_empty(*values.shape[:-1], made)
    maps = channels * (given.numel() // values.shape[-1])
    sizes = (maps, rows, columns, layer.kernel)
    function(given.data_ptr(), out.data_ptr(), *sizes, torch.get_num_threads())
    return out


def _entry(direction: Direction, dtype: torch.dtype) -> Any:
    types = (*[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 4, ctypes.c_int32)
    return entry(f"{direction}_{PRECISIONS[dtype][0]}", types)
