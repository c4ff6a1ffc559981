"""Data, network, machine and training, as they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gradassay.core.errors import UsageError


@dataclass(frozen=True)
class ModelOptions:
    """Network and machine.

    Parameters
    ----------
    network
        fc-N-N..., the sizes of the hidden layers; a plan of convolutions and pools such as
        32C3-AP2-64C3-AP2-FC; conv5, conv9, resnet18 or resnet34. Where not given, that of the data
        set's recipe.
    steps
        T, time steps of a forward pass; where not given, that of the recipe.
    data_dir
        Folder with the data set's files; otherwise $GRADASSAY_DATA, the cache folder, the Debian
        package's folder, and at last a download.
    standardise
        Scale each channel so that it has mean 0 and variance 1 over the training part; where not
        given, as the recipe says.
    frames_by
        Of events: steps of equal time, or of equal count of events.
    window_ms
        Of events: milliseconds of a recording that are used, from its first event on; where not
        given, all.
    downsample
        Of events: side of the squares of pixels that are added up; where not given, as the recipe
        says.
    backend
        torch, numpy (the slow reference), or module:attribute.
    device
        cpu, or a device of the backend such as cuda.
    """

    network: str | None = None
    steps: int | None = None
    data_dir: Path | None = None
    standardise: bool | None = None
    frames_by: Literal["time", "count"] = "time"
    window_ms: float | None = None
    downsample: int | None = None
    backend: str = "torch"
    device: str = "cpu"

    def problem(self, dataset: str, seed: int) -> ProblemOptions:
        """Return the options of one data set and seed."""
        return ProblemOptions(**vars(self), dataset=dataset, seed=seed)


@dataclass(frozen=True)
class ProblemOptions(ModelOptions):
    """Data, network and machine.

    Parameters
    ----------
    dataset
        A name from `gradassay data list`; events:NAME, events made of the images of a data set;
        folder:PATH, images in folders; npz:PATH, arrays.
    seed
        Seed of everything random.
    """

    dataset: str = "digits"
    seed: int = 0


@dataclass(frozen=True)
class StartOptions:
    """What trainings start from; what is not given is the recipe's.

    Parameters
    ----------
    train_samples
        Use that many of the training samples, drawn by the seed.
    gain
        Factor on the initial weights.
    mse_weight
        Of the mean squared error in the loss, beside cross-entropy.
    """

    train_samples: int | None = None
    gain: float | None = None
    mse_weight: float | None = None


@dataclass(frozen=True)
class TrainingOptions(StartOptions):
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
    update
        Update the weights once a sequence, or at each time step: for estimators that are online.
    crop
        Crop each training image out of itself with so many pixels of zeros around it.
    flip
        Flip half of the training images left to right.
    cutout
        Side of the square that is set to 0 in each training image.
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
    update: Literal["sequence", "step"] | None = None
    crop: int | None = None
    flip: bool | None = None
    cutout: int | None = None


def require_seed(seed: int) -> None:
    """Refuse a seed that does not fit into the tables of results.

    Raises
    ------
    UsageError
        If it is no integer of 64 bits.
    """
    if not -(2**63) <= seed < 2**63:
        raise UsageError(
            f"--seed: got {seed}; expected a whole number of 64 bits, at most 2**63 - 1."
        )
