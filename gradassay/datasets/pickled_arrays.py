"""The parts of NumPy's pickled arrays of bytes, by the names of what rebuilds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.datasets.defect import Defect

MOST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Name:
    """A function or class that a pickle speaks of, as text."""

    text: str


@dataclass(eq=False)
class ByteType:
    """The dtype of unsigned bytes, under construction."""


@dataclass(eq=False)
class ByteArray:
    """An array of unsigned bytes, under construction."""

    array: NDArray[np.uint8] | None = None


_NDARRAY = "numpy ndarray"
_RECONSTRUCT = {
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
}
_FROM_BUFFER = {"numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer"}
_ENCODE = "_codecs encode"
_DTYPE = "numpy dtype"
_BYTES = {"__builtin__ bytes", "builtins bytes"}
KNOWN = {_NDARRAY, *_RECONSTRUCT, *_FROM_BUFFER, *_BYTES, _ENCODE, _DTYPE}


def rebuilt(function: str, arguments: tuple[Any, ...]) -> object:
    """Return what one of the known functions makes."""
    if function in _RECONSTRUCT and arguments[:1] == (Name(_NDARRAY),):
        return ByteArray()
    if function in _FROM_BUFFER and len(arguments) == 4:
        content, dtype, shape, order = arguments
        return ByteArray(array_of((1, shape, dtype, order == "F", content)))
    if function == _DTYPE and arguments[:1] in (("u1",), (b"u1",)):
        return ByteType()
    if function in _BYTES and not arguments:
        return b""
    if function == _ENCODE and arguments[1:] in (("latin1",), (b"latin1",)):
        text = arguments[0]
        if isinstance(text, str):
            return text.encode("latin1")
    raise Defect(
        f"calls {function.replace(' ', '.')} in another way than for an array of unsigned bytes;"
        " nothing was run"
    )


def array_of(state: object) -> NDArray[np.uint8]:
    """Return the array of a state (version, shape, dtype, order, content)."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise Defect("has an array with an unknown state")
    _, shape, dtype, fortran, content = state
    sizes = isinstance(shape, tuple) and all(
        isinstance(size, int) and 0 <= size <= MOST_BYTES for size in shape
    )
    if not sizes or len(shape) > 4 or not isinstance(dtype, ByteType):
        raise Defect("has an array of another kind than unsigned bytes")
    if isinstance(content, str):
        content = content.encode("latin1")
    if not isinstance(content, bytes | bytearray):
        raise Defect("has an array whose content is no bytes")
    announced = int(np.prod(shape, dtype=object))
    if announced != len(content):
        raise Defect(f"has an array of {len(content):,} bytes; expected {announced:,}, its shape")
    array = np.frombuffer(content, dtype=np.uint8)
    return array.reshape(shape, order="F" if fortran is True or fortran == 1 else "C")
