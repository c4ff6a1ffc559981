"""The functions of the array standard that estimators use, on `Rounded` arrays."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradassay.crosscheck.golden.rounded import (
    Rounded,
    bilinear,
    fraction_bits,
    gamma,
    transcendental,
)

Axis = int | tuple[int, ...] | None


def _moved(function: Callable[[Any], Any], x: Rounded) -> Rounded:
    """Return an array whose entries were only moved."""
    return Rounded(function(x.value), function(x.error), x.bits)


def reshape(x: Rounded, shape: tuple[int, ...]) -> Rounded:
    """Return the same entries in another shape."""
    return _moved(lambda a: np.reshape(a, shape), x)


def matrix_transpose(x: Rounded) -> Rounded:
    """Return the transpose of each matrix."""
    return _moved(lambda a: np.swapaxes(a, -1, -2), x)


def broadcast_to(x: Rounded, shape: tuple[int, ...]) -> Rounded:
    """Return the entries repeated along new axes."""
    return _moved(lambda a: np.broadcast_to(a, shape), x)


def stack(arrays: Sequence[Rounded]) -> Rounded:
    """Return arrays along a new first axis."""
    values, errors = [a.value for a in arrays], [a.error for a in arrays]
    return Rounded(np.stack(values), np.stack(errors), arrays[0].bits)


def abs(x: Rounded) -> Rounded:
    """Return absolute values."""
    return builtins.abs(x)


def sign(x: Rounded) -> Rounded:
    """Return signs, which no rounding may change."""
    above = x >= 0.0
    return Rounded(np.where(x.value == 0, 0.0, np.where(above, 1.0, -1.0)), 0.0, x.bits)


def clip(x: Rounded, min: float) -> Rounded:
    """Return the larger one of each number and a bound."""
    return Rounded(np.maximum(x.value, min), x.error, x.bits)


def expm1(x: Rounded) -> Rounded:
    """Return e^x - 1."""
    return transcendental(x, np.expm1(x.value), np.exp(x.value) * np.expm1(x.error))


def sum(x: Rounded, axis: Axis = None, keepdims: bool = False) -> Rounded:
    """Return sums along axes, all where none is given."""

    def total(a: Any) -> Any:
        return np.sum(a, axis=axis, keepdims=keepdims)

    value, error, size = total(x.value), total(x.error), total(np.abs(x.value) + x.error)
    terms = x.value.size // max(np.size(value), 1)
    fraction = int(fraction_bits(x.value).max(initial=0))
    exact = (error == 0) & (np.ldexp(size, fraction) <= 2.0**x.bits)
    return Rounded(value, error + np.where(exact, 0.0, gamma(terms, x.bits) * size), x.bits)


def mean(x: Rounded, axis: Axis = None, keepdims: bool = False) -> Rounded:
    """Return means along axes."""
    total = sum(x, axis, keepdims)
    return total / float(x.value.size // max(total.value.size, 1))


def matmul(left: Rounded, right: Rounded) -> Rounded:
    """Return products of matrices."""
    return bilinear(np.matmul, left, right, left.shape[-1])
