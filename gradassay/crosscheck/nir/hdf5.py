"""Reading HDF5 from strangers: plain numbers and short texts of this file, and nothing else.

Links to other files, virtual data sets and external storage are refused, not followed; sizes are
checked before anything is read; an object that is reached twice is refused, so that no walk is
endless.
"""

from __future__ import annotations

import math
import stat
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError, UsageError
from gradassay.crosscheck.nir.inflation import compression_problem
from gradassay.crosscheck.nir.limits import (
    CHUNK_CACHE_BYTES,
    MAX_FILE_BYTES,
    MAX_NODES,
    MAX_TEXT,
    MAX_TOTAL_BYTES,
)

if TYPE_CHECKING:
    from types import ModuleType

DAMAGE = (
    OSError,
    KeyError,
    ValueError,
    TypeError,
    RuntimeError,
    AttributeError,
    zlib.error,
    OverflowError,
    MemoryError,
    SystemError,
)


def load_h5py() -> ModuleType:
    """Return the module h5py.

    Raises
    ------
    UsageError
        It is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise UsageError(
            "NIR files are read with h5py, which is not here; `pip install gradassay[nir]`."
        ) from None
    return h5py  # type: ignore[no-any-return, unused-ignore]


class Reader:
    """One open file, what was read of it so far, and the objects already met.

    Parameters
    ----------
    path : pathlib.Path
        Of the file, for messages.
    h5py : module
        The library.
    """

    def __init__(self, path: Path, h5py: Any) -> None:
        self.name = path.name
        self.h5py = h5py
        self.bytes_read = 0
        self.seen: set[tuple[int, str]] = set()

    def refuse(self, where: str, problem: str) -> DataError:
        """Return the error for something at a place in the file."""
        return DataError(f"{self.name}: {where}: {problem}")

    def names(self, group: Any, where: str) -> list[str]:
        """Return the names in a group, sorted."""
        if len(group) > MAX_NODES:
            raise self.refuse(where, f"{len(group):,} entries; at most {MAX_NODES:,} are read.")
        listed = list(group)
        if any(isinstance(name, bytes) for name in listed):
            raise self.refuse(where, "a name that is not UTF-8.")
        found = sorted(listed)
        long = [name for name in found if len(name) > MAX_TEXT]
        if long:
            raise self.refuse(where, f"a name of {len(long[0]):,} characters; at most {MAX_TEXT}.")
        return found

    def child(self, group: Any, name: str, where: str) -> Any:
        """Return what a group holds under a name, where that is in this file and met first."""
        link = group.get(name, getlink=True)
        if link is None:
            raise self.refuse(where, f"{name!r} is missing; is it a NIR file?")
        place = f"{where}/{name}"
        if not isinstance(link, self.h5py.HardLink):
            raise self.refuse(repr(place), "a soft or external link; only plain ones are followed.")
        found = group[name]
        mark = self._mark(found)
        if mark in self.seen:
            raise self.refuse(repr(place), "linked twice or in a circle; store a copy instead.")
        self.seen.add(mark)
        return found

    def _mark(self, found: Any) -> tuple[int, str]:
        """Return what tells an object of the file from all others."""
        info = self.h5py.h5o.get_info(found.id)
        return int(info.fileno), str(info.addr)

    def group(self, parent: Any, name: str, where: str) -> Any:
        """Return a group within a group."""
        found = self.child(parent, name, where)
        if not isinstance(found, self.h5py.Group):
            raise self.refuse(repr(f"{where}/{name}"), "expected a group.")
        return found

    def text(self, parent: Any, name: str, where: str) -> str:
        """Return a short text."""
        data = self._dataset(parent, name, where)
        if data.shape != () or not self._is_text(data):
            raise self.refuse(repr(f"{where}/{name}"), "expected one text.")
        self._account(data, repr(f"{where}/{name}"))
        return self._decoded(data[()], f"{where}/{name}")

    def is_text(self, parent: Any, name: str) -> bool:
        """Whether a text is stored under a name."""
        link = parent.get(name, getlink=True)
        if not isinstance(link, self.h5py.HardLink):
            return False
        found = parent[name]
        return isinstance(found, self.h5py.Dataset) and self._is_text(found)

    def numbers(self, parent: Any, name: str, where: str) -> NDArray[Any]:
        """Return an array of numbers, with its kind (float, integer or truth value)."""
        place, data = repr(f"{where}/{name}"), self._dataset(parent, name, where)
        if data.shape is None or data.dtype.kind not in "fiub" or data.dtype.itemsize > 8:
            raise self.refuse(place, f"expected numbers, found {str(data.dtype)[:60]}.")
        self._account(data, place)
        return np.asarray(data[()]).copy()

    def pairs(self, parent: Any, name: str, where: str) -> list[tuple[str, str]]:
        """Return a table of two columns of texts."""
        data = self._dataset(parent, name, where)
        place = f"{where}/{name}"
        if data.shape is not None and 0 in data.shape:
            return []
        if data.shape is None or data.ndim != 2 or data.shape[1] != 2 or not self._is_text(data):
            raise self.refuse(repr(place), "expected pairs of node names.")
        if data.shape[0] > 10 * MAX_NODES:
            raise self.refuse(repr(place), f"{data.shape[0]:,} edges; at most {10 * MAX_NODES:,}.")
        self._account(data, repr(place))
        rows = (data[row] for row in range(data.shape[0]))  # one by one: texts have any length
        return [(self._decoded(a, place), self._decoded(b, place)) for a, b in rows]

    def _dataset(self, parent: Any, name: str, where: str) -> Any:
        """Return a data set that lies in this file."""
        found, place = self.child(parent, name, where), repr(f"{where}/{name}")
        if not isinstance(found, self.h5py.Dataset):
            raise self.refuse(place, "expected data, found a group.")
        plan = found.id.get_create_plist()
        if plan.get_layout() == self.h5py.h5d.VIRTUAL or plan.get_external_count() > 0:
            raise self.refuse(place, "data stored in another file; they are not read.")
        return found

    def _account(self, data: Any, place: str) -> None:
        """Add the size of a data set to the bytes read; refuse what is too large, or unpacks so."""
        size = max(8, data.dtype.itemsize)
        count = math.prod(int(each) for each in data.shape)
        if data.chunks:  # read whole, and may be larger than the data
            count = max(count, math.prod(int(each) for each in data.chunks))
        self.bytes_read += count * size
        if self.bytes_read > MAX_TOTAL_BYTES:
            shape = "x".join(map(str, data.shape))
            limit = f"at most {MAX_TOTAL_BYTES // 2**20} MiB are read in all"
            raise self.refuse(place, f"{shape} numbers are too many; {limit}.")
        problem = compression_problem(data)
        if problem:
            raise self.refuse(place, problem)

    def _is_text(self, data: Any) -> bool:
        """Whether a data set holds texts."""
        info = self.h5py.check_string_dtype(data.dtype)
        return info is not None and (info.length is None or info.length <= 4 * MAX_TEXT)

    def _decoded(self, value: Any, place: str) -> str:
        """Return a text of reasonable length."""
        raw = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
        if len(raw) > 4 * MAX_TEXT:
            raise self.refuse(repr(place), f"a text of {len(raw):,} bytes; at most {4 * MAX_TEXT}.")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.refuse(repr(place), "a text that is not UTF-8.") from None


@contextmanager
def open_file(path: Path) -> Generator[tuple[Reader, Any]]:
    """Yield a reader and the root of an HDF5 file, opened to be read.

    Raises
    ------
    DataError
        The file is not there, no plain file, too large, not HDF5, or damaged; also where the
        library stumbles over it later.
    UsageError
        h5py is not installed.
    """
    h5py = load_h5py()
    _require_plain(path)
    try:
        if not h5py.is_hdf5(str(path)):
            raise DataError(f"{path.name}: not an HDF5 file; expected a NIR graph (.nir).")
        with h5py.File(str(path), "r", locking=False, rdcc_nbytes=CHUNK_CACHE_BYTES) as root:
            yield Reader(path, h5py), root
    except DAMAGE as error:
        first = " ".join(str(error).split())[:120]
        raise DataError(f"{path.name}: truncated or damaged HDF5 ({first}).") from None


def _require_plain(path: Path) -> None:
    """Raise unless the path is a plain file of reasonable size."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: cannot be read ({problem}).") from None
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path}: not a plain file; expected a NIR graph (.nir).")
    if found.st_size > MAX_FILE_BYTES:
        limit = f"at most {MAX_FILE_BYTES // 2**20} MiB are read"
        raise DataError(f"{path.name}: {found.st_size:,} bytes; {limit}.")
