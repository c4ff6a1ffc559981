"""Single files out of tar and zip archives, in bounded memory and never onto a disk."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, Self

from gradassay.core.errors import DataError
from gradassay.datasets.defect import Defect

# of one member
MOST_BYTES = 256 * 2**20
# of all that is decompressed: no archive here is nearly so large
MOST_DECOMPRESSED = 16 * 2**30
MOST_MEMBERS = 1_000_000
# of the blocks before a member: names, attributes, maps of holes
MOST_HEADER = 2**18
# the others of zip decompress a whole piece at once, however much comes of it
ZIP_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_CHUNK = 2**20
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


class Member(NamedTuple):
    """One file of an archive: its path in there, and its content."""

    name: PurePosixPath
    content: bytes


def read_members(
    file: Path, wanted: Callable[[PurePosixPath], bool], *, max_bytes: int = MOST_BYTES
) -> Iterator[Member]:
    """Yield the regular files of an archive that are wanted, in its order.

    Parameters
    ----------
    file : Path
        A tar archive, plain or compressed with gzip, xz or bzip2, or a zip archive; which of them
        is seen from its first bytes.
    wanted : callable
        Whether to read the file of that path.
    max_bytes : int
        The most bytes that a wanted file may have.

    Raises
    ------
    DataError
        If the archive is missing or damaged, or announces or holds too much.

    Notes
    -----
    Links, devices and paths that leave the archive are passed over. Holds one file at a time.
    Damage that only the checksum at the end shows raises after the last file: use none before.
    """
    try:
        if _is_zip(file):
            yield from _zip_members(file, wanted, max_bytes)
        else:
            yield from _tar_members(file, wanted, max_bytes)
        return
    except Defect as defect:
        problem = str(defect)
    except FileNotFoundError:
        problem = f"no such file ({file})"
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        problem = f"is no whole archive ({reason})"
    raise DataError(f"{file.name}: {problem}. Replace it with a whole copy.")


def _too_much() -> Defect:
    return Defect(f"holds more than {MOST_DECOMPRESSED:,} bytes")


def _is_zip(file: Path) -> bool:
    """Whether the first bytes are those of zip: a tar archive may end with one."""
    with file.open("rb") as raw:
        return raw.read(4) in _ZIP_MAGICS


class _Bounded:
    """A stream that ends with an error where it gives more than it may."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._left = stream, MOST_DECOMPRESSED

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._stream.read(_CHUNK if size < 0 else min(size, _CHUNK))
        self._left -= len(data)
        if self._left < 0:
            raise _too_much()
        return data


def _tar_members(
    file: Path, wanted: Callable[[PurePosixPath], bool], max_bytes: int
) -> Iterator[Member]:
    with file.open("rb") as raw, _decompressed(raw) as unbounded:
        stream = _Whole(_Bounded(unbounded))
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_headers(stream)) as archive:  # type: ignore[call-overload]
            for number, member in enumerate(archive):
                # tarfile would keep all of them
                archive.members = []
                archive.pax_headers.clear()
                if number >= MOST_MEMBERS:
                    raise Defect(f"holds more than {MOST_MEMBERS:,} files")
                name = PurePosixPath(member.name)
                if not member.isreg() or ".." in name.parts or not wanted(name):
                    continue
                _require_size(name, member.size, max_bytes)
                content = archive.extractfile(member)
                yield Member(name, b"" if content is None else _read(content, name, member.size))
        # tarfile ends silently at a damaged header, and before the checksum of the compression
        if stream.header != bytes(tarfile.BLOCKSIZE):
            raise Defect("is no whole archive (a damaged header, or the end is lacking)")
        while stream.read(_CHUNK):
            pass


class _Whole:
    """A stream whose reads are as long as asked for, where there is so much."""

    def __init__(self, stream: _Bounded) -> None:
        self._stream = stream
        self.header = b""
        self.header_left: int | None = None

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        found = bytearray()
        while len(found) < size and (chunk := self._stream.read(size - len(found))):
            found += chunk
        if self.header_left is not None:
            self.header_left -= len(found)
            if self.header_left < 0:
                raise Defect(f"holds a header of more than {MOST_HEADER:,} bytes")
        return bytes(found)


def _headers(stream: _Whole) -> type[tarfile.TarInfo]:
    """Return the class of headers that tells a stream where they begin, end, and the last block."""

    class Header(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            stream.header = bytes(buf)
            return super().frombuf(buf, encoding, errors)

        @classmethod
        def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
            # a header that belongs to another one is read within it
            outermost = stream.header_left is None
            if outermost:
                stream.header_left = MOST_HEADER
            try:
                return super().fromtarfile(tarfile)
            finally:
                if outermost:
                    stream.header_left = None

    return Header


def _decompressed(raw: IO[bytes]) -> IO[bytes]:
    """Return the stream of the content, by its first bytes."""
    magic = raw.read(6)
    raw.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=raw, mode="rb")  # type: ignore[return-value]
    if magic == b"\xfd7zXZ\0":
        return lzma.LZMAFile(raw)
    if magic[:3] == b"BZh":
        return bz2.BZ2File(raw)
    return raw


def _zip_members(
    file: Path, wanted: Callable[[PurePosixPath], bool], max_bytes: int
) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:
            raise Defect(f"holds {len(members):,} files; expected at most {MOST_MEMBERS:,}")
        total = 0
        for member in members:
            name = PurePosixPath(member.filename)
            if member.is_dir() or ".." in name.parts or not wanted(name):
                continue
            _require_size(name, member.file_size, max_bytes)
            total += member.file_size
            if total > MOST_DECOMPRESSED:
                raise _too_much()
            if member.compress_type not in ZIP_KINDS:
                raise Defect(f"{name} is compressed by another method than deflate")
            with archive.open(member) as stream:
                yield Member(name, _read(stream, name, member.file_size))


def _require_size(name: PurePosixPath, size: int, max_bytes: int) -> None:
    if not 0 <= size <= max_bytes:
        raise Defect(f"{name} announces {size:,} bytes; expected at most {max_bytes:,}")


def _read(stream: IO[bytes], name: PurePosixPath, size: int) -> bytes:
    """Return the content of a member, which has to be as long as announced."""
    content = bytearray()
    while len(content) <= size and (chunk := stream.read(_CHUNK)):
        content += chunk
    if len(content) != size:
        raise Defect(f"{name} has {len(content):,} of {size:,} bytes")
    return bytes(content)
