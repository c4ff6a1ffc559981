"""``gradassay train``: train a network with each estimator on a full data set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from gradassay.cli.options import (
    MAIN_FOUR,
    ProblemOptions,
    Settings,
    chosen_estimators,
    command_line,
    file_name,
)
from gradassay.cli.training_options import KeepingOptions, TrainingOptions, training_settings
from gradassay.cli.trainings import Trainings
from gradassay.cli.watching import WatchingOptions
from gradassay.core.errors import UsageError

if TYPE_CHECKING:
    from gradassay.training import Recipe


def train(
    problem: ProblemOptions | None = None,
    training: TrainingOptions | None = None,
    keeping: KeepingOptions | None = None,
    watching: WatchingOptions | None = None,
    *,
    recipe: str | None = None,
    estimators: str | None = None,
    set_: Settings = None,
) -> int:
    """Train a network with each estimator on a full data set; test accuracy after each epoch.

    While it runs, each epoch is appended to OUT.run/metrics.jsonl. Ctrl-C ends it after a
    checkpoint; the same command with --resume goes on.

    Parameters
    ----------
    recipe
        A training by name, DATASET-NETWORK-METHOD, for example cifar10-conv5-opzo; METHOD is bp,
        dfa, dkp, zo, opzo, opzo-ll or opzo-ll-igl. Other options change it.
    estimators
        Names, separated by commas; sums such as opzo+0.01*local_learning and module:attribute too.
    set_
        An option of an estimator, NAME.OPTION=VALUE; may be given several times.
    """
    from gradassay.reports import build_manifest

    options, training = problem or ProblemOptions(), training or TrainingOptions()
    followed = None
    if recipe is not None:
        options, estimators, followed = following(recipe, options, estimators)
    keeping, watching = keeping or KeepingOptions(), watching or WatchingOptions()
    folder = keeping.folder(f"results/train-{file_name(options.dataset)}")
    bench = training.workbench(options, recipe=followed)
    chosen = chosen_estimators([estimators or MAIN_FOUR], set_, bench.recipe.options_for)
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


def following(
    recipe: str, options: ProblemOptions, estimators: str | None
) -> tuple[ProblemOptions, str, Recipe]:
    """Return data and network, estimators, and settings of a recipe; those given come first.

    Raises
    ------
    UsageError
        If there is no such recipe, or it is of another data set than the given one.
    """
    from gradassay.training import named_recipe

    found = named_recipe(recipe)
    if options.dataset not in (ProblemOptions.dataset, found.dataset):
        raise UsageError(
            f"--dataset: got {options.dataset!r} with the recipe {recipe} of {found.dataset};"
            " expected one of the two."
        )
    network = found.network if options.network is None else options.network
    return (
        replace(options, dataset=found.dataset, network=network),
        found.estimator if estimators is None else estimators,
        found.recipe_for(network),
    )
