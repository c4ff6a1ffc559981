"""What the commands that train have in common: their options, and trainings one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from cyclopts import Parameter
from rich.console import Console

from gradassay.cli.options import ProblemOptions, prepare_out
from gradassay.cli.stopping import stop_gently
from gradassay.cli.watching import Watcher, WatchingOptions
from gradassay.core.errors import UsageError
from gradassay.core.estimator import Estimator
from gradassay.core.records import EpochRow, MomentRow

if TYPE_CHECKING:
    from gradassay.cli.workbench import Workbench
    from gradassay.training import (
        BatchReport,
        Checkpoints,
        PlacedData,
        RunFolder,
        Snapshot,
        TrainingSettings,
    )


@Parameter(name="*")
@dataclass(frozen=True)
class TrainingOptions:
    """Changes to the recipe of the data set; what is not given stays as the recipe has it.

    Parameters
    ----------
    epochs
        Passes over the training data.
    train_batch_size
        Samples of one update.
    optimiser
        SGD with momentum, or AdamW.
    learning_rate
        The highest, for all estimators.
    momentum
        Of SGD, or of AdamW's first moment.
    weight_decay
        Times the parameters.
    largest_norm
        Scale longer gradients down to this norm.
    schedule
        Of the learning rate.
    warm_up_epochs
        Let the learning rate rise for so long.
    mse_weight
        Of the mean squared error in the loss, beside cross-entropy.
    update
        Update the weights once a sequence, or at each time step: for estimators that are online.
    train_samples
        Use that many of the training samples, drawn by the seed.
    gain
        Factor on the initial weights.
    """

    epochs: int | None = None
    train_batch_size: int | None = None
    optimiser: Literal["sgd", "adamw"] | None = None
    learning_rate: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    largest_norm: float | None = None
    schedule: Literal["cosine", "step", "constant"] | None = None
    warm_up_epochs: float | None = None
    mse_weight: float | None = None
    update: Literal["sequence", "step"] | None = None
    train_samples: int | None = None
    gain: float | None = None

    def workbench(self, options: ProblemOptions) -> Workbench:
        """Return the workbench of these data and this start."""
        from gradassay.cli.workbench import Workbench

        return Workbench.prepare(
            options,
            train_samples=self.train_samples,
            gain=self.gain,
            mse_weight=self.mse_weight,
        )

    def settings(self, bench: Workbench, estimator: str) -> TrainingSettings:
        """Return the recipe's settings for one estimator, with the changes."""
        from gradassay.training import TrainingSettings

        names = {"batch_size": "train_batch_size"}
        given = {
            name: getattr(self, names.get(name, name), None)
            for name in TrainingSettings.__struct_fields__
        }
        changes = {name: value for name, value in given.items() if value is not None}
        return bench.recipe.settings_for(estimator, bench.options.seed).replace(**changes)


@Parameter(name="*")
@dataclass(frozen=True)
class KeepingOptions:
    """Where results go, and going on after an interruption.

    Parameters
    ----------
    out
        Results folder; results/train-DATASET, or results/DATASET of `run`, where not given.
        Metrics and checkpoints are in OUT.run.
    overwrite
        Replace the results that are there, or a training that was begun.
    resume
        Go on with the training that was begun in OUT.run, or begin one.
    checkpoint_every
        Seconds between checkpoints.
    """

    out: Path | None = None
    overwrite: bool = False
    resume: bool = False
    checkpoint_every: float = 60.0

    def folder(self, default: str) -> Path:
        """Return the results folder, after checking that it can be written later."""
        if self.resume and self.overwrite:
            raise UsageError("--resume and --overwrite: got both; expected one of them.")
        folder = self.out if self.out is not None else Path(default)
        begun = self.resume and run_folder_of(folder).is_dir()
        prepare_out(folder, default, overwrite=self.overwrite or begun)
        self.run_folder(folder).require_usable()
        return folder

    def run_folder(self, folder: Path) -> RunFolder:
        """Return the folder of a training whose results go to `folder`."""
        from gradassay.training import RunFolder

        return RunFolder(run_folder_of(folder), resume=self.resume, overwrite=self.overwrite)


def run_folder_of(folder: Path) -> Path:
    """Return where metrics and checkpoints are kept."""
    return folder.with_name(f"{folder.name}.run")


def training_settings(
    bench: Workbench, estimators: Mapping[str, Estimator], training: TrainingOptions
) -> dict[str, TrainingSettings]:
    """Return the settings of every estimator; fails before any work where one is impossible."""
    from gradassay.training import require_trainable

    settings = {name: training.settings(bench, name) for name in estimators}
    for name, estimator in estimators.items():
        require_trainable(estimator, bench.backend, bench.network, settings[name])
    return settings


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
        self._interval_s = keeping.checkpoint_every
        self._folder = keeping.run_folder(folder)
        self._progress = TrainingProgress()
        self._device = device
        self._stack = ExitStack()

    @property
    def leads(self) -> bool:
        """Whether this process is the only one, or the first: the one that writes."""
        return self._group.rank == 0

    @property
    def diverged(self) -> bool:
        """Whether any of them did."""
        return any(row.diverged for row in self.rows)

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
            f"{bench.name}, seed {settings.seed}, {name}",
            bench.identity(estimator, settings) | told,
            environment=bench.environment | {"processes": str(self._group.size)},
            interval_s=self._interval_s,
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
            on_batch=self._on_batch,
        )

    def _go_on(self, name: str, bench: Workbench, start: Snapshot | None) -> None:
        """Take over the rows of a run that was begun, up to where it goes on."""
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
        self.moments.extend(row for row in self._seen.rows if own(row))

    def _on_epoch(self, name: str, found: EpochRow) -> None:
        row = replace(found, subject=name)  # as it was asked for, like in all other records
        self.rows.append(row)
        if self.leads:
            self._metrics.append(row)
            self._progress.on_epoch(row)

    def _on_batch(self, report: BatchReport) -> None:
        if self.leads:
            self._progress.on_batch(report)
        self._stop_if_asked()

    def _on_moment(self, rows: list[MomentRow]) -> None:
        self.moments.extend(rows)
        self._seen.append(*rows)


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
        Console(stderr=True, soft_wrap=True).print(f"warning: {error}", markup=False)
