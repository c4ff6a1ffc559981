"""``gradassay train``: train a network with each estimator on a full data set."""

from __future__ import annotations

from rich.console import Console

from gradassay.cli.options import (
    MAIN_FOUR,
    ProblemOptions,
    Settings,
    chosen_estimators,
    command_line,
)
from gradassay.cli.training_options import KeepingOptions, TrainingOptions, training_settings
from gradassay.cli.trainings import Trainings
from gradassay.cli.watching import WatchingOptions


def train(
    problem: ProblemOptions | None = None,
    training: TrainingOptions | None = None,
    keeping: KeepingOptions | None = None,
    watching: WatchingOptions | None = None,
    *,
    estimators: str = MAIN_FOUR,
    set_: Settings = None,
) -> int:
    """Train a network with each estimator on a full data set; test accuracy after each epoch.

    While it runs, each epoch is appended to OUT.run/metrics.jsonl. Ctrl-C ends it after a
    checkpoint; the same command with --resume goes on.

    Parameters
    ----------
    estimators
        Names, separated by commas; sums such as opzo+0.01*local_learning and module:attribute too.
    set_
        An option of an estimator, NAME.OPTION=VALUE; may be given several times.
    """
    from gradassay.reports import build_manifest

    options, training = problem or ProblemOptions(), training or TrainingOptions()
    keeping, watching = keeping or KeepingOptions(), watching or WatchingOptions()
    folder = keeping.folder(f"results/train-{options.dataset}")
    bench = training.workbench(options)
    chosen = chosen_estimators([estimators], set_, bench.recipe.options_for)
    settings = training_settings(bench, chosen, training)
    watching.require_possible(bench)
    with Trainings(keeping, folder, watching, options.device) as trainings:
        trainings.run(bench, chosen, settings)
    if not trainings.leads:
        return trainings.exit_code
    manifest = build_manifest(
        command_line(),
        options.seed,
        bench.settings(chosen) | {"training": settings},
        bench.data.checksums,
        interval_method=watching.interval_method,
    )
    path = trainings.write(manifest)
    Console(highlight=False, soft_wrap=True).print(f"report: {path}", markup=False)
    return trainings.exit_code
