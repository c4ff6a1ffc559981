"""Numbers that carry a bound of their rounding error through an evaluation.

A `Rounded` array holds a value, computed in float64, and a bound E on how far the same expression
may lie from it when it is evaluated in a format of p bits (unit roundoff u = 2^-p), in any order of
summation. With ``gamma_n = n u / (1 - n u)``:

    x + y     E_x + E_y + u (|x + y| + E_x + E_y)
    x y       |x| E_y + |y| E_x + E_x E_y + u (|x y| + ...)
    x / y     (E_x + |x / y| E_y) / (|y| - E_y), and one rounding
    sum_n     sum E + gamma_n sum (|x| + E)
    A B       |A| E_B + E_A |B| + E_A E_B + gamma_n (|A| + E_A) (|B| + E_B)
    exp, log  their slope times E, and 4 u of the value, twice what a good library makes

No rounding is counted where the operands are without error and everything that is added up fits in
p bits: sums and products of short binary fractions are exact, and so are their comparisons.

References
----------
Higham, "Accuracy and Stability of Numerical Algorithms", 2002, chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Float: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Truth: TypeAlias = np.ndarray[tuple[Any, ...], np.dtype[np.bool_]]
# bounds that two numbers have to be apart for a comparison: twice the safety of a tolerance
APART = 8
Function: TypeAlias = Callable[[Float, Float], Float]


class UncertainError(ArithmeticError):
    """Two numbers lie closer to each other than their rounding errors."""


class Rounded:
    """An array with a bound of its rounding error.

    Parameters
    ----------
    value : array_like
        In float64.
    error : array_like
        Bound, at least 0; 0 for numbers that are given.
    bits : int
        p, 53 for float64 and 24 for float32.

    Examples
    --------
    >>> third = Rounded(1.0, 0.0, 24) / 3.0
    >>> bool(abs(np.float32(1) / np.float32(3) - third.value) <= third.error)
    True
    """

    __array_ufunc__ = None  # an array of NumPy on the left leaves the operation to this class

    def __init__(self, value: Any, error: Any, bits: int) -> None:
        self.value: Float = np.asarray(value, dtype=np.float64)
        self.error: Float = np.broadcast_to(np.asarray(error, np.float64), self.value.shape)
        self.bits = bits

    def __array_namespace__(self, api_version: str | None = None) -> object:
        """Return the functions of the array standard that estimators use."""
        from gradassay.crosscheck.golden import rounded_functions

        return rounded_functions

    @property
    def unit(self) -> float:
        """The unit roundoff u."""
        return 2.0**-self.bits

    @property
    def shape(self) -> tuple[int, ...]:
        """As NumPy has it."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """As NumPy has it."""
        return self.value.ndim

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, place: Any) -> Rounded:
        return Rounded(self.value[place], self.error[place], self.bits)

    def lift(self, other: Any) -> Rounded:
        """Return a number or array as `Rounded`: without error where it is short enough."""
        if isinstance(other, Rounded):
            return other
        value = np.asarray(other, dtype=np.float64)
        exact = value == value.astype(np.float32)
        return Rounded(value, np.where(exact, 0.0, 2 * self.unit * np.abs(value)), self.bits)

    def __add__(self, other: Any) -> Rounded:
        other = self.lift(other)
        value, error = self.value + other.value, self.error + other.error
        fraction = np.maximum(fraction_bits(self.value), fraction_bits(other.value))
        return self._rounded(value, error, np.ldexp(np.abs(value), fraction))

    def __mul__(self, other: Any) -> Rounded:
        other = self.lift(other)
        value = self.value * other.value
        error = (
            np.abs(self.value) * other.error
            + self.error * np.abs(other.value)
            + self.error * other.error
        )
        fraction = fraction_bits(self.value) + fraction_bits(other.value)
        return self._rounded(value, error, np.ldexp(np.abs(value), fraction))

    def __truediv__(self, other: Any) -> Rounded:
        other = self.lift(other)
        room = np.abs(other.value) - other.error
        if (room <= 0).any():
            raise UncertainError("a divisor lies within its rounding error of 0")
        value = self.value / other.value
        error = (self.error + np.abs(value) * other.error) / room
        power = np.abs(np.frexp(other.value)[0]) == 0.5
        return self._rounded(value, error, np.where(power, 0.0, np.inf))

    def _rounded(self, value: Float, error: Float, size: Float) -> Rounded:
        """Return a result with one rounding; `size` in units of its last place tells if none."""
        none = (error == 0) & (size <= 2.0**self.bits)
        one = np.where(none, 0.0, self.unit * (np.abs(value) + error))
        return Rounded(value, error + one, self.bits)

    def __neg__(self) -> Rounded:
        return Rounded(-self.value, self.error, self.bits)

    def __abs__(self) -> Rounded:
        return Rounded(np.abs(self.value), self.error, self.bits)

    def __sub__(self, other: Any) -> Rounded:
        return self + (-self.lift(other))

    def __rsub__(self, other: Any) -> Rounded:
        return self.lift(other) + (-self)

    def __rtruediv__(self, other: Any) -> Rounded:
        return self.lift(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __ge__(self, other: Any) -> Truth:
        return self._apart(other) >= 0

    def __lt__(self, other: Any) -> Truth:
        return self._apart(other) < 0

    def _apart(self, other: Any) -> Float:
        """Return the difference, whose sign no rounding can change.

        Raises
        ------
        UncertainError
            If it can.
        """
        other = self.lift(other)
        difference: Float = self.value - other.value
        error = APART * (self.error + other.error)
        if ((error > 0) & (np.abs(difference) <= error)).any():
            raise UncertainError("two numbers lie within their rounding errors of each other")
        return difference


def fraction_bits(values: Float) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return how many binary digits after the point each number has; 0 for an integer.

    Examples
    --------
    >>> fraction_bits(np.array([3.0, 0.5, 0.625])).tolist()
    [0, 1, 3]
    """
    mantissa, exponent = np.frexp(values)
    whole = np.ldexp(np.abs(mantissa), 53).astype(np.int64)
    trailing = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    bits = np.where(whole == 0, 0, 53 - trailing - exponent)
    return np.clip(bits, 0, 400)


