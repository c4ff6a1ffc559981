"""Products of zeros and ones, or of signs, with a matrix, by tables of sums; called on tensors."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gradassay.torch_snn.native.compiled import PRECISIONS, entry, require_dtype, require_fit
from gradassay.torch_snn.native.packing import ADDRESS, SHORT, WHOLE, Bits


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
        require_dtype("term", values.dtype, weight.dtype)
        made |= {"term": values.data_ptr(), "step": values.shape[-2]}
        made |= {"scale": term.scale, "pairs": term.pairs}
    if constant is not None:
        require_fit("bias", tuple(constant.shape), (columns,))
        require_dtype("bias", constant.dtype, weight.dtype)
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
    product, multiply = _entry(right.dtype)
    multiply(
        product(
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


@cache
def _entry(dtype: torch.dtype) -> tuple[type[ctypes.Structure], Any]:
    """Return the arguments' structure, as in binary.h, and the function that takes it."""
    name, real = PRECISIONS[dtype]
    fields: list[tuple[str, Any]] = [
        *((n, WHOLE) for n in ("replicates", "rows", "inner", "columns")),
        *((n, ADDRESS) for n in ("bits", "right")),
        *((n, WHOLE) for n in ("right_replicate", "row_block", "row_far", "row_near")),
        ("right_column", WHOLE),
        ("out", ADDRESS),
        *((n, WHOLE) for n in ("out_replicate", "out_row", "out_column")),
        *((n, ADDRESS) for n in ("bias", "term")),
        ("step", WHOLE),
        *((n, real) for n in ("scale", "factor")),
        *((n, SHORT) for n in ("signs", "pairs")),
    ]
    product = type(f"Product_{name}", (ctypes.Structure,), {"_fields_": fields})
    pointer: Any = ctypes.POINTER(product)
    return product, entry(f"multiply_{name}", (pointer, SHORT))
