"""The folder of a sweep: on a disk, or wherever fsspec reaches."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from gradassay.core.atomic import write_whole
from gradassay.core.errors import DataError, UsageError

CELLS = "cells"
RESULTS, TIMES, MANIFEST, REPORT = (
    "results.parquet",
    "times.parquet",
    "manifest.json",
    "report.html",
)
OWN_FILES = frozenset({CELLS, RESULTS, TIMES, MANIFEST, REPORT})
_SUFFIX = ".parquet"


class SweepFolder:
    """A folder by path or URL, whose files appear whole or not at all.

    Parameters
    ----------
    url : str or path
        A path, or a URL of a file system that fsspec knows: ``s3://bucket/sweep``, ``memory://x``.

    Raises
    ------
    UsageError
        If nothing is installed for such URLs, or it is none.

    Notes
    -----
    On a disk a file is written beside its place and takes its name when it is complete. Elsewhere
    it is put as a whole, which object stores do at once or not at all.
    """

    def __init__(self, url: str | os.PathLike[str]) -> None:
        try:
            found: tuple[Any, str] = fsspec.core.url_to_fs(os.fspath(url))
        except (ImportError, ValueError, OSError) as error:
            raise UsageError(
                f"sweep folder: got {os.fspath(url)!r}: {error}. Expected a path, or a URL of a"
                " file system that fsspec knows and that is installed."
            ) from error
        self._fs, root = found
        self._root = root.rstrip("/")

    @property
    def url(self) -> str:
        """The same folder for another process: absolute, with the protocol."""
        return str(self._fs.unstrip_protocol(self._root))

    @property
    def name(self) -> str:
        """For messages."""
        return self._root if self.is_local else self.url

    @property
    def is_local(self) -> bool:
        """Whether it is on a disk of this machine, or mounted here."""
        return isinstance(self._fs, LocalFileSystem)

    @property
    def is_shared(self) -> bool:
        """Whether another process sees the same files."""
        return not isinstance(self._fs, MemoryFileSystem)

    def path(self, name: str) -> str:
        """Return the path of a file on its file system."""
        return f"{self._root}/{name}"

    def cell_name(self, digest: str) -> str:
        """Return the name of a cell's file."""
        return f"{CELLS}/{digest}{_SUFFIX}"

    def names(self, below: str = "") -> set[str]:
        """Return the names in the folder, or in a folder in it; none where it does not exist."""
        place = self.path(below) if below else self._root
        self._fs.invalidate_cache(place)
        try:
            found = self._fs.ls(place, detail=False)
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise UsageError(f"sweep folder: cannot read {self.name!r}: {error}.") from error
        return {str(path).rstrip("/").rpartition("/")[2] for path in found}

    def finished(self) -> set[str]:
        """Return the digests of the cells that are there."""
        return {name.removesuffix(_SUFFIX) for name in self.names(CELLS) if _is_cell(name)}

    def require_usable(self) -> None:
        """Refuse a folder with something in it that is no sweep.

        Raises
        ------
        UsageError
            If it is a file, or holds what a sweep does not write.
        """
        if self._fs.isfile(self._root):
            raise UsageError(f"--out: {self.name!r} is a file; expected a folder.")
        inside = [f"{CELLS}/{name}" for name in self.names(CELLS) if not _is_cell(name)]
        foreign = [*(self.names() - OWN_FILES), *inside]
        found = sorted(name for name in foreign if not _is_partial(name.rpartition("/")[2]))
        if found:
            raise UsageError(
                f"--out: {self.name!r} holds {found[0]!r}, which is no part of a sweep; expected a"
                " new or empty folder, or that of a sweep. Choose another one."
            )

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises
        ------
        DataError
            If it is missing or cannot be read.
        """
        try:
            content: bytes = self._fs.cat_file(self.path(name))
        except OSError as error:
            reason = "missing" if isinstance(error, FileNotFoundError) else str(error)
            raise DataError(
                f"{self.path(name)}: {reason}; expected a file of a sweep. Run `gradassay sweep`"
                " with the same grid and folder again."
            ) from error
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole.

        Raises
        ------
        UsageError
            If it cannot be written.
        """
        with self._writing(name):
            if self.is_local:
                write_whole(Path(self.path(name)), content)
            else:
                self._fs.makedirs(self.path(name).rpartition("/")[0], exist_ok=True)
                self._fs.pipe_file(self.path(name), content)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._writing(name):
            if self._fs.exists(self.path(name)):
                self._fs.rm_file(self.path(name))

    def open(self, name: str) -> IO[bytes]:
        """Return a file, open for reading anywhere in it."""
        stream: IO[bytes] = self._fs.open(self.path(name), "rb")
        return stream

    @contextmanager
    def put(self, name: str, beside: Path) -> Generator[Path]:
        """Yield where to write a large file; it takes its place when the context ends well.

        Parameters
        ----------
        name : str
            Of the file.
        beside : pathlib.Path
            Where to write it meanwhile, if the folder is not on a disk.
        """
        local = Path(self._root) if self.is_local else beside
        fresh = local / f".{name}.{uuid4().hex[:12]}.partial"
        with self._writing(name):
            try:
                yield fresh
                if self.is_local:
                    os.replace(fresh, self.path(name))
                else:
                    self._fs.put_file(str(fresh), self.path(name))
            finally:
                fresh.unlink(missing_ok=True)

    @contextmanager
    def _writing(self, name: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise UsageError(
                f"sweep folder: cannot write {self.path(name)!r}: {reason}. Choose another --out."
            ) from error


def _is_cell(name: str) -> bool:
    digest = name.removesuffix(_SUFFIX)
    return name != digest and len(digest) == 64 and set(digest) <= set("0123456789abcdef")


def _is_partial(name: str) -> bool:
    """Whether a worker that was killed left it half written."""
    return name.startswith(".") and name.endswith(".partial")
