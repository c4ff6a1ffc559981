"""The folder of a training under way: its metrics and its checkpoints, for one process."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from gradassay.core.errors import UsageError
from gradassay.training.checkpoints import Checkpoints
from gradassay.training.snapshot import Identity

METRICS = "metrics.jsonl"
MOMENTS = "moments.jsonl"
_CHECKPOINTS = "checkpoints"
_LOCK = ".lock"
_OWN = {METRICS, MOMENTS, _CHECKPOINTS, _LOCK}
_UNSAFE = re.compile(r"[^A-Za-z0-9+.=_-]")


class RunFolder:
    """A folder that keeps what a training needs to go on, and goes away if it holds nothing.

    Parameters
    ----------
    path : path-like
        The folder; made when the ``with`` block begins, missing parents too.
    resume : bool
        Go on with the training in it, if there is one.
    overwrite : bool
        Remove what is in it. Where neither is true it has to be new.

    Raises
    ------
    UsageError
        On entry, if there is a training in it and neither `resume` nor `overwrite` is true, if
        another process trains in it, if it is something else, or cannot be written.

    Notes
    -----
    The lock belongs to the process: it is gone when the process is, however that ends. A block
    that ends without any checkpoint leaves no folder.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, resume: bool = False, overwrite: bool = False
    ) -> None:
        self.path = Path(path)
        self._resume, self._overwrite = resume, overwrite
        self._lock = FileLock(self.path / _LOCK, timeout=0)
        self._made: list[Checkpoints] = []

    @property
    def metrics(self) -> Path:
        """Path of the metrics, which can be read along."""
        return self.path / METRICS

    @property
    def moments(self) -> Path:
        """Path of what was seen of the estimators on the way, likewise."""
        return self.path / MOMENTS

    @property
    def resumable(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return any((self.path / _CHECKPOINTS).glob("*/checkpoint-*.safetensors"))

    def checkpoints(
        self, name: str, identity: Identity, *, environment: Identity, interval_s: float = 60.0
    ) -> Checkpoints:
        """Return the checkpoints of one run; parameters are those of `Checkpoints`.

        Parameters
        ----------
        name : str
            Of the run, any text: for example that of an estimator.
        identity, environment, interval_s
            As in `Checkpoints`.
        """
        folder = self.path / _CHECKPOINTS / folder_name(name)
        made = Checkpoints(folder, identity, environment=environment, interval_s=interval_s)
        self._made.append(made)
        return made

    def request_checkpoint(self) -> None:
        """Have a checkpoint made after the batch under way; may be called by a signal handler."""
        for made in self._made:
            made.request()

    def __enter__(self) -> Self:
        try:
            self._enter()
        except Timeout:
            raise UsageError(
                f"{self.path}: another process trains in it; wait for it, or choose another folder."
            ) from None
        except OSError as error:
            raise UsageError(
                f"{self.path}: cannot be written ({error.strerror or error}). Choose another"
                " folder."
            ) from error
        return self

    def _enter(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self.require_usable()
            for half in self.path.rglob(".*.partial"):  # of a process that was killed
                half.unlink()
            if not self._resume:
                shutil.rmtree(self.path / _CHECKPOINTS, ignore_errors=True)
                self.metrics.unlink(missing_ok=True)
                self.moments.unlink(missing_ok=True)
        except BaseException:
            self._lock.release()
            raise

    def require_usable(self) -> None:
        """Refuse a folder that is something else, or that holds what is not to be touched.

        Raises
        ------
        UsageError
            As on entry, but for what other processes do.
        """
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise UsageError(f"{self.path}: is a file; expected a folder, or nothing yet.")
        foreign = {path.name for path in self.path.iterdir()} - _OWN
        if foreign:
            raise UsageError(
                f"{self.path}: holds {sorted(foreign)[0]!r}, which no training writes; choose"
                " another folder."
            )
        if self.resumable and not (self._resume or self._overwrite):
            raise UsageError(
                f"{self.path}: holds a training that was begun; go on with it with --resume,"
                " or begin anew with --overwrite."
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.resumable:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()


def folder_name(name: str) -> str:
    """Return a name that any file system takes, with a hash where it is not the name itself.

    Examples
    --------
    >>> folder_name("opzo"), folder_name("opzo+0.01*dkp")
    ('opzo', 'opzo+0.01_dkp-8b4ff19d')
    """
    safe = _UNSAFE.sub("_", name)
    if safe == name:
        return name
    return f"{safe}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
