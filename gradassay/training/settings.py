"""Settings of a training run."""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal, get_args

import msgspec

from gradassay.core.errors import ConfigurationError, unknown_name

Schedule = Literal["cosine", "step", "constant"]
OptimiserName = Literal["sgd", "adamw"]
Update = Literal["sequence", "step"]


class TrainingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long, how fast and from which seed to train; the same for every estimator.

    Parameters
    ----------
    epochs : int
        Passes over the training data, at least 1.
    batch_size : int
        Samples of one batch, at least 1; the last batch of an epoch holds what is left.
    optimiser : {"sgd", "adamw"}
        Stochastic gradient descent with momentum, or AdamW.
    learning_rate : float
        Learning rate at its highest, positive.
    momentum : float
        Of the heavy ball, or of AdamW's first moment; in [0, 1).
    second_momentum : float
        Of AdamW's second moment, in [0, 1).
    weight_decay : float
        At least 0. SGD adds ``weight_decay * p`` to the gradient, AdamW shrinks p apart from it.
    largest_norm : float
        Gradients whose Euclidean norm, over all parameters, is larger are scaled down to it;
        infinity for none.
    schedule : {"cosine", "step", "constant"}
        ``"cosine"``: half a cosine from `learning_rate` to 0 over all batches. ``"step"``: times
        `step_factor` at each of the `milestones`.
    milestones : tuple of float
        Fractions of the run, in (0, 1), rising.
    step_factor : float
        In (0, 1).
    warm_up_epochs : float
        The learning rate rises in proportion to the updates for so long, at least 0.
    update : {"sequence", "step"}
        Update the weights once a sequence, or at each time step with the gradient of that step's
        loss, all steps of a sequence at the same learning rate. The latter is for estimators that
        are online, and for a loss of the step.
    crop : int
        Crop each training image out of itself with so many pixels of zeros around it; 0 for none.
    flip : bool
        Flip half of the training images left to right.
    cutout : int
        Side of the square that is set to 0 somewhere in each training image; 0 for none.
    seed : int
        Seed of the order of the data, of the noise and of feedback that is drawn once.

    Raises
    ------
    ConfigurationError
        If a value is impossible.
    UsageError
        If the schedule or the kind of update does not exist.

    Examples
    --------
    >>> TrainingSettings(epochs=0)
    Traceback (most recent call last):
        ...
    gradassay.core.errors.ConfigurationError: epochs: got 0; expected an integer of at least 1.
    """

    epochs: int = 3
    batch_size: int = 128
    optimiser: OptimiserName = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    second_momentum: float = 0.999
    weight_decay: float = 0.0
    largest_norm: float = math.inf
    schedule: Schedule = "cosine"
    milestones: tuple[float, ...] = (0.5, 0.75)
    step_factor: float = 0.1
    warm_up_epochs: float = 0.0
    update: Update = "sequence"
    crop: int = 0
    flip: bool = False
    cutout: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        _require_integer("epochs", self.epochs, 1)
        _require_integer("batch_size", self.batch_size, 1)
        _require_number("learning_rate", self.learning_rate, "a positive number", low=5e-324)
        _require_number("momentum", self.momentum, "a number in [0, 1)", high=1.0)
        _require_number("second_momentum", self.second_momentum, "a number in [0, 1)", high=1.0)
        _require_number("weight_decay", self.weight_decay, "a number of at least 0")
        if self.largest_norm != math.inf:
            _require_number("largest_norm", self.largest_norm, "a positive number", low=5e-324)
        for name, value in (("optimiser", self.optimiser), ("schedule", self.schedule)):
            valid = get_args(OptimiserName if name == "optimiser" else Schedule)
            if value not in valid:
                raise unknown_name(name, value, valid)
        rising = [0.0, *self.milestones, 1.0]
        if not all(before < after for before, after in itertools.pairwise(rising)):
            raise ConfigurationError(
                f"milestones: got {self.milestones!r}; expected rising fractions of the run in"
                " (0, 1)."
            )
        _require_number("step_factor", self.step_factor, "a number in (0, 1)", low=5e-324, high=1.0)
        _require_number("warm_up_epochs", self.warm_up_epochs, "a number of at least 0")
        if self.update not in get_args(Update):
            raise unknown_name("update", self.update, get_args(Update))
        _require_integer("crop", self.crop, 0)
        _require_integer("cutout", self.cutout, 0)
        if self.flip not in (True, False):
            raise ConfigurationError(f"flip: got {self.flip!r}; expected true or false.")
        _require_integer("seed", self.seed, None)

    def replace(self, **changes: Any) -> TrainingSettings:
        """Return a copy with fields changed."""
        return msgspec.structs.replace(self, **changes)


def _require_integer(name: str, got: object, low: int | None) -> None:
    """Refuse what is not an integer (a bool is none) or is below the least one."""
    whole = isinstance(got, int) and not isinstance(got, bool)
    if not whole or (low is not None and got < low):  # type: ignore[operator]
        expected = "an integer" if low is None else f"an integer of at least {low}"
        raise ConfigurationError(f"{name}: got {got!r}; expected {expected}.")


def _require_number(
    name: str, got: object, expected: str, *, low: float = 0.0, high: float = math.inf
) -> None:
    """Refuse what is not a number in [low, high)."""
    if isinstance(got, bool) or not isinstance(got, int | float) or not low <= got < high:
        raise ConfigurationError(f"{name}: got {got!r}; expected {expected}.")
