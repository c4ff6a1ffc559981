"""SGD with momentum in one pass over memory, called on tensors."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from gradassay.torch_snn.native.compiled import PRECISIONS, entry


def momentum_step(
    parameter: Tensor, velocity: Tensor, gradient: Tensor, momentum: float, rate: float
) -> bool:
    """Make one update in place, ``v = m v + g`` and ``p = p - rate v``, where it can be fused.

    Parameters
    ----------
    parameter, velocity, gradient : tensor, of one shape
        p, v and g.
    momentum, rate : float
        m and the learning rate.

    Returns
    -------
    bool
        Whether it was made: not where there is no compiler, for other types or shapes that differ,
        or elsewhere than on the CPU.
    """
    tensors = (parameter, velocity, gradient)
    alike = all(
        t.device.type == "cpu" and t.dtype is parameter.dtype and t.shape == parameter.shape
        for t in tensors
    )
    if not (alike and parameter.dtype in PRECISIONS and all(t.is_contiguous() for t in tensors)):
        return False
    function = _entry(parameter.dtype)
    if function is None:
        return False
    addresses = (t.data_ptr() for t in tensors)
    function(*addresses, parameter.numel(), momentum, rate, torch.get_num_threads())
    return True


def _entry(dtype: torch.dtype) -> Any:
    name, real = PRECISIONS[dtype]
    types = (*[ctypes.c_void_p] * 3, ctypes.c_int64, real, real, ctypes.c_int32)
    return entry(f"momentum_{name}", types)
