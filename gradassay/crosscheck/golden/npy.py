"""Arrays as ``.npy`` files: three dtypes, C order, nothing that could run code."""

from __future__ import annotations

import ast
import io
import math
import re
import struct

import numpy as np

from gradassay.core.errors import DataError

DTYPES = ("<f8", "<f4", "<i8")
MAGIC = b"\x93NUMPY"
MOST_HEADER = 1024
MOST_AXES = 8
# nothing else can stand in the header of a plain array; in particular no nesting
_HEADER = re.compile(rb"\{[\w\s'\":,<|>.\[\]=()-]*\}\s*", re.ASCII)


def encode(array: np.ndarray) -> bytes:
    """Return an array as the bytes of a ``.npy`` file, version 1.0.

    Parameters
    ----------
    array : array of float64, float32 or int64
    """
    target = io.BytesIO()
    ordered = np.asarray(array, order="C")
    np.lib.format.write_array(target, ordered, version=(1, 0), allow_pickle=False)
    return target.getvalue()


def decode(data: bytes, name: str) -> np.ndarray:
    """Return the array in the bytes of a ``.npy`` file.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        Of the file, for messages.

    Raises
    ------
    DataError
        If it is damaged or truncated, or holds another dtype or order. Nothing is allocated
        before the announced shape was compared with the size of the file.
    """
    header, start = _header(data, name)
    descr, fortran, shape = header.get("descr"), header.get("fortran_order"), header.get("shape")
    if set(header) != {"descr", "fortran_order", "shape"} or descr not in DTYPES:
        raise DataError(
            f"{name}: got dtype {str(descr)[:40]!r}; expected one of {', '.join(DTYPES)}."
        )
    if fortran is not False:
        raise DataError(f"{name}: got Fortran order; expected C order. Save a contiguous copy.")
    sizes = _sizes(shape, name)
    dtype = np.dtype(descr)
    expected = math.prod(sizes) * dtype.itemsize
    if len(data) - start != expected:
        raise DataError(
            f"{name}: got {len(data) - start:,} bytes after the header; expected {expected:,} for"
            f" shape {str(sizes)[:80]}."
        )
    return np.frombuffer(data, dtype, offset=start).reshape(sizes).copy()


def _header(data: bytes, name: str) -> tuple[dict[object, object], int]:
    """Return the header's entries, and where the numbers begin."""
    version = tuple(data[6:8])
    if data[:6] != MAGIC or version not in ((1, 0), (2, 0)):
        raise DataError(f"{name}: not a .npy file of version 1.0 or 2.0.")
    width = 2 if version == (1, 0) else 4
    if len(data) < 8 + width:
        raise DataError(f"{name}: truncated after {len(data)} bytes.")
    (length,) = struct.unpack("<H" if width == 2 else "<I", data[8 : 8 + width])
    start = 8 + width + length
    if length > MOST_HEADER or start > len(data):
        raise DataError(
            f"{name}: got a header of {length:,} bytes; expected at most {MOST_HEADER:,}, and a"
            " whole file."
        )
    text = data[8 + width : start]
    try:
        found = ast.literal_eval(text.decode("ascii").strip()) if _HEADER.fullmatch(text) else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise DataError(f"{name}: its header is not that of a plain array.")
    return found, start


def _sizes(shape: object, name: str) -> tuple[int, ...]:
    whole = isinstance(shape, tuple) and len(shape) <= MOST_AXES
    if whole and isinstance(shape, tuple):
        if all(type(size) is int and 0 <= size < 2**31 for size in shape):
            return shape
    raise DataError(
        f"{name}: got shape {str(shape)[:80]}; expected at most {MOST_AXES} sizes below 2^31."
    )
