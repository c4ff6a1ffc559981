"""Frames on disk, so that a recording is read once for each way to frame it."""

from __future__ import annotations

import json
import os
import re
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
from gradassay.datasets.dataset import array_checksum

# goes into every key: another way to count makes other frames
VERSION = 3
ENTRY = "entry.json"
_STALE_S = 3600
# what no entry's name has: a data set may be named by a path
_UNUSUAL = re.compile(r"[^A-Za-z0-9.]+")
_LONGEST_NAME = 100
Arrays = dict[str, NDArray[Any]]


def cached(
    name: str, told: Mapping[str, object], make: Callable[[], Arrays]
) -> tuple[Arrays, dict[str, str]]:
    """Return arrays from the cache folder, or make them and keep them there; and their checksums.

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
    arrays : dict of str to array
        Those that were kept before are mapped into memory.
    checksums : dict of str to str
        The sha256 of the bytes of each.

    Notes
    -----
    An entry appears when it is whole; of two processes that make the same one, one wins and both go
    on. What is damaged, by the checksums that stand beside it, is made again. Where the folder
    cannot be written, or the disk is full, arrays are made and not kept.
    """
    text = json.dumps({"version": VERSION, **{key: str(value) for key, value in told.items()}})
    digest = sha256(text.encode()).hexdigest()[:20]
    readable = _UNUSUAL.sub("-", name)[-_LONGEST_NAME:]
    folder = places.cache_folder("frames") / f"{readable}-{digest}"
    kept = _read(folder)
    if kept is not None:
        return kept
    arrays, checksums = made(make)
    _keep(folder, arrays, checksums, text)
    return arrays, checksums


def made(make: Callable[[], Arrays]) -> tuple[Arrays, dict[str, str]]:
    """Return new arrays and their checksums, without the cache."""
    arrays = make()
    return arrays, {name: array_checksum(array) for name, array in arrays.items()}


def _read(folder: Path) -> tuple[Arrays, dict[str, str]] | None:
    """Return the arrays of an entry and their checksums; None where it is not there or damaged."""
    try:
        entry = json.loads((folder / ENTRY).read_bytes())
        arrays: Arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in entry["sha256"]
        }
        checksums = {name: array_checksum(array) for name, array in arrays.items()}
        whole = bool(arrays) and entry == _entry(arrays, checksums, entry["told"])
        return (arrays, checksums) if whole else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None


def _entry(
    arrays: Arrays, checksums: Mapping[str, str], told: Mapping[str, str]
) -> dict[str, object]:
    """Return what stands beside the arrays."""
    kinds = {name: f"{array.dtype} {array.shape}" for name, array in arrays.items()}
    return {"sha256": dict(checksums), "kinds": kinds, "told": dict(told)}


def _keep(folder: Path, arrays: Arrays, checksums: Mapping[str, str], text: str) -> None:
    """Write an entry beside its place and move it there; leave nothing where that fails."""
    fresh: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        for name, array in arrays.items():
            np.save(fresh / f"{name}.npy", array, allow_pickle=False)
        (fresh / ENTRY).write_text(json.dumps(_entry(arrays, checksums, json.loads(text))))
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        os.replace(fresh, folder)
    except OSError:
        pass  # the arrays are there all the same
    finally:
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)


def _clear(folder: Path) -> None:
    """Remove what processes that were killed left of the same entry."""
    for left in folder.parent.glob(f".{folder.name}.*"):
        if time.time() - left.stat().st_mtime > _STALE_S:
            shutil.rmtree(left, ignore_errors=True)
