"""Progress of training on the standard error, with the time left."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from gradassay.core.records import EpochRow
from gradassay.training.running_mean import BatchReport


class TrainingProgress:
    """A bar for each run: updates made, time left, loss, accuracies.

    Parameters
    ----------
    console : rich.console.Console or None
        Where to draw; None for the standard error. Where that is no terminal, nothing is drawn.

    Examples
    --------
    >>> with TrainingProgress() as progress:
    ...     task = progress.start("opzo, seed 0")
    ...     progress.on_batch(BatchReport(1, 1, 100, 2.3, 0.1))
    """

    def __init__(self, console: Console | None = None) -> None:
        chosen = console if console is not None else Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}", markup=False),
            console=chosen,
            disable=not chosen.is_terminal,
        )
        self._task: TaskID | None = None
        self._test = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def start(self, description: str) -> TaskID:
        """Begin the bar of the next run and return its number."""
        self._test = ""
        self._task = self._progress.add_task(description, total=None, numbers="")
        return self._task

    def on_batch(self, report: BatchReport) -> None:
        """Move the bar; fits `train`'s ``on_batch``."""
        numbers = f"loss {report.loss:.3f}, train {report.accuracy:.1%}{self._test}"
        self._show(numbers, completed=report.iteration, total=report.iterations)

    def on_epoch(self, row: EpochRow) -> None:
        """Show the test accuracy; fits `train`'s ``on_epoch``."""
        self._test = f", test {row.test_accuracy:.1%}"
        numbers = f"loss {row.train_loss:.3f}, train {row.train_accuracy:.1%}{self._test}"
        self._show(numbers)

    def _show(self, numbers: str, completed: int | None = None, total: int | None = None) -> None:
        task = self._task if self._task is not None else self.start("training")
        self._progress.update(task, numbers=numbers, completed=completed, total=total)
