"""Options that the commands that train have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cyclopts import Parameter

from gradassay.cli.options import ProblemOptions, prepare_out
from gradassay.core.errors import UsageError
from gradassay.core.estimator import Estimator

if TYPE_CHECKING:
    from gradassay.cli.workbench import Workbench
    from gradassay.datasets import Dataset
    from gradassay.training import Recipe, RunFolder, TrainingSettings


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
    second_momentum
        Of AdamW's second moment.
    weight_decay
        Times the parameters.
    largest_norm
        Scale longer gradients down to this norm.
    schedule
        Of the learning rate.
    milestones
        Fractions of the run at which a schedule of steps lowers the learning rate.
    step_factor
        How much it does.
    warm_up_epochs
        Let the learning rate rise for so long.
    mse_weight
        Of the mean squared error in the loss, beside cross-entropy.
    update
        Update the weights once a sequence, or at each time step: for estimators that are online.
    crop
        Crop each training image out of itself with so many pixels of zeros around it.
    flip
        Flip half of the training images left to right.
    cutout
        Side of the square that is set to 0 in each training image.
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
    second_momentum: float | None = None
    weight_decay: float | None = None
    largest_norm: float | None = None
    schedule: Literal["cosine", "step", "constant"] | None = None
    milestones: tuple[float, ...] | None = None
    step_factor: float | None = None
    warm_up_epochs: float | None = None
    mse_weight: float | None = None
    update: Literal["sequence", "step"] | None = None
    crop: int | None = None
    flip: bool | None = None
    cutout: int | None = None
    train_samples: int | None = None
    gain: float | None = None

    def workbench(
        self,
        options: ProblemOptions,
        whole: Dataset | None = None,
        recipe: Recipe | None = None,
    ) -> Workbench:
        """Return the workbench of these data, which may be loaded already, and this start.

        The recipe is that of the data set where none is given.
        """
        from gradassay.cli.workbench import Workbench

        return Workbench.prepare(
            options,
            train_samples=self.train_samples,
            gain=self.gain,
            mse_weight=self.mse_weight,
            whole=whole,
            recipe=recipe,
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
    tensorboard
        Folder for TensorBoard, one run in it for each training.
    """

    out: Path | None = None
    overwrite: bool = False
    resume: bool = False
    checkpoint_every: float = 60.0
    tensorboard: Path | None = None

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
    from gradassay.training.augmentation import require_images

    settings = {name: training.settings(bench, name) for name in estimators}
    for name, estimator in estimators.items():
        require_images(settings[name], bench.data.shape)
        require_trainable(estimator, bench.backend, bench.network, settings[name])
    return settings
