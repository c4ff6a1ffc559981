"""The loss of a step and its derivative in one pass, called on tensors."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from gradassay.torch_snn.native.compiled import PRECISIONS, entry

# rows of more outputs do not fit the stack
MOST_CLASSES = 4096


def fused_loss(
    outputs: Tensor, targets: Tensor, mse_weight: float, factor: float
) -> tuple[Tensor, Tensor] | None:
    """Return ``factor * l`` and ``factor * l'`` of `gradassay.torch_snn.loss`.

    Parameters
    ----------
    outputs : tensor, shape (t, R*B, m)
    targets : tensor of int64, shape (R*B,)
        In 0..m-1.
    mse_weight, factor : float
        mu, and 1/T.

    Returns
    -------
    tuple of tensor, or None
        (t, R*B) and (t, R*B, m); None where there is no compiler, for other types, for targets
        that are no class, or elsewhere than on the CPU.
    """
    steps, samples, classes = outputs.shape
    on_cpu = outputs.device.type == "cpu" and outputs.dtype in PRECISIONS
    function = _entry(outputs.dtype) if on_cpu and 0 < classes <= MOST_CLASSES else None
    fits = targets.dtype == torch.int64 and tuple(targets.shape) == (samples,)
    if function is None or not samples or not fits:
        return None
    if targets.min() < 0 or targets.max() >= classes:
        return None
    given, chosen = outputs.contiguous(), targets.contiguous()
    losses, errors = given.new_empty(steps, samples), torch.empty_like(given)
    function(
        given.data_ptr(),
        chosen.data_ptr(),
        steps * samples,
        samples,
        classes,
        mse_weight,
        factor,
        losses.data_ptr(),
        errors.data_ptr(),
        torch.get_num_threads(),
    )
    return losses, errors


def _entry(dtype: torch.dtype) -> Any:
    name, real = PRECISIONS[dtype]
    arrays, whole = [ctypes.c_void_p] * 2, [ctypes.c_int64] * 3
    return entry(f"loss_{name}", (*arrays, *whole, real, real, *arrays, ctypes.c_int32))
