"""Checkpoints of a run: when to make one, which to keep, where to go on."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path
from types import MappingProxyType

from gradassay.core.atomic import write_whole
from gradassay.core.backend import Backend
from gradassay.core.errors import ConfigurationError, DataError, UsageError
from gradassay.training.snapshot import Identity, Snapshot, read_snapshot, to_bytes

BEST = "best.safetensors"
_NAME = "checkpoint-{:012}.safetensors"


class Checkpoints:
    """The checkpoints of one run in a folder: the last ones, and the one of the best epoch.

    Parameters
    ----------
    folder : path-like
        Theirs alone; made with the first checkpoint.
    identity : mapping of str to str
        What the run is. Only checkpoints of the same run are gone on from.
    environment : mapping of str to str
        What rounding depends on (threads, versions): warned of where it differs.
    interval_s : float
        Seconds between two checkpoints, at least 0: one after each batch.
    keep : int
        How many of the last ones to keep, at least 1.

    Raises
    ------
    ConfigurationError
        If `interval_s` or `keep` is impossible.

    Notes
    -----
    A file appears under its name only when it is whole and on disk, and older ones are removed
    after that: a process or machine that stops at any moment leaves a whole one, if there was one.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        identity: Identity,
        *,
        environment: Identity = MappingProxyType({}),
        interval_s: float = 60.0,
        keep: int = 2,
    ) -> None:
        if not interval_s >= 0:
            raise ConfigurationError(
                f"checkpoint interval: got {interval_s!r}; expected seconds, at least 0."
            )
        if keep < 1:
            raise ConfigurationError(f"keep: got {keep!r}; expected an integer of at least 1.")
        self.folder = Path(folder)
        self._identity, self._environment = dict(identity), dict(environment)
        self._interval_s, self._keep = interval_s, keep
        self._next = time.monotonic() + interval_s
        self._requested = False

    def request(self) -> None:
        """Have a checkpoint made after the batch under way; may be called by a signal handler."""
        self._requested = True

    @property
    def requested(self) -> bool:
        """Whether one was requested and not made yet."""
        return self._requested

    @property
    def due(self) -> bool:
        """Whether one was requested, or it is time for the next one."""
        return self._requested or time.monotonic() >= self._next

    def save(self, snapshot: Snapshot, backend: Backend) -> Path:
        """Write a checkpoint, remove those that are too many, and return its path.

        Raises
        ------
        DataError
            If it cannot be written; those that are there stay.
        """
        self._requested = False  # first: a signal from here on asks for a later one
        path = self.folder / _NAME.format(snapshot.progress.iteration)
        self._write(path, snapshot, backend)
        self._next = time.monotonic() + self._interval_s
        for older in self.paths()[self._keep :]:
            older.unlink(missing_ok=True)
        return path

    def save_best(self, snapshot: Snapshot, backend: Backend) -> None:
        """Write the checkpoint of the best epoch so far; raises like `save`."""
        self._write(self.folder / BEST, snapshot, backend)

    def paths(self) -> list[Path]:
        """Return the checkpoints that are there, the latest first."""
        return sorted(self.folder.glob(_NAME.format(0).replace("0" * 12, "*")), reverse=True)

    def latest(self) -> Snapshot | None:
        """Return the latest snapshot, arrays NumPy's; None where there is none.

        Warns where a later file is defective and an earlier one is taken.

        Raises
        ------
        DataError
            If there are checkpoints and all of them are defective.
        UsageError
            If they are those of another run; says in what it differs.
        """
        problem: DataError | None = None
        for path in self.paths():
            try:
                snapshot, identity, environment = read_snapshot(path)
            except DataError as error:
                warnings.warn(f"skipped a checkpoint: {error}", RuntimeWarning, stacklevel=2)
                problem = error
                continue
            self._require_same(path, identity)
            self._compare_environment(environment)
            return snapshot
        if problem is not None:
            raise problem
        return None

    def _require_same(self, path: Path, found: Identity) -> None:
        """Refuse the checkpoint of another run."""
        differ = _differences(self._identity, found)
        if differ:
            raise UsageError(
                f"{path}: is of another run, {'; '.join(differ)}. Resume with the same options, or"
                " choose another folder."
            )

    def _compare_environment(self, found: Identity) -> None:
        """Warn where numbers may round otherwise than in a run without interruption."""
        differ = _differences(self._environment, found)
        if differ:
            warnings.warn(
                f"resumed elsewhere, {'; '.join(differ)}: the same as without interruption only to"
                " rounding",
                RuntimeWarning,
                stacklevel=3,
            )

    def _write(self, path: Path, snapshot: Snapshot, backend: Backend) -> None:
        try:
            write_whole(path, to_bytes(snapshot, backend, self._identity, self._environment))
        except OSError as error:
            kept = self.paths()
            last = f"the last one is {kept[0].name}" if kept else "there is none yet"
            raise DataError(
                f"checkpoint: cannot write '{path}' ({error.strerror or error}); {last}."
                " Mend that and resume."
            ) from error


def _differences(ours: Identity, theirs: Identity) -> list[str]:
    """Return what differs, each with both values."""
    names = dict.fromkeys((*ours, *theirs))
    return [
        f"{name}: got {ours.get(name)}, there {theirs.get(name)}"
        for name in names
        if ours.get(name) != theirs.get(name)
    ]
