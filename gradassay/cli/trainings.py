"""Trainings one after another, into one folder that they can be gone on with from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gradassay.cli.board import Board
from gradassay.cli.exit_codes import FAILED, PASSED
from gradassay.cli.keeping import KeepingOptions
from gradassay.cli.lines import print_line
from gradassay.cli.stopping import stop_gently
from gradassay.cli.watching import Watcher, WatchingOptions
from gradassay.core.estimator import Estimator
from gradassay.core.records import EpochRow, MomentRow
from gradassay.workbench.options import TrainingOptions
from gradassay.workbench.trainings import without_own_rate

if TYPE_CHECKING:
    from gradassay.training import (
        BatchReport,
        Checkpoints,
        PlacedData,
        Snapshot,
        TrainingSettings,
    )
    from gradassay.workbench.workbench import Workbench


def tell_of_shared_rates(
    settings: Mapping[str, TrainingSettings], training: TrainingOptions
) -> None:
    """Say on the standard error which methods train at a learning rate that nobody chose.

    Zeroth order needs a hundred times less than backpropagation, and else stays at chance.
    """
    for name in without_own_rate(settings, training):
        print_line(
            f"{name}: learning rate {settings[name].learning_rate:g}, that of backpropagation on"
            " this data set; --learning-rate for another one.",
            to_stderr=True,
        )


class Trainings:
    """Trainings whose rows and checkpoints go to one folder, as a context.

    What was done before an interruption is not done again; Ctrl-C ends the one under way after a
    checkpoint. One that diverges keeps the rows it made, and the others go on.

    Parameters
    ----------
    keeping : KeepingOptions
        Whether to resume, and how often to make a checkpoint.
    folder : pathlib.Path
        The results folder; metrics and checkpoints are kept beside it.
    watching : WatchingOptions or None
        What to look at on the way.
    device : str
        Of the backend. Under torchrun several processes train together, of which the first writes.
    """

    def __init__(
        self,
        keeping: KeepingOptions,
        folder: Path,
        watching: WatchingOptions | None = None,
        device: str = "cpu",
    ) -> None:
        from gradassay.training import TrainingProgress

        self.rows: list[EpochRow] = []
        self.moments: list[MomentRow] = []
        self._watching = watching or WatchingOptions()
        self._keeping, self._target = keeping, folder
        self._folder = keeping.run_folder(folder)
        self._progress = TrainingProgress()
        self._board = Board(None)
        self._device = device
        self._stack = ExitStack()

    @property
    def leads(self) -> bool:
        """Whether this process is the only one, or the first: the one that writes."""
        return self._group.rank == 0

    @property
    def exit_code(self) -> int:
        """`FAILED` where any of them diverged."""
        return FAILED if any(row.diverged for row in self.rows) else PASSED

    def write(self, manifest: Mapping[str, object], **tables: Any) -> Path:
        """Write results and report, and return the report's path.

        Parameters
        ----------
        manifest : mapping
            From `gradassay.reports.build_manifest`.
        **tables : iterable of records
            Further tables of `gradassay.reports.write_results`.
        """
        from gradassay.reports import write_report, write_results

        write_results(
            self._target,
            training=self.rows,
            moments=self.moments,
            manifest=manifest,
            overwrite=self._keeping.overwrite or self._keeping.resume,
            **tables,
        )
        return write_report(self._target)

    def __enter__(self) -> Self:
        from gradassay.training import RowsFile
        from gradassay.training.parallel import process_group

        with self._stack:
            self._group = self._stack.enter_context(process_group(self._device))
            if self.leads:
                self._stack.enter_context(self._folder)
            self._group.wait()
            self._stop_if_asked = self._stack.enter_context(
                stop_gently(self._folder.request_checkpoint, lambda: self._folder.resumable)
            )
            if self.leads:
                self._stack.enter_context(self._progress)
                self._board = self._stack.enter_context(Board(self._keeping.tensorboard))
            self._metrics = RowsFile(self._folder.metrics, EpochRow)
            self._seen = RowsFile(self._folder.moments, MomentRow)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def run(
        self,
        bench: Workbench,
        estimators: Mapping[str, Estimator],
        settings: Mapping[str, TrainingSettings],
    ) -> None:
        """Train with each estimator from the same weights."""
        from gradassay.training import place_data

        data = place_data(bench.backend, bench.data)
        for name, estimator in estimators.items():
            self._stop_if_asked()
            self._train(name, bench, estimator, settings[name], data)

    def _train(
        self,
        name: str,
        bench: Workbench,
        estimator: Estimator,
        settings: TrainingSettings,
        data: PlacedData,
    ) -> None:
        others = self._watching.estimators(bench)
        others.pop(name, None)
        told = {"passengers": ", ".join(map(repr, others.values()))} if others else {}
        checkpoints = self._folder.checkpoints(
            _run_name(bench, name),
            bench.identity(estimator, settings) | told,
            environment=bench.environment | {"processes": str(self._group.size)},
            interval_s=self._keeping.checkpoint_every,
        )
        start = checkpoints.latest()
        self._go_on(name, bench, start)
        if self.leads:
            self._progress.start(f"{bench.options.dataset}, {name}, seed {settings.seed}")
        watch = Watcher(
            self._watching, bench, data, name, {name: estimator, **others}, self._on_moment
        )
        train = partial(
            bench.train,
            estimator,
            settings,
            data,
            group=self._group,
            passengers=others,
            watch=watch if self._watching.watch_every and self.leads else None,
        )
        _train_or_warn(
            train,
            start,
            checkpoints,
            on_epoch=partial(self._on_epoch, name),
            on_batch=partial(self._on_batch, checkpoints),
        )

    def _go_on(self, name: str, bench: Workbench, start: Snapshot | None) -> None:
        """Take over the rows of a run that was begun, up to where it goes on."""
        from gradassay.training.folder import folder_name

        seed, iteration = bench.options.seed, 0 if start is None else start.progress.iteration
        done = [replace(row, subject=name) for row in start.rows] if start is not None else []
        self.rows.extend(done)
        if not self.leads:
            return
        self._metrics.begin(
            lambda row: (row.subject, row.problem, row.seed) == (name, bench.name, seed), done
        )

        def own(row: MomentRow) -> bool:
            return (row.trained_by, row.problem, row.seed) == (name, bench.name, seed)

        if self._seen.rows or self._watching.watch_every:
            self._seen.begin(lambda row: own(row) and row.iteration >= iteration)
        seen = [row for row in self._seen.rows if own(row)]
        self.moments.extend(seen)
        self._board.begin(folder_name(_run_name(bench, name)), done, seen)

    def _on_epoch(self, name: str, found: EpochRow) -> None:
        row = replace(found, subject=name)  # as it was asked for, like in all other records
        self.rows.append(row)
        if self.leads:
            self._metrics.append(row)
            self._board.add_epoch(row)
            self._progress.on_epoch(row)

    def _on_batch(self, checkpoints: Checkpoints, report: BatchReport) -> None:
        if self.leads:
            self._progress.on_batch(report)
            if checkpoints.requested:  # since this batch's was due: stop after the next batch's
                return
        self._stop_if_asked()

    def _on_moment(self, rows: list[MomentRow]) -> None:
        self.moments.extend(rows)
        self._seen.append(*rows)
        self._board.add_moments(rows)


def _run_name(bench: Workbench, estimator: str) -> str:
    """Return the name of a training, different from those of all others in the folder."""
    return f"{bench.name}, seed {bench.options.seed}, {estimator}"


def _train_or_warn(
    train: Callable[..., object],
    start: Snapshot | None,
    checkpoints: Checkpoints,
    *,
    on_epoch: Callable[[EpochRow], None],
    on_batch: Callable[[BatchReport], None],
) -> None:
    """Train from a snapshot on, or from the beginning; a divergence is a warning."""
    from gradassay.training import DivergenceError

    try:
        train(start=start, checkpoints=checkpoints, on_epoch=on_epoch, on_batch=on_batch)
    except DivergenceError as error:
        if start is None or not start.progress.stopped:
            on_epoch(error.epochs[-1])
        print_line(f"warning: {error}", to_stderr=True)
