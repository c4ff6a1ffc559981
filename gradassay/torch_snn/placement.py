"""Where and in which precision the backend computes: names to torch's objects, checked."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gradassay.core.errors import DataError, UsageError, unknown_name

DTYPES: dict[str, tuple[torch.dtype, type[np.floating]]] = {
    "float32": (torch.float32, np.float32),
    "float64": (torch.float64, np.float64),
}
LARGEST = 2**63 - 1


def dtypes_named(name: str) -> tuple[torch.dtype, type[np.floating]]:
    """Return torch's and NumPy's dtype of a name.

    Raises
    ------
    UsageError
        If the name is neither ``float32`` nor ``float64``.
    """
    if name not in DTYPES:
        raise unknown_name("dtype", str(name), DTYPES)
    return DTYPES[name]


def device_named(name: str) -> torch.device:
    """Return the device of a name, ``cpu``, ``cuda`` or ``cuda:<number>``, if it is there.

    Raises
    ------
    UsageError
        If no such device exists on this machine or in this build of torch.
    """
    number = torch.cuda.device_count()
    available = ["cpu", *(["cuda"] if number else []), *(f"cuda:{n}" for n in range(number))]
    if name not in available:
        raise UsageError(
            f"device: got {name!r}; expected one of {', '.join(available)} (found on this"
            " machine). Use 'cpu', or install a build of torch that sees the device."
        )
    return torch.device(name)


def to_tensor(array: np.ndarray, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a NumPy array as a tensor: floats in `dtype`, integers as int64, bool as it is.

    Shares memory where dtype and device allow it and the array is writable.

    Raises
    ------
    DataError
        If the array holds neither floats, integers nor bool, or an integer beyond int64.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise DataError(f"array: got dtype {array.dtype}; expected floats, integers or bool.")
    if array.dtype.kind == "f":
        array = array.astype(str(dtype).removeprefix("torch."), copy=False)
    elif array.dtype.kind in "iu":
        wide = array.dtype.kind == "u" and array.dtype.itemsize == 8
        if wide and array.size and array.max() > LARGEST:
            raise DataError(f"array: got {array.max()}; expected at most {LARGEST}.")
        array = array.astype(np.int64, copy=False)
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array).to(device)


def require_placed(name: str, tensor: object, dtype: torch.dtype, device: torch.device) -> None:
    """Check that a floating tensor is of the backend's dtype and on its device.

    Raises
    ------
    DataError
        Names the tensor; the remedy is `asarray`.
    """
    if isinstance(tensor, Tensor):
        there = tensor.device.type == device.type and device.index in (None, tensor.device.index)
        if tensor.dtype == dtype and there:
            return
        got = f"{tensor.dtype} on {tensor.device}"
    else:
        got = type(tensor).__name__
    raise DataError(
        f"{name}: got {got}; expected {dtype} on {device}. Make it with the backend's `asarray`."
    )
