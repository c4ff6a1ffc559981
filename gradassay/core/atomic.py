"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def folder_beside(target: Path) -> Generator[Path, None, None]:
    """Yield a new hidden folder beside the target; nothing of it is left afterwards.

    Parameters
    ----------
    target : pathlib.Path
        What the folder shall become with `take_place`; missing parents are made.
    """
    fresh = _hidden(target)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    try:
        fresh.mkdir()
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def take_place(fresh: Path, target: Path) -> None:
    """Give the fresh folder the target's name; put an old folder back if that fails.

    Notes
    -----
    An old folder is moved aside first, since no portable call exchanges two folders: a machine
    that stops between the two renames leaves it beside the target under a name with ``.old``.
    """
    old = fresh.with_suffix(".old")
    try:
        if target.exists():
            os.replace(target, old)
        os.replace(fresh, target)
    except BaseException:
        if old.exists() and not target.exists():
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_whole(target: Path, content: str | bytes) -> None:
    """Write a file under another name, on disk, then give it its own; text in UTF-8.

    Raises
    ------
    OSError
        The file cannot be written; what was there before is untouched.
    """
    if target.is_dir():
        raise IsADirectoryError(21, "it is a folder", str(target))
    fresh = _hidden(target)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    try:
        with fresh.open("wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)


def require_writable(target: Path) -> None:
    """Check that `write_whole` can write a file, which is not touched.

    Raises
    ------
    OSError
        It cannot.
    """
    fresh = _hidden(target)
    try:
        fresh.touch(exist_ok=False)
    finally:
        with suppress(OSError):
            fresh.unlink()


def _hidden(target: Path) -> Path:
    """Return a new hidden name beside the target."""
    whole = target.absolute()
    return whole.parent / f".{whole.name}.{uuid.uuid4().hex[:12]}.partial"
