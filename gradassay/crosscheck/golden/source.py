"""Bounded reading of a folder or a ``.zip``, of which nothing is trusted."""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gradassay.core.errors import DataError

MANIFEST = "manifest.json"
MOST_BYTES = 16 * 2**20
MOST_FILES = 10_000
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.+*-]*"
_PATH = re.compile(rf"{_PART}(/{_PART}){{0,9}}")


@dataclass(frozen=True)
class Source:
    """A folder or an archive.

    Parameters
    ----------
    name : str
        For messages.
    names : frozenset of str or None
        Files of an archive; None for a folder.
    load : callable
        ``load(path, limit)`` returns at most limit + 1 bytes of a file.
    """

    name: str
    names: frozenset[str] | None
    load: Callable[[str, int], bytes]

    def read(self, path: str, limit: int) -> bytes:
        """Return a file of at most `limit` bytes.

        Raises
        ------
        DataError
            If it leads out of the folder, is missing, no plain file, or longer.
        """
        require_path(path, self.name)
        data = self.load(path, limit)
        if len(data) > limit:
            raise DataError(f"{path}: longer than {limit:,} bytes, the most that was expected.")
        return data

    def holds(self, path: str) -> bool:
        """Whether there is anything under that path; whether it can be read is another matter."""
        if self.names is not None:
            return path in self.names
        return os.path.lexists(Path(self.name) / path)


def require_path(path: str, where: str) -> None:
    """Refuse a path that is absolute, leads upwards or has odd characters.

    Raises
    ------
    DataError
        Says which.
    """
    if len(path) > 200 or not _PATH.fullmatch(path):
        raise DataError(
            f"{where}: names {path[:80]!r}; expected a relative path inside the folder, of plain"
            " letters, digits and _ . + * -."
        )


def open_source(path: Path) -> Source:
    """Return a folder, or an archive held in memory, for bounded reading.

    Raises
    ------
    DataError
        If it is missing, too large, no archive, or an archive with paths that lead out of it, with
        links, or that would unpack to more than `MOST_BYTES`.
    """
    try:
        if path.is_dir():
            return Source(str(path), None, lambda name, limit: _from_folder(path, name, limit))
        data = _plain_bytes(path, MOST_BYTES)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {_told(error)}; expected a folder or a .zip file.") from error
    if len(data) > MOST_BYTES:
        raise DataError(f"{path}: longer than {MOST_BYTES:,} bytes, the most of an archive.")
    return _from_archive(str(path), data)


def _told(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _from_folder(folder: Path, name: str, limit: int) -> bytes:
    try:
        whole = (folder / name).resolve(strict=True)
        if not whole.is_relative_to(folder.resolve(strict=True)):
            raise DataError(f"{name}: a link that leads out of {folder}; expected a file inside.")
        return _plain_bytes(whole, limit)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{folder}: {name}: {_told(error)}.") from error


def _plain_bytes(path: Path, limit: int) -> bytes:
    """Return at most limit + 1 bytes of a regular file; a pipe would never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(22, "not a plain file")
    with path.open("rb") as file:
        return file.read(limit + 1)


def _from_archive(name: str, data: bytes) -> Source:
    members = _members(name, data)

    def load(path: str, limit: int) -> bytes:
        if path not in members:
            raise DataError(f"{name}: {path}: no such file or directory.")
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                with archive.open(members[path]) as file:
                    return file.read(limit + 1)
        except _DAMAGE as error:
            raise DataError(f"{name}: {path}: damaged archive ({error}).") from error

    return Source(name, frozenset(members), load)


_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    OverflowError,
    LookupError,
)


def _members(name: str, data: bytes) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive by path, after all names and sizes were looked at."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except _DAMAGE as error:
        raise DataError(f"{name}: not a whole .zip file ({error}).") from error
    if len(infos) > MOST_FILES or sum(info.file_size for info in infos) > MOST_BYTES:
        raise DataError(
            f"{name}: would unpack to more than {MOST_FILES:,} files or {MOST_BYTES:,} bytes."
        )
    files: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        require_path(info.filename.removesuffix("/"), name)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise DataError(f"{name}: {info.filename[:80]!r} is a link; expected plain files.")
        if info.filename in files:
            raise DataError(f"{name}: holds {info.filename[:80]!r} twice.")
        if not info.is_dir():
            files[info.filename] = info
    return _without_top(files)


def _without_top(files: dict[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return the files under the one folder that they all lie in, if the manifest lies there."""
    tops = {path.partition("/")[0] for path in files}
    if MANIFEST in files or len(tops) != 1 or f"{min(tops)}/{MANIFEST}" not in files:
        return files
    return {path.partition("/")[2]: info for path, info in files.items()}
