"""Reading a file in a process of its own, since a damaged one can hang or crash the HDF5 library.

The process has little time and memory, writes nothing, and hands back plain arrays.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

import gradassay
from gradassay.core.errors import DataError, GradassayError, UsageError
from gradassay.crosscheck.nir.stored import Stored, StoredGraph, StoredNode

KINDS: dict[str, type[GradassayError]] = {"usage": UsageError, "data": DataError}
DAMAGE = (ValueError, KeyError, TypeError, OSError, IndexError, zipfile.BadZipFile)


def read_stored(path: Path, time_limit_s: float) -> StoredGraph:
    """Return the nodes and edges of a NIR file as they are stored.

    Raises
    ------
    DataError
        As `walk_file`; also where the library crashes or does not end.
    UsageError
        h5py is not installed.
    """
    if importlib.util.find_spec("h5py") is None:
        raise UsageError(
            "NIR files are read with h5py, which is not here; `pip install gradassay[nir]`."
        )
    command = [sys.executable, "-P", "-m", "gradassay.crosscheck.nir.walking"]
    try:
        done = subprocess.run(
            [*command, str(path.absolute()), str(time_limit_s)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(),
            timeout=3 * time_limit_s + 10,
            check=False,
        )
    except ValueError as error:  # a null byte in the name
        raise DataError(f"{path}: cannot be read ({error}).") from None
    except subprocess.TimeoutExpired:
        raise _stopped(path, "did not end") from None
    if done.returncode != 0:
        died = "did not end in time" if done.returncode in (-9, -24) else "crashed"
        raise _stopped(path, died if done.returncode < 0 else "failed")
    if done.stdout.startswith(b"{"):
        found = json.loads(done.stdout)
        raise KINDS.get(found["code"], DataError)(found["message"])
    try:
        return unpack(done.stdout)
    except DAMAGE:
        raise _stopped(path, "failed") from None


def unpack(data: bytes) -> StoredGraph:
    """Return a stored graph that was packed as bytes."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        about = json.loads(arrays["about"].tobytes())

        def value(field: Any) -> Any:
            return field if isinstance(field, str) else arrays[f"a{field}"]

        nodes = []
        for name, kind, inner, fields in about["nodes"]:
            stored: Stored = {key: value(field) for key, field in fields.items()}
            nodes.append(StoredNode(name, kind, inner, stored))
    return StoredGraph(nodes, [(a, b) for a, b in about["edges"]])


def _environment() -> dict[str, str]:
    """Return an environment in which this very package is found, and one thread is used."""
    root = str(Path(gradassay.__file__).resolve().parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HDF5_PLUGIN_PRELOAD": "::"}
    return {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)}


def _stopped(path: Path, how: str) -> DataError:
    return DataError(f"{path.name}: truncated or damaged HDF5 (the library {how} on it).")
