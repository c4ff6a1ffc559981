"""Matrices of zeros and ones, or of signs, as bits; called on tensors."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gradassay.core.signs import RawSigns
from gradassay.torch_snn.native.compiled import PRECISIONS, entry, native_library, require_fit

ADDRESS, WHOLE, SHORT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
WORD = 32
# below these the sums cost more than they save; measured
FEWEST_ROWS, FEWEST_INNER = 32, 16
# below it, bits made with the spikes cost more than those read from them; measured
FEWEST_UNITS = 96


class Bits(NamedTuple):
    """A matrix of zeros and ones, or of signs, a bit an entry.

    Parameters
    ----------
    words : tensor, shape (replicates, ceil(inner / 32), rows)
        Bits of int32.
    replicates, rows, inner : int
        The matrix, (rows, inner) for each replicate.
    signs : bool
        Entries are -1 and 1, not 0 and 1.
    """

    words: Tensor
    replicates: int
    rows: int
    inner: int
    signs: bool


def pack(values: Tensor, *, signs: bool = False) -> Bits | None:
    """Return the rows of a matrix as bits; None where they are not to be had.

    Parameters
    ----------
    values : tensor, shape (..., inner)
        Or every other step of one (t, rows, inner).
    signs : bool
        Whether entries have to be -1 and 1, or 0 and 1; with any other there are none.
    """
    inner = values.shape[-1]
    rows = values.numel() // inner
    if not (_usable(values) and _worth(rows, inner)):
        return None
    far = block = 0
    if values.ndim == 3 and values[:1].is_contiguous():
        block, far = values.shape[1], values.stride(0)
    elif not values.is_contiguous():
        return None
    words = words_of(1, rows, inner)
    given = (values.data_ptr(), rows, inner, block or rows, far, signs)
    types = (ADDRESS, *[WHOLE] * 4, SHORT, ADDRESS, SHORT)
    function = _entry("pack", values.dtype, types, SHORT)
    found = function(*given, words.data_ptr(), torch.get_num_threads())
    return Bits(words, 1, rows, inner, signs) if found else None


def pack_columns(values: Tensor, replicates: int) -> Bits | None:
    """Return the columns of zeros and ones (t, R*B, n) as bits, (n, t*B) for each replicate."""
    steps, rows, columns = values.shape
    inner = steps * (rows // replicates)
    if not (_usable(values) and _worth(columns, inner) and values.is_contiguous()):
        return None
    words = words_of(replicates, columns, inner)
    given = (values.data_ptr(), steps, replicates, rows // replicates, columns)
    types = (ADDRESS, *[WHOLE] * 4, ADDRESS, SHORT)
    function = _entry("pack_columns", values.dtype, types, SHORT)
    found = function(*given, words.data_ptr(), torch.get_num_threads())
    return Bits(words, replicates, columns, inner, signs=False) if found else None


def turned(rows: Bits, steps: int, replicates: int) -> Bits | None:
    """Return what `pack_columns` does, for spikes (t, R*B, n) whose rows are bits already."""
    columns, samples = rows.inner, rows.rows // (steps * replicates)
    inner = steps * samples
    require_fit("rows of spikes", (rows.rows,), (inner * replicates,))
    if not _worth(columns, inner):
        return None
    words = words_of(replicates, columns, inner)
    given = (rows.words.data_ptr(), steps, replicates, samples, columns)
    types = (ADDRESS, *[WHOLE] * 4, ADDRESS, SHORT)
    entry("turn", types)(*given, words.data_ptr(), torch.get_num_threads())
    return Bits(words, replicates, columns, inner, signs=False)


def unpacked(rows: Bits, dtype: torch.dtype) -> Tensor:
    """Return zeros and ones (rows, inner) that are bits, of one replicate."""
    values = torch.empty(rows.rows, rows.inner, dtype=dtype)
    given = (rows.words.data_ptr(), rows.rows, rows.inner, values.data_ptr())
    function = _entry("spread", dtype, (ADDRESS, WHOLE, WHOLE, ADDRESS, SHORT))
    function(*given, torch.get_num_threads())
    return values


def pack_raw(signs: RawSigns) -> Bits | None:
    """Return the rows of signs that are bits already, those of one step of each pair."""
    steps, replicates, _ = signs.raw.shape
    rows = steps * replicates * signs.samples
    if not _worth(rows, signs.units):
        return None
    words = words_of(1, rows, signs.units)
    stream = np.ascontiguousarray(signs.raw)
    types = (ADDRESS, WHOLE, WHOLE, ADDRESS, SHORT)
    function = entry("pack_raw", types)
    function(stream.ctypes.data, rows, signs.units, words.data_ptr(), torch.get_num_threads())
    return Bits(words, 1, rows, signs.units, signs=True)


def pack_raw_columns(signs: RawSigns) -> Bits | None:
    """Return the columns of such signs, (n, t*B) for each replicate."""
    steps, replicates, _ = signs.raw.shape
    inner = steps * signs.samples
    if not _worth(signs.units, inner):
        return None
    words = words_of(replicates, signs.units, inner)
    stream = np.ascontiguousarray(signs.raw)
    given = (stream.ctypes.data, steps, replicates, signs.samples, signs.units)
    types = (ADDRESS, *[WHOLE] * 4, ADDRESS, SHORT)
    entry("pack_raw_columns", types)(*given, words.data_ptr(), torch.get_num_threads())
    return Bits(words, replicates, signs.units, inner, signs=True)


def opposite_pairs(values: Tensor) -> bool:
    """Return whether step 2j + 1 of (t, rows, n) is the negative of step 2j, for each j."""
    usable = _usable(values) and native_library() is not None
    if not (usable and values.is_contiguous() and len(values) > 1):
        return False
    pairs, size = len(values) // 2, values[0].numel()
    function = _entry("opposite", values.dtype, (ADDRESS, WHOLE, WHOLE, SHORT), SHORT)
    return bool(function(values.data_ptr(), pairs, size, torch.get_num_threads()))


def _usable(values: Tensor) -> bool:
    return values.device.type == "cpu" and values.dtype in PRECISIONS


def worth_emitting(rows: int, units: int) -> bool:
    """Return whether it pays that the fused pass makes the bits of the spikes of some rows.

    Units are a multiple of 8, so that a row ends with a whole vector and a whole byte of signs.
    """
    return units >= FEWEST_UNITS and units % 8 == 0 and _worth(rows, units)


def _worth(rows: int, inner: int) -> bool:
    enough = rows >= FEWEST_ROWS and inner >= FEWEST_INNER
    return enough and native_library() is not None


def words_of(replicates: int, rows: int, inner: int) -> Tensor:
    """Return memory for the words of `Bits`."""
    return torch.empty(replicates, -(-inner // WORD), rows, dtype=torch.int32)


def _entry(name: str, dtype: torch.dtype, arguments: tuple[Any, ...], result: Any = None) -> Any:
    """Return a function of one precision."""
    return entry(f"{name}_{PRECISIONS[dtype][0]}", arguments, result)
