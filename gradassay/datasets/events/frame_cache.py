"""Frames on disk, so that a recording is read once for each way to frame it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.datasets import places

# goes into every key: another way to count makes other frames
VERSION = 2
ENTRY = "entry.json"
_STALE_S = 3600
Arrays = dict[str, NDArray[Any]]


def cached(name: str, told: Mapping[str, object], make: Callable[[], Arrays]) -> Arrays:
    """Return arrays from the cache folder, or make them and keep them there.

    Parameters
    ----------
    name : str
        Of the data set, for people who look into the folder.
    told : mapping of str to object
        Everything that the arrays depend on; their texts go into the key.
    make : callable
        Makes the arrays.

    Returns
    -------
    dict of str to array
        Those that were kept before are mapped into memory, not read.

    Notes
    -----
    An entry appears when it is whole; of two processes that make the same one, one wins and both go
    on. What is damaged, by the hashes that stand beside it, is made again. Where the folder cannot
    be written, or the disk is full, arrays are made and not kept.
    """
    text = json.dumps({"version": VERSION, **{key: str(value) for key, value in told.items()}})
    digest = sha256(text.encode()).hexdigest()[:20]
    folder = places.cache_folder("frames") / f"{name}-{digest}"
    kept = _read(folder)
    if kept is not None:
        return kept
    arrays = make()
    _keep(folder, arrays, text)
    return arrays


def _read(folder: Path) -> Arrays | None:
    """Return the arrays of an entry; None where it is not there or damaged."""
    try:
        entry = json.loads((folder / ENTRY).read_bytes())
        hashes = entry["sha256"]
        if not hashes:
            return None
        for file, digest in hashes.items():
            if _digest(folder / file) != digest:
                return None
        return {
            Path(file).stem: np.load(folder / file, mmap_mode="r", allow_pickle=False)
            for file in hashes
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None


def _keep(folder: Path, arrays: Arrays, text: str) -> None:
    """Write an entry beside its place and move it there; leave nothing where that fails."""
    made: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        hashes = {}
        for name, array in arrays.items():
            file = made / f"{name}.npy"
            np.save(file, array, allow_pickle=False)
            hashes[file.name] = _digest(file)
        (made / ENTRY).write_text(json.dumps({"sha256": hashes, "told": json.loads(text)}))
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        os.replace(made, folder)
    except OSError:
        pass  # the arrays are there all the same
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def _clear(folder: Path) -> None:
    """Remove what processes that were killed left of the same entry."""
    for left in folder.parent.glob(f".{folder.name}.*"):
        if time.time() - left.stat().st_mtime > _STALE_S:
            shutil.rmtree(left, ignore_errors=True)


def _digest(file: Path) -> str:
    """Return the sha256 of a file."""
    total = sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(2**22):
            total.update(chunk)
    return total.hexdigest()
