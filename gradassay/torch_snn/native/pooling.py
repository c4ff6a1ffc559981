"""Average pooling in C, called on tensors."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor

from gradassay.core.layers import AvgPool
from gradassay.torch_snn.native.library import PRECISIONS, native_library

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
        Other types, and elsewhere than on the CPU, have no fused call.
    """
    if values.device.type != "cpu" or values.dtype not in PRECISIONS:
        return None
    function = _entry(direction, values.dtype)
    if function is None:
        return None
    channels, rows, columns = layer.input_shape
    given = values.contiguous()
    made = layer.outputs if direction == "pool" else layer.inputs
    out = given.new_empty(*values.shape[:-1], made)
    maps = channels * (given.numel() // values.shape[-1])
    sizes = (maps, rows, columns, layer.kernel)
    function(given.data_ptr(), out.data_ptr(), *sizes, torch.get_num_threads())
    return out


@cache
def _entry(direction: Direction, dtype: torch.dtype) -> Any:
    library = native_library()
    if library is None:
        return None
    function = getattr(library, f"{direction}_{PRECISIONS[dtype][0]}")
    function.argtypes = [*[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 4, ctypes.c_int32]
    function.restype = None
    return function
