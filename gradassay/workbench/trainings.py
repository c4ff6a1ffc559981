"""Settings of trainings: those of the recipe, with the changes that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gradassay.core.estimator import Estimator
from gradassay.workbench.estimators import chosen_estimators
from gradassay.workbench.options import ProblemOptions, TrainingOptions

if TYPE_CHECKING:
    from gradassay.datasets import Dataset
    from gradassay.training import Recipe, TrainingSettings
    from gradassay.workbench.workbench import Workbench


class Prepared(NamedTuple):
    """A bench, the estimators that train on it, and how each does."""

    bench: Workbench
    estimators: dict[str, Estimator]
    settings: dict[str, TrainingSettings]


def prepare_trainings(
    problem: ProblemOptions,
    training: TrainingOptions,
    estimators: str,
    options: Sequence[str] | None,
    *,
    whole: Dataset | None = None,
    recipe: Recipe | None = None,
) -> Prepared:
    """Return what trains; fails before any work where something is impossible.

    Parameters
    ----------
    problem, training
        Data, network, machine; changes to the recipe.
    estimators, options
        As `gradassay.workbench.estimators.chosen_estimators` takes names and settings.
    whole, recipe
        As in `gradassay.workbench.workbench.Workbench.prepare`.
    """
    from gradassay.workbench.workbench import Workbench

    bench = Workbench.prepare(problem, training, whole=whole, recipe=recipe)
    chosen = chosen_estimators([estimators], options, bench.recipe.options_for)
    return Prepared(bench, chosen, training_settings(bench, chosen, training))


def training_settings(
    bench: Workbench, estimators: Mapping[str, Estimator], training: TrainingOptions
) -> dict[str, TrainingSettings]:
    """Return the settings of every estimator; fails before any work where one is impossible."""
    from gradassay.training import require_trainable
    from gradassay.training.augmentation import require_images

    settings = {name: _changed(bench, name, training) for name in estimators}
    for name, estimator in estimators.items():
        require_images(settings[name], bench.data.shape)
        require_trainable(estimator, bench.backend, bench.network, settings[name])
    return settings


def without_own_rate(estimators: Iterable[str], training: TrainingOptions) -> list[str]:
    """Return the names whose learning rate nobody chose: not the zoo's, and none was given."""
    from gradassay.estimators import zoo_names
    from gradassay.estimators.registry import parse_sum

    if training.learning_rate is not None:
        return []
    return [
        name for name in estimators if not all(part in zoo_names() for _, part in parse_sum(name))
    ]


def _changed(bench: Workbench, estimator: str, training: TrainingOptions) -> TrainingSettings:
    """Return the recipe's settings for one estimator, with the changes."""
    from gradassay.training import TrainingSettings

    given = vars(training) | {"batch_size": training.train_batch_size}
    changes = {
        name: given[name]
        for name in TrainingSettings.__struct_fields__
        if given.get(name) is not None
    }
    return bench.recipe.settings_for(estimator, bench.options.seed).replace(**changes)