def bilinear(function: Function, left: Rounded, right: Rounded, terms: int) -> Rounded:
    """Return a bilinear function, such as a product of matrices.

    Parameters
    ----------
    function : callable
        Sums of products of an entry on the left and one on the right, with coefficients 0 and 1.
    left, right : Rounded
        Its arguments.
    terms : int
        Most products in a sum.
    """
    a, b = np.abs(left.value), np.abs(right.value)
    error = function(a, right.error) + function(left.error, b) + function(left.error, right.error)
    size = function(a + left.error, b + right.error)
    fraction = _most(fraction_bits(left.value)) + _most(fraction_bits(right.value))
    exact = (error == 0) & (np.ldexp(size, fraction) <= 2.0**left.bits)
    rounding = np.where(exact, 0.0, gamma(terms, left.bits) * size)
    return Rounded(function(left.value, right.value), error + rounding, left.bits)


def gamma(terms: int, bits: int) -> float:
    """Return ``n u / (1 - n u)``, u = 2^-bits."""
    share = terms * 2.0**-bits
    return share / (1 - share)


def _most(counts: np.ndarray[Any, np.dtype[np.int64]]) -> int:
    return int(counts.max(initial=0))


def transcendental(x: Rounded, value: Float, moved: Float) -> Rounded:
    """Return a function of x from its value and a bound of how far the error of x moves it."""
    return Rounded(value, moved + 4 * x.unit * (np.abs(value) + moved), x.bits)


def exp(x: Rounded) -> Rounded:
    """Return e^x."""
    value = np.exp(x.value)
    return transcendental(x, value, value * np.expm1(x.error))


def log(x: Rounded) -> Rounded:
    """Return the natural logarithm of numbers that are well above 0."""
    return transcendental(x, np.log(x.value), x.error / (x.value - x.error))
