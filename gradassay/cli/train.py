"""``gradassay train``: train a network with each estimator on a full data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cyclopts import Parameter
from rich.console import Console

from gradassay.cli.options import (
    MAIN_FOUR,
    ProblemOptions,
    Settings,
    chosen_estimators,
    command_line,
    prepare_out,
)
from gradassay.core.estimator import Estimator
from gradassay.core.records import EpochRow

if TYPE_CHECKING:
    from gradassay.cli.workbench import Workbench
    from gradassay.training import TrainingSettings


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
    learning_rate
        Of the first update, for all estimators.
    update
        Update the weights once a sequence, or at each time step: for estimators that are online.
    train_samples
        Use that many of the training samples, drawn by the seed.
    gain
        Factor on the initial weights.
    """

    epochs: int | None = None
    train_batch_size: int | None = None
    learning_rate: float | None = None
    update: Literal["sequence", "step"] | None = None
    train_samples: int | None = None
    gain: float | None = None

    def workbench(self, options: ProblemOptions) -> Workbench:
        """Return the workbench of these data and this start."""
        from gradassay.cli.workbench import Workbench

        return Workbench.prepare(options, train_samples=self.train_samples, gain=self.gain)

    def settings(self, bench: Workbench, estimator: str) -> TrainingSettings:
        """Return the recipe's settings for one estimator, with the changes."""
        given = {
            "epochs": self.epochs,
            "batch_size": self.train_batch_size,
            "learning_rate": self.learning_rate,
            "update": self.update,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        return bench.recipe.settings_for(estimator, bench.options.seed).replace(**changes)


def train(
    problem: ProblemOptions | None = None,
    training: TrainingOptions | None = None,
    *,
    estimators: str = MAIN_FOUR,
    set_: Settings = None,
    out: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Train a network with each estimator on a full data set; test accuracy after each epoch.

    While it runs, each epoch is appended to OUT.metrics.partial.jsonl.

    Parameters
    ----------
    estimators
        Names, separated by commas; sums such as opzo+0.01*local_learning and module:attribute too.
    set_
        An option of an estimator, NAME.OPTION=VALUE; may be given several times.
    out
        Results folder; results/train-DATASET where not given.
    overwrite
        Replace the results that are there.
    """
    from gradassay.reports import build_manifest, write_report, write_results

    options, training = problem or ProblemOptions(), training or TrainingOptions()
    folder = prepare_out(out, f"results/train-{options.dataset}", overwrite=overwrite)
    bench = training.workbench(options)
    chosen = chosen_estimators([estimators], set_, bench.recipe.options_for)
    settings = training_settings(bench, chosen, training)
    rows, diverged = train_all(bench, chosen, settings, folder)
    manifest = build_manifest(
        command_line(),
        options.seed,
        bench.settings(chosen) | {"training": settings},
        bench.data.checksums,
    )
    write_results(folder, training=rows, manifest=manifest, overwrite=overwrite)
    path = write_report(folder)
    Console(highlight=False, soft_wrap=True).print(f"report: {path}", markup=False)
    return 1 if diverged else 0


def training_settings(
    bench: Workbench, estimators: Mapping[str, Estimator], training: TrainingOptions
) -> dict[str, TrainingSettings]:
    """Return the settings of every estimator; fails before any work where one is impossible."""
    from gradassay.training import require_trainable

    settings = {name: training.settings(bench, name) for name in estimators}
    for name, estimator in estimators.items():
        require_trainable(estimator, bench.backend, bench.network, settings[name])
    return settings


def train_all(
    bench: Workbench,
    estimators: Mapping[str, Estimator],
    settings: Mapping[str, TrainingSettings],
    folder: Path,
) -> tuple[list[EpochRow], list[str]]:
    """Train with each estimator from the same weights; return the rows and who diverged.

    A run that diverges keeps the rows it made, and the others go on.
    """
    from gradassay.training import (
        DivergenceError,
        MetricsFile,
        TrainingProgress,
        place_data,
        train,
    )

    data = place_data(bench.backend, bench.data)
    rows: list[EpochRow] = []
    diverged: list[str] = []
    metrics_path = folder.with_name(f"{folder.name}.metrics.jsonl")
    with MetricsFile(metrics_path) as metrics, TrainingProgress() as progress:

        def keep(name: str, found: EpochRow) -> None:
            row = replace(found, subject=name)  # as it was asked for, like in all other records
            rows.append(row)
            metrics.append(row)
            progress.on_epoch(row)

        for name, estimator in estimators.items():
            progress.start(f"train {name}")
            try:
                train(
                    estimator,
                    bench.backend,
                    bench.network,
                    bench.params,
                    data,
                    settings[name],
                    problem=bench.name,
                    on_epoch=partial(keep, name),
                    on_batch=progress.on_batch,
                )
            except DivergenceError as error:
                keep(name, error.epochs[-1])
                diverged.append(name)
                Console(stderr=True, soft_wrap=True).print(f"warning: {error}", markup=False)
    return rows, diverged
