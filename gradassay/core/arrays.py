"""The array namespace: one place that knows how to find it."""

from __future__ import annotations

from typing import Any, TypeAlias

from array_api_compat import array_namespace

# An array of any library that follows the array-API standard (NumPy, torch, ...). The standard has
# no static type yet, so the alias documents intent.
Array: TypeAlias = Any

__all__ = ["Array", "array_namespace", "mean_outer", "merge_replicates", "split_replicates"]


def split_replicates(array: Array, replicates: int) -> Array:
    """Return ``(T, R*B, n)`` as ``(R, T*B, n)``: one matrix of rows for each replicate.

    Parameters
    ----------
    array : array, shape (T, R*B, n)
        Replicates folded into the batch axis, replicate-major.
    replicates : int
        R.
    """
    xp = array_namespace(array)
    steps, rows, units = array.shape
    if replicates == 1:
        return xp.reshape(array, (1, steps * rows, units))
    split = xp.reshape(array, (steps, replicates, rows // replicates, units))
    return xp.reshape(xp.permute_dims(split, (1, 0, 2, 3)), (replicates, -1, units))


def merge_replicates(array: Array, steps: int) -> Array:
    """Undo `split_replicates`: ``(R, T*B, n)`` becomes ``(T, R*B, n)``."""
    xp = array_namespace(array)
    replicates, rows, units = array.shape
    if replicates == 1:
        return xp.reshape(array, (steps, rows // steps, units))
    split = xp.reshape(array, (replicates, steps, rows // steps, units))
    return xp.reshape(xp.permute_dims(split, (1, 0, 2, 3)), (steps, -1, units))


def mean_outer(left: Array, right: Array, replicates: int) -> Array:
    """Return ``(1/B) sum_b sum_t left[t] right[t]^T``.

    Parameters
    ----------
    left : array, shape (t, R*B, n)
    right : array, shape (t, R*B, m)
    replicates : int
        R.

    Returns
    -------
    array, shape (n, m), or (R, n, m) where R > 1
    """
    xp = array_namespace(left)
    rows, columns = split_replicates(left, replicates), split_replicates(right, replicates)
    samples = left.shape[1] // replicates
    # the transpose of a wide array times a narrow one is slow: the narrow one goes first
    product = xp.matrix_transpose(xp.matmul(xp.matrix_transpose(columns), rows))
    mean = product / samples
    return mean if replicates > 1 else mean[0, ...]
