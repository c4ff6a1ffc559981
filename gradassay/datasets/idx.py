"""Reader of idx files of unsigned bytes, plain or gzip."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError
from gradassay.datasets.defect import Defect

MAX_BYTES = 256 * 2**20
REMEDY = "Replace it with a whole copy."
_CHUNK = 2**18
_GZIP_MAGIC = b"\x1f\x8b"
_UBYTE = 0x08


@dataclass(frozen=True, eq=False)
class IdxContent:
    """An idx file's array and the sha256 of its decompressed content."""

    array: NDArray[np.uint8]
    sha256: str


def read_idx(
    path: str | os.PathLike[str],
    *,
    dimensions: int | None = None,
    max_bytes: int = MAX_BYTES,
    remedy: str = REMEDY,
) -> NDArray[np.uint8]:
    """Return the array of an idx file.

    Parameters
    ----------
    path : path-like
        The file; whether it is gzip is seen from its first bytes, not from its name.
    dimensions : int, optional
        How many dimensions it must have (1 to 3); any of these by default.
    max_bytes : int
        Largest array that is read.
    remedy : str
        Last sentence of an error: what to do about the file.

    Returns
    -------
    array of uint8
        With 1 to 3 dimensions; the caller owns it.

    Raises
    ------
    DataError
        If the file is missing, no regular file, empty, no idx file of unsigned bytes, corrupt,
        truncated, longer than its header says, or larger than `max_bytes`.

    Notes
    -----
    Never holds more than the bytes that the file really has, nor more than its header announces:
    the size in the header is compared with `max_bytes` first and never allocated in advance.
    """
    content = read_content(path, dimensions=dimensions, max_bytes=max_bytes, remedy=remedy)
    return content.array


def read_content(
    path: str | os.PathLike[str],
    *,
    dimensions: int | None = None,
    max_bytes: int = MAX_BYTES,
    remedy: str = REMEDY,
) -> IdxContent:
    """Return array and hash of an idx file; parameters and errors are those of `read_idx`."""
    file = Path(path)
    try:
        _require_file(file)
        with file.open("rb") as raw:
            return _read_stream(_decompressed(raw), dimensions, max_bytes)
    except Defect as defect:
        problem = str(defect)
    except EOFError:
        problem = "truncated gzip file"
    except (zlib.error, gzip.BadGzipFile) as error:
        problem = f"corrupt gzip file ({error})"
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
    raise DataError(f"{file.name or file}: {problem}. {remedy}")


def _require_file(file: Path) -> None:
    """Raise if the path is anything but a regular file with something in it."""
    if file.is_dir():
        raise Defect(f"is a directory ({file}); expected an idx file")
    if not file.exists():
        raise Defect(f"no such file ({file})")
    if not file.is_file():
        raise Defect(f"is not a regular file ({file}); expected an idx file")
    if file.stat().st_size == 0:
        raise Defect("is empty (0 bytes)")


def _decompressed(raw: BinaryIO) -> BinaryIO:
    """Return the stream of the content, whatever the file's name ends with."""
    zipped = raw.read(2) == _GZIP_MAGIC
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw, mode="rb") if zipped else raw  # type: ignore[return-value]


def _read_stream(stream: BinaryIO, dimensions: int | None, max_bytes: int) -> IdxContent:
    """Read header, array and end of a stream."""
    magic = _read_bounded(stream, 4)
    rank = _read_rank(bytes(magic), dimensions)
    sizes = _read_bounded(stream, 4 * rank)
    header = magic + sizes
    if len(sizes) < 4 * rank:
        raise Defect(f"truncated after {len(header)} of at least {4 + 4 * rank} bytes")
    shape = tuple(int(size) for size in np.frombuffer(sizes, dtype=">u4"))
    announced = math.prod(shape)
    if announced > max_bytes:
        raise Defect(
            f"header announces an array of {' x '.join(map(str, shape))} = {announced:,} bytes;"
            f" expected at most {max_bytes:,}"
        )
    body = _read_bounded(stream, announced)
    found, expected = len(header) + len(body), len(header) + announced
    if found < expected:
        raise Defect(f"truncated after {found:,} of {expected:,} bytes")
    # reading past the end also makes gzip compare its checksum
    if stream.read(1):
        raise Defect(f"has trailing bytes after the {expected:,} that its header announces")
    digest = sha256(header)
    digest.update(body)
    return IdxContent(np.frombuffer(body, dtype=np.uint8).reshape(shape), digest.hexdigest())


def _read_rank(magic: bytes, dimensions: int | None) -> int:
    """Return the number of dimensions that the first four bytes announce."""
    if not magic:
        raise Defect("is empty (0 bytes after decompression)")
    if len(magic) < 4:
        raise Defect(f"truncated after {len(magic)} of at least 8 bytes")
    if magic[:2] != b"\0\0":
        raise Defect(f"is no idx file: starts with {magic.hex(' ')}; expected 00 00 08 01 to 03")
    kind, rank = magic[2], magic[3]
    if kind != _UBYTE:
        raise Defect(f"has element type 0x{kind:02x}; expected 0x08, unsigned bytes")
    if not 1 <= rank <= 3:
        raise Defect(f"has {rank} dimensions; expected 1 to 3")
    if dimensions is not None and rank != dimensions:
        raise Defect(f"has {rank} dimension{'s' * (rank != 1)}; expected {dimensions}")
    return rank


def _read_bounded(stream: BinaryIO, count: int) -> bytearray:
    """Return the next `count` bytes, or as many as there are, growing only with what is found."""
    found = bytearray()
    while len(found) < count:
        chunk = stream.read(min(_CHUNK, count - len(found)))
        if not chunk:
            break
        found += chunk
    return found
