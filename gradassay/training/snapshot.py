"""A run at one moment, and its form on disk: one safetensors file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.errors import DataError
from gradassay.core.records import EpochRow
from gradassay.training.metrics import format_rows, parse_rows

FORMAT = "gradassay checkpoint 1"
Identity = Mapping[str, str]
_GROUPS = ("params", "buffers", "state", "passengers")


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a run is.

    Parameters
    ----------
    iteration : int
        Batches trained on so far.
    samples, correct : int
        Samples of the epoch under way so far, and how many of them were right.
    total_loss : float
        Sum of their losses.
    seconds : float
        Time spent on the epoch under way.
    stopped : str
        Why the run cannot go on; empty where it can, or has reached its end.
    """

    iteration: int = 0
    samples: int = 0
    correct: int = 0
    total_loss: float = 0.0
    seconds: float = 0.0
    stopped: str = ""


@dataclass(frozen=True)
class Snapshot:
    """All that a run needs to go on as if it had never been interrupted.

    Parameters
    ----------
    params : mapping of str to array
        Parameters of the network.
    buffers : mapping of str to array
        Of the optimiser, ``<buffer>/<parameter>``.
    state : mapping of str to array
        What the estimator learnt.
    passengers : mapping of str to array
        What passengers learnt, ``<passenger>/<name>``.
    progress : Progress
        Where in the epoch the run is.
    rows : tuple of EpochRow
        Metrics of the epochs that are complete; at last that of a broken one.
    """

    params: Mapping[str, Array]
    buffers: Mapping[str, Array]
    state: Mapping[str, Array]
    passengers: Mapping[str, Array]
    progress: Progress
    rows: tuple[EpochRow, ...]


class _Header(msgspec.Struct, frozen=True):
    """What the file says besides the arrays."""

    identity: dict[str, str]
    environment: dict[str, str]
    progress: Progress
    axes: dict[str, tuple[int, ...]]


def to_bytes(
    snapshot: Snapshot, backend: Backend, identity: Identity, environment: Identity
) -> bytes:
    """Return a snapshot as the content of a safetensors file.

    Parameters
    ----------
    snapshot : Snapshot
        Arrays of the backend.
    backend : Backend
        Turns them into NumPy's.
    identity, environment : mapping of str to str
        What the run is, and where it runs: `read_snapshot` gives them back.

    Notes
    -----
    Arrays stand in the file as they lie in memory, with the order of their axes, since a product
    may round otherwise where its operands lie otherwise.
    """
    from safetensors.numpy import save

    plain: dict[str, np.ndarray] = {}
    axes: dict[str, tuple[int, ...]] = {}
    for group in _GROUPS:
        for name, array in getattr(snapshot, group).items():
            whole = f"{group}/{name}"
            plain[whole], axes[whole] = _as_it_lies(backend.to_numpy(array))
    header = _Header(dict(identity), dict(environment), snapshot.progress, axes)
    metadata = {
        "format": FORMAT,
        "header": msgspec.json.encode(header).decode(),
        "rows": format_rows(snapshot.rows),
    }
    return save(plain, metadata=metadata | {"digest": _digest(metadata, plain)})


def read_snapshot(path: str | os.PathLike[str]) -> tuple[Snapshot, dict[str, str], dict[str, str]]:
    """Return a snapshot, its arrays NumPy's, and identity and environment of its run.

    Raises
    ------
    DataError
        If the file cannot be read, is no checkpoint, or is defective.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise DataError(
                    f"{path}: got format {metadata.get('format')!r}; expected {FORMAT!r}, a"
                    " checkpoint of this version."
                )
            header = msgspec.json.decode(metadata["header"], type=_Header)
            arrays = {name: file.get_tensor(name) for name in file.keys()}
        if _digest(metadata, arrays) != metadata["digest"]:
            raise DataError(f"{path}: its content is not what was written; delete it.")
        rows = tuple(parse_rows(metadata["rows"], str(path), EpochRow))
        return _from_parts(arrays, header, rows), header.identity, header.environment
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except (SafetensorError, msgspec.MsgspecError, KeyError, ValueError) as error:
        raise DataError(f"{path}: is no whole checkpoint ({error}); delete it.") from error


def _from_parts(
    arrays: Mapping[str, np.ndarray], header: _Header, rows: tuple[EpochRow, ...]
) -> Snapshot:
    """Return the snapshot of a file's parts."""
    groups: dict[str, dict[str, Any]] = {group: {} for group in _GROUPS}
    for whole, array in arrays.items():
        group, _, name = whole.partition("/")
        groups[group][name] = np.transpose(array, np.argsort(header.axes[whole]))
    return Snapshot(**groups, progress=header.progress, rows=rows)


def _as_it_lies(array: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return the array with its axes in the order of memory, and that order."""
    order = np.argsort([-stride for stride in array.strides], kind="stable").tolist()
    return np.asarray(np.transpose(array, order), order="C"), tuple(order)


def _digest(metadata: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> str:
    """Return a hash of all that the file says."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("format", "header", "rows"):
        digest.update(metadata[name].encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()
