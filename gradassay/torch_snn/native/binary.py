"""Products of zeros and ones, or of signs, with a matrix, by tables of sums; called on tensors."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gradassay.core.signs import RawSigns
from gradassay.torch_snn.native.compiled import PRECISIONS, entry, native_library, require_fit

ADDRESS, WHOLE = ctypes.c_void_p, ctypes.c_int64
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


@dataclass(frozen=True)
class Term:
    """What is added to a product: ``scale * values``.

    Parameters
    ----------
    values : tensor, shape (t, rows, columns), or (ceil(t/2), rows, columns) with pairs
    scale : float
    pairs : bool
        Steps 2j and 2j + 1 get ``values[j]`` and ``-values[j]``.
    """

    values: Tensor
    scale: float
    pairs: bool


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
    found = _entries(values.dtype).pack(*given, words.data_ptr(), torch.get_num_threads())
    return Bits(words, 1, rows, inner, signs) if found else None


def pack_columns(values: Tensor, replicates: int) -> Bits | None:
    """Return the columns of zeros and ones (t, R*B, n) as bits, (n, t*B) for each replicate."""
    steps, rows, columns = values.shape
    inner = steps * (rows // replicates)
    if not (_usable(values) and _worth(columns, inner) and values.is_contiguous()):
        return None
    words = words_of(replicates, columns, inner)
    given = (values.data_ptr(), steps, replicates, rows // replicates, columns)
    found = _entries(values.dtype).pack_columns(*given, words.data_ptr(), torch.get_num_threads())
    return Bits(words, replicates, columns, inner, signs=False) if found else None


def turned(rows: Bits, steps: int, replicates: int) -> Bits | None:
    """Return what `pack_columns` does, for spikes (t, R*B, n) whose rows are bits already."""
    columns, inner = rows.inner, rows.rows // replicates
    if not _worth(columns, inner):
        return None
    words = words_of(replicates, columns, inner)
    given = (rows.words.data_ptr(), steps, replicates, inner // steps, columns)
    types = (ADDRESS, *[WHOLE] * 4, ADDRESS, ctypes.c_int32)
    entry("turn", types)(*given, words.data_ptr(), torch.get_num_threads())
    return Bits(words, replicates, columns, inner, signs=False)


def unpacked(rows: Bits, dtype: torch.dtype) -> Tensor:
    """Return zeros and ones (rows, inner) that are bits, of one replicate."""
    values = torch.empty(rows.rows, rows.inner, dtype=dtype)
    given = (rows.words.data_ptr(), rows.rows, rows.inner, values.data_ptr())
    _entries(dtype).spread(*given, torch.get_num_threads())
    return values


def pack_raw(signs: RawSigns) -> Bits | None:
    """Return the rows of signs that are bits already, those of one step of each pair."""
    steps, replicates, _ = signs.raw.shape
    rows = steps * replicates * signs.samples
    if not _worth(rows, signs.units):
        return None
    words = words_of(1, rows, signs.units)
    stream = np.ascontiguousarray(signs.raw)
    types = (ADDRESS, WHOLE, WHOLE, ADDRESS, ctypes.c_int32)
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
    types = (ADDRESS, *[WHOLE] * 4, ADDRESS, ctypes.c_int32)
    entry("pack_raw_columns", types)(*given, words.data_ptr(), torch.get_num_threads())
    return Bits(words, replicates, signs.units, inner, signs=True)


def opposite_pairs(values: Tensor) -> bool:
    """Return whether step 2j + 1 of (t, rows, n) is the negative of step 2j, for each j."""
    usable = _usable(values) and native_library() is not None
    if not (usable and values.is_contiguous() and len(values) > 1):
        return False
    pairs, size = len(values) // 2, values[0].numel()
    threads = torch.get_num_threads()
    return bool(_entries(values.dtype).opposite(values.data_ptr(), pairs, size, threads))


def times_transposed(
    left: Bits, weight: Tensor, *, bias: Tensor | None = None, term: Term | None = None
) -> Tensor:
    """Return ``left weight^T + bias + scale term``, shape (rows, columns).

    A row that no entry of `left` chooses is not read: there, not-a-numbers do not spread.

    Parameters
    ----------
    left : Bits
        One replicate.
    weight : tensor, shape (columns, inner)
    bias : tensor, shape (columns,), or None
    term : Term or None
    """
    columns = len(weight)
    require_fit("weight", tuple(weight.shape), (columns, left.inner))
    out = weight.new_empty(left.rows, columns)
    near, across = weight.stride(1), weight.stride(0)
    right = {"row_block": left.inner, "row_far": 0, "row_near": near, "right_column": across}
    made = {"out_row": columns, "out_column": 1, "factor": 1.0}
    # kept here, so that their memory lives as long as the call
    values = None if term is None else term.values.contiguous()
    constant = None if bias is None else bias.contiguous()
    if term is not None and values is not None:
        steps = left.rows // values.shape[1]
        expected = (-(-steps // 2) if term.pairs else steps, values.shape[1], columns)
        require_fit("term", tuple(values.shape), expected)
        made |= {"term": values.data_ptr(), "step": values.shape[-2]}
        made |= {"scale": term.scale, "pairs": term.pairs}
    if constant is not None:
        made |= {"bias": constant.data_ptr()}
    _multiply(left, weight, columns, out, {**right, **made})
    return out


def mean_outer(left: Tensor, right: Bits, factor: float) -> Tensor:
    """Return ``factor * left^T right^T``, shape (R, columns of left, rows of right).

    Parameters
    ----------
    left : tensor, shape (t, R*B, m)
        Its entries of all steps and samples of a replicate are what the bits go over.
    right : Bits
        Of columns, (n, t*B) for each replicate.
    factor : float
    """
    given = left.contiguous()
    _, rows, columns = given.shape
    samples = rows // right.replicates
    require_fit("left", (len(given) * samples,), (right.inner,))
    out = given.new_empty(right.replicates, columns, right.rows)
    strides = {
        "right_replicate": samples * columns,
        "row_block": samples,
        "row_far": rows * columns,
        "row_near": columns,
        "right_column": 1,
        "out_replicate": columns * right.rows,
        "out_row": 1,
        "out_column": right.rows,
        "factor": factor,
    }
    _multiply(right, given, columns, out, strides)
    return out


def _multiply(left: Bits, right: Tensor, columns: int, out: Tensor, given: dict[str, Any]) -> None:
    entries = _entries(right.dtype)
    entries.multiply(
        entries.product(
            replicates=left.replicates,
            rows=left.rows,
            inner=left.inner,
            columns=columns,
            bits=left.words.data_ptr(),
            right=right.data_ptr(),
            out=out.data_ptr(),
            signs=left.signs,
            **given,
        ),
        torch.get_num_threads(),
    )


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


class _Entries(NamedTuple):
    """The arguments' structure, as in binary.h, and the functions of one precision."""

    product: type[ctypes.Structure]
    multiply: Any
    pack: Any
    pack_columns: Any
    spread: Any
    opposite: Any


