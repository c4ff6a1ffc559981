"""A pack on disk: a folder that appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from gradassay.core.atomic import folder_beside, take_place
from gradassay.core.errors import DataError, UsageError
from gradassay.crosscheck.golden.making import pack_files
from gradassay.crosscheck.golden.reading import MOST_MANIFEST, Pack
from gradassay.crosscheck.golden.schema import FORMAT
from gradassay.crosscheck.golden.source import MANIFEST, open_source


def require_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is there already, unless it is a pack that may be replaced.

    Raises
    ------
    UsageError
        Says what is in the way.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise UsageError(f"{folder}: is no folder; expected a new one, or a pack to overwrite.")
    if not overwrite:
        raise UsageError(f"{folder}: is there; expected a new folder, or --overwrite.")
    if not _is_pack(folder):
        raise UsageError(
            f"{folder}: is not a pack of golden vectors; --overwrite replaces nothing else."
        )


def _is_pack(folder: Path) -> bool:
    try:
        found = msgspec.json.decode(open_source(folder).read(MANIFEST, MOST_MANIFEST))
    except (DataError, msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("format") == FORMAT


def write_pack(pack: Pack, folder: Path, *, overwrite: bool = False) -> int:
    """Write a pack beside its place, then move it there; return its size in bytes.

    Parameters
    ----------
    pack : Pack
    folder : pathlib.Path
        Its place; missing parents are made.
    overwrite : bool
        Replace a pack that is there, and nothing else.

    Raises
    ------
    UsageError
        If something is in the way, or the place cannot be written.
    """
    require_free(folder, overwrite=overwrite)
    files = pack_files(pack)
    try:
        with folder_beside(folder) as fresh:
            for path, data in files.items():
                (fresh / path).parent.mkdir(parents=True, exist_ok=True)
                (fresh / path).write_bytes(data)
            take_place(fresh, folder.absolute())
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror}).") from error
    return sum(len(data) for data in files.values())
