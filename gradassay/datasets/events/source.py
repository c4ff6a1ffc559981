"""Where the files of an event set lie: in folders, or in archives in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath

from gradassay.core.errors import DataError
from gradassay.datasets.archives import Member, read_members

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
# of one recording; arrays of its events take up to 17 times as many
MOST_BYTES = 2**29
_DEEPEST = 6
Wanted = Callable[[PurePosixPath], bool]


class Source:
    """A folder with recordings in it, or with archives of them.

    Parameters
    ----------
    folder : Path
        Looked through six levels deep; links are followed to files, not to folders.
    wanted : callable
        Whether a file belongs to the set, by its path below the folder or in an archive.
    archives : sequence of str
        Beginnings of the archives' names, in small letters.
    """

    def __init__(self, folder: Path, wanted: Wanted, archives: Sequence[str]) -> None:
        self.folder = folder
        self._wanted = wanted
        paths = [PurePosixPath(path) for path in _below(folder)]
        self._plain = [path for path in paths if wanted(path)]
        self._archives = [
            folder / path
            for path in paths
            if path.name.lower().endswith(ARCHIVES)
            and path.name.lower().startswith(tuple(archives))
        ]

    @property
    def found(self) -> bool:
        """Whether there is anything of the set: plain files, or else archives."""
        return bool(self._plain or self._archives)

    @property
    def size_bytes(self) -> int:
        """Of the files, on disk."""
        return sum(_state(file).st_size for file in self._files())

    def fingerprint(self) -> str:
        """Return a hash of the files' names, sizes and times of change."""
        told = []
        for file in self._files():
            state = _state(file)
            name = file.relative_to(self.folder)
            told.append(f"{name}\0{state.st_size}\0{state.st_mtime_ns}")
        return sha256("\n".join(told).encode()).hexdigest()

    def members(self, wanted: Wanted) -> Iterator[Member]:
        """Yield the files of the set that are wanted, plain ones or those in archives.

        Raises
        ------
        DataError
            If a file or an archive cannot be read.
        """
        if not self._plain:
            for archive in self._archives:
                yield from read_members(
                    archive,
                    lambda path: self._wanted(path) and wanted(path),
                    max_bytes=MOST_BYTES,
                )
            return
        for path in self._plain:
            if wanted(path):
                yield Member(path, _content(self.folder / path))

    def names(self) -> list[PurePosixPath]:
        """Return the paths of all files of the set, in the order of `members`."""
        if self._plain:
            return list(self._plain)
        found: list[PurePosixPath] = []

        def note(path: PurePosixPath) -> bool:
            found.append(path)
            return False

        for _ in self.members(note):
            pass
        return found

    def _files(self) -> list[Path]:
        return [self.folder / path for path in self._plain] or self._archives


def _below(folder: Path) -> Iterator[str]:
    """Yield the files below a folder in a fixed order, by their paths from there."""
    for here, folders, files in os.walk(folder):
        below = os.path.relpath(here, folder)
        depth = 0 if below == "." else below.count(os.sep) + 1
        folders[:] = sorted(folders) if depth < _DEEPEST else []
        for name in sorted(files):
            yield name if below == "." else f"{below}{os.sep}{name}".replace(os.sep, "/")


def _content(file: Path) -> bytes:
    """Return the content of a file of bounded size."""
    if _state(file).st_size > MOST_BYTES:
        raise DataError(f"{file}: has more than {MOST_BYTES:,} bytes; expected a recording.")
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error}).") from error


def _state(file: Path) -> os.stat_result:
    """Return size and times of a regular file: of a pipe one would wait for ever."""
    try:
        state = file.stat()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error}).") from error
    if not stat.S_ISREG(state.st_mode):
        raise DataError(f"{file}: is no regular file; expected a recording.")
    return state