@cache
def _entries(dtype: torch.dtype) -> _Entries:
    name, real = PRECISIONS[dtype]
    address, whole, short = ADDRESS, WHOLE, ctypes.c_int32
    fields: list[tuple[str, Any]] = [
        *((n, whole) for n in ("replicates", "rows", "inner", "columns")),
        *((n, address) for n in ("bits", "right")),
        *((n, whole) for n in ("right_replicate", "row_block", "row_far", "row_near")),
        ("right_column", whole),
        ("out", address),
        *((n, whole) for n in ("out_replicate", "out_row", "out_column")),
        *((n, address) for n in ("bias", "term")),
        ("step", whole),
        *((n, real) for n in ("scale", "factor")),
        *((n, short) for n in ("signs", "pairs")),
    ]
    product = type(f"Product_{name}", (ctypes.Structure,), {"_fields_": fields})
    pointer: Any = ctypes.POINTER(product)
    return _Entries(
        product,
        entry(f"multiply_{name}", (pointer, short)),
        entry(f"pack_{name}", (address, *[whole] * 4, short, address, short), short),
        entry(f"pack_columns_{name}", (address, *[whole] * 4, address, short), short),
        entry(f"spread_{name}", (address, whole, whole, address, short)),
        entry(f"opposite_{name}", (address, whole, whole, short), short),
    )
