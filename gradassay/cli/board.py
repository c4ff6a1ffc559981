"""Metrics of trainings for TensorBoard, on request."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gradassay.core.errors import UsageError
from gradassay.core.records import EpochRow, MomentRow


class Board:
    """A folder that TensorBoard reads, with one run in it for each training; as a context.

    Parameters
    ----------
    folder : pathlib.Path or None
        None writes nothing.

    Raises
    ------
    UsageError
        If TensorBoard is not installed, or the folder cannot be made.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._writer: Any = None
        if folder is not None:
            self._writer_class = _writer_class()
            _make(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def begin(self, run: str, rows: Iterable[EpochRow], moments: Iterable[MomentRow]) -> None:
        """Begin a run, or go on with it after these rows; all else of it is seen no more.

        TensorBoard forgets from a step on, whatever the tag, while epochs and batches are counted
        apart: so all is forgotten, and what is kept is written again.
        """
        self._close()
        if self._folder is None:
            return
        self._writer = self._writer_class(self._folder / run, purge_step=0)
        for row in rows:
            self.add_epoch(row)
        self.add_moments(moments)

    def add_epoch(self, row: EpochRow) -> None:
        """Add the metrics of an epoch, at its number."""
        if self._writer is None:
            return
        for tag, value in (
            ("loss/train", row.train_loss),
            ("accuracy/train", row.train_accuracy),
            ("accuracy/test", row.test_accuracy),
            ("learning_rate", row.learning_rate),
        ):
            self._writer.add_scalar(tag, value, row.epoch)
        self._writer.flush()

    def add_moments(self, rows: Iterable[MomentRow]) -> None:
        """Add what was seen of gradients, at the number of the batch."""
        if self._writer is None:
            return
        for row in rows:
            tag = f"{row.quantity}/{row.layer}/{row.subject}"
            self._writer.add_scalar(tag, row.value, row.iteration)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _writer_class() -> Any:
    """Return the writer of TensorBoard's event files."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UsageError(
            "--tensorboard: TensorBoard is not installed. Run `pip install"
            " 'gradassay[tensorboard]'`, or leave the option out."
        ) from None
    return SummaryWriter


def _make(folder: Path) -> None:
    """Make the folder, or say why that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--tensorboard: cannot make the folder '{folder}' ({error.strerror or error})."
        ) from error
