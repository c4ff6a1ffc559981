"""Random signs as the raw bits that they are made of, and as arrays when somebody asks for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from gradassay.core.arrays import Array


@dataclass(frozen=True)
class RawSigns:
    """Signs of one layer's noise, one bit each, 1 for +1.

    Parameters
    ----------
    raw : array of uint8, shape (t, R, samples * units / 8)
        The first sign of a byte is its highest bit.
    steps, samples, units : int
        T, B and n.
    pairs : bool
        The t = ceil(T/2) steps are 0, 2, 4, ...; each step between is the negative of the one
        before it.
    """

    raw: np.ndarray
    steps: int
    samples: int
    units: int
    pairs: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (T, R*B, n) of the signs."""
        return self.steps, self.raw.shape[1] * self.samples, self.units

    def array(self, dtype: type[np.floating]) -> np.ndarray:
        """Return the signs, shape (T, R*B, n)."""
        raw = self.raw
        if self.pairs:
            raw = np.stack([raw, ~raw], axis=1).reshape(-1, *raw.shape[1:])[: self.steps]
        return np.take(_signs_of_bytes(np.dtype(dtype).name), raw, axis=0).reshape(self.shape)


class LazySigns(Mapping[str, Array]):
    """Signs of some layers by name, made when they are asked for.

    Parameters
    ----------
    raw : mapping from name to RawSigns
        The bits, for who can use them as they are.
    dtype : dtype
        Of the arrays.
    placed : callable or None
        Makes another library's array of NumPy's.
    """

    def __init__(
        self,
        raw: Mapping[str, RawSigns],
        dtype: type[np.floating],
        placed: Callable[[np.ndarray], Array] | None = None,
    ) -> None:
        self.raw, self._dtype, self._placed = raw, dtype, placed
        self._made: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        """Return signs (T, R*B, n)."""
        if name not in self._made:
            self._made[name] = self._place(self.raw[name].array(self._dtype))
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        """Whether there are signs of a layer; makes none."""
        return name in self.raw

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.raw)

    def __len__(self) -> int:
        """Return the number of layers."""
        return len(self.raw)

    def placed(self, function: Callable[[np.ndarray], Array]) -> LazySigns:
        """Return the same signs as arrays of another library."""
        return LazySigns(self.raw, self._dtype, function)

    def empty(self) -> Array:
        """Return an array without elements, of the type that the signs will have."""
        return self._place(np.empty(0, self._dtype))

    def _place(self, array: np.ndarray) -> Array:
        return array if self._placed is None else self._placed(array)


def draw_raw_signs(
    shape: tuple[int, int, int], generators: Iterable[np.random.Generator], *, pairs: bool
) -> RawSigns | None:
    """Draw signs (T, B, n) of some replicates; None where a step has no whole number of bytes.

    Parameters
    ----------
    shape : tuple of int
        T, B, n.
    generators : iterable of Generator
        One for each replicate, used before the next is asked for.
    pairs : bool
        Antithetic pairs of steps.
    """
    steps, samples, units = shape
    if samples * units % 8:
        return None
    drawn = (steps + 1) // 2 if pairs else steps
    size = samples * units // 8
    raw = [_raw_bytes(8 * drawn * size, g)[: drawn * size].reshape(drawn, size) for g in generators]
    return RawSigns(np.stack(raw, axis=1), steps, samples, units, pairs)


def draw_signs(
    shape: tuple[int, ...], generator: np.random.Generator, dtype: type[np.floating]
) -> np.ndarray:
    """Draw signs from raw bits, one bit a sign, eight at a time from a table."""
    count = math.prod(shape)
    signs = np.take(_signs_of_bytes(np.dtype(dtype).name), _raw_bytes(count, generator), axis=0)
    return signs.reshape(-1)[:count].reshape(shape)


def _raw_bytes(count: int, generator: np.random.Generator) -> np.ndarray:
    """Return random bytes for at least that many bits."""
    words = generator.bit_generator.random_raw(-(-count // 64))
    return np.asarray(words, dtype=np.uint64).view(np.uint8)


@cache
def _signs_of_bytes(dtype: str) -> np.ndarray:
    """Return the eight signs of each byte, (256, 8)."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    return 2 * bits.astype(dtype) - 1
