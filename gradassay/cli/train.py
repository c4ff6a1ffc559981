"""``gradassay train``: train a network with each estimator on a full data set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradassay.cli.files import file_name
from gradassay.cli.keeping import KeepingOptions
from gradassay.cli.lines import print_line
from gradassay.cli.options import MAIN_FOUR, Estimators, Options, Settings
from gradassay.cli.publishing import manifest_of
from gradassay.cli.trainings import Trainings, tell_of_shared_rates
from gradassay.cli.watching import WatchingOptions
from gradassay.core.errors import UsageError
from gradassay.workbench.options import ModelOptions, ProblemOptions, TrainingOptions
from gradassay.workbench.trainings import prepare_trainings

if TYPE_CHECKING:
    from gradassay.training import Recipe


def train(
    *,
    model: Options[ModelOptions] = None,
    training: Options[TrainingOptions] = None,
    keeping: Options[KeepingOptions] = None,
    watching: Options[WatchingOptions] = None,
    recipe: str | None = None,
    dataset: str | None = None,
    seed: int = 0,
    estimators: Estimators | None = None,
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
    dataset
        A name from `gradassay data list`; events:NAME, events made of the images of a data set;
        folder:PATH, images in folders; npz:PATH, arrays. Where not given, that of the recipe, or
        digits.
    seed
        Seed of everything random.
    """
    model, training = model or ModelOptions(), training or TrainingOptions()
    keeping, watching = keeping or KeepingOptions(), watching or WatchingOptions()
    followed = None
    if recipe is not None:
        dataset, model, estimators, followed = following(recipe, dataset, model, estimators)
    options = model.problem(ProblemOptions.dataset if dataset is None else dataset, seed)
    folder = keeping.folder(f"results/train-{file_name(options.dataset)}")
    bench, chosen, settings = prepare_trainings(
        options, training, estimators or MAIN_FOUR, set_, recipe=followed
    )
    tell_of_shared_rates(settings, training)
    watching.require_possible(bench)
    with Trainings(keeping, folder, watching, options.device) as trainings:
        trainings.run(bench, chosen, settings)
    if not trainings.leads:
        return trainings.exit_code
    told = {"training": settings}
    manifest = manifest_of(bench, chosen, told, interval_method=watching.interval_method)
    print_line(f"report: {trainings.write(manifest)}")
    return trainings.exit_code


def following(
    recipe: str, dataset: str | None, model: ModelOptions, estimators: str | None
) -> tuple[str, ModelOptions, str, Recipe]:
    """Return data, network, estimators and settings of a recipe; those given come first.

    Raises
    ------
    UsageError
        If there is no such recipe, or it is of another data set than the given one.
    """
    from gradassay.training import named_recipe

    found = named_recipe(recipe)
    if dataset not in (None, found.dataset):
        raise UsageError(
            f"--dataset: got {dataset!r} with the recipe {recipe} of {found.dataset};"
            " expected one of the two."
        )
    network = found.network if model.network is None else model.network
    return (
        found.dataset,
        replace(model, network=network),
        found.estimator if estimators is None else estimators,
        found.recipe_for(network),
    )
