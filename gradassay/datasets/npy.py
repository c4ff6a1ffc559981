"""Arrays in NumPy's own format, read in bounded memory."""

from __future__ import annotations

import math
import tokenize
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

MOST_BYTES = 16 * 2**30
_CHUNK = 2**20
_LONGEST_HEADER = 10_000


def read_npy(stream: IO[bytes]) -> NDArray[Any]:
    """Return the array of a ``.npy`` stream.

    Raises
    ------
    ValueError
        If it is none, holds Python objects, announces more than 16 GiB, or is shorter or longer
        than announced. The message says what is wrong, without a name.

    Notes
    -----
    No more memory is taken than the stream has content.
    """
    shape, fortran, dtype = _header(stream)
    if dtype.hasobject:
        raise ValueError("holds Python objects; expected numbers")
    expected = math.prod(shape) * dtype.itemsize
    if expected > MOST_BYTES:
        raise ValueError(f"announces {expected:,} bytes; expected at most {MOST_BYTES:,}")
    body = bytearray()
    while len(body) <= expected and (chunk := stream.read(_CHUNK)):
        body += chunk
    if len(body) != expected:
        more = "more than" if len(body) > expected else f"{len(body):,} of"
        raise ValueError(f"has {more} {expected:,} bytes")
    if not dtype.itemsize:
        raise ValueError(f"has entries of no size ({dtype}); expected numbers")
    return np.frombuffer(body, dtype=dtype).reshape(shape, order="F" if fortran else "C")


class _Short:
    """A stream for NumPy's reader of headers, which compares the length after it has read all."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, unless they are more than a header has."""
        if not 0 <= size <= _LONGEST_HEADER:
            raise ValueError(f"announces a header of {size:,} bytes")
        return self._stream.read(size)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and dtype that a header announces."""
    version = npy.read_magic(stream)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"has .npy version {version}; expected 1.0 or 2.0")
    try:
        shape, fortran, dtype = readers[version](_Short(stream), max_header_size=_LONGEST_HEADER)
    # NumPy parses the header as Python's literals, and tries Python 2's where that fails
    except (tokenize.TokenError, SyntaxError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"has a header that is damaged ({type(error).__name__})") from error
    if any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"announces shape {shape}; expected whole numbers of at least 0")
    return shape, fortran, dtype
