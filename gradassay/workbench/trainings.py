"""Settings of trainings: those of the recipe, with the changes that are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gradassay.core.estimator import Estimator
from gradassay.workbench.options import TrainingOptions

if TYPE_CHECKING:
    from gradassay.training import TrainingSettings
    from gradassay.workbench.workbench import Workbench


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
