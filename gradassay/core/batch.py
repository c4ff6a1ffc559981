"""A batch of samples: inputs and targets."""

from __future__ import annotations

from dataclasses import dataclass, field

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.errors import ConfigurationError, DataError
from gradassay.core.network import Network


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of B samples.

    Parameters
    ----------
    inputs : array, floating
        ``(B, n)`` when static, the same input current at every step; ``(T, B, n)`` for a sequence.
    targets : array of int, shape (B,)
        Class of each sample.
    folds : int
        R different mini-batches folded into the batch axis, one for each replicate; 1 for a plain
        batch, which all replicates share.

    Attributes
    ----------
    plain : Batch or None
        The plain batch that all R are copies of, where `tiled` made them.
    """

    inputs: Array
    targets: Array
    folds: int = 1
    plain: Batch | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def static(self) -> bool:
        """Whether the input is the same at every step."""
        return len(self.inputs.shape) == 2

    @property
    def size(self) -> int:
        """B, the number of samples of one replicate."""
        return int(self.targets.shape[0]) // self.folds

    def tiled(self, replicates: int) -> Batch:
        """Return the batch of R replicates, replicate-major: itself if it is folded already.

        Raises
        ------
        ConfigurationError
            If it is folded for another number of replicates.
        """
        if self.folds == replicates:
            return self
        if self.folds != 1:
            raise ConfigurationError(
                f"replicates: got {replicates} with a batch of {self.folds} folds; expected the"
                " same number, or a plain batch."
            )
        xp = array_namespace(self.inputs)
        axis = 0 if self.static else 1
        copies = Batch(
            xp.concat([self.inputs] * replicates, axis=axis),
            xp.concat([self.targets] * replicates),
            replicates,
        )
        object.__setattr__(copies, "plain", self)
        return copies


def require_batch(network: Network, batch: Batch) -> None:
    """Check shapes, dtypes and finiteness of a batch against a network.

    Raises
    ------
    DataError
        Says which array does not fit, and what was expected.
    """
    inputs, targets = batch.inputs, batch.targets
    xp = array_namespace(inputs)
    shape, features = tuple(inputs.shape), network.inputs
    if len(shape) not in (2, 3) or shape[-1] != features:
        raise DataError(
            f"inputs: got shape {shape}; expected (B, {features}) or (T, B, {features})."
        )
    if len(shape) == 3 and shape[0] != network.steps:
        raise DataError(f"inputs: got {shape[0]} steps; expected T = {network.steps}.")
    if not xp.isdtype(inputs.dtype, "real floating"):
        raise DataError(f"inputs: got dtype {inputs.dtype}; expected a floating dtype.")
    if not bool(xp.all(xp.isfinite(inputs))):
        raise DataError("inputs: has entries that are not finite; remove them or repair the data.")
    if tuple(targets.shape) != (shape[-2],) or shape[-2] == 0:
        raise DataError(
            f"targets: got shape {tuple(targets.shape)}; expected ({shape[-2]},), B >= 1."
        )
    if not xp.isdtype(targets.dtype, "integral"):
        raise DataError(f"targets: got dtype {targets.dtype}; expected an integer dtype.")
    if bool(xp.any(targets < 0)) or bool(xp.any(targets >= network.classes)):
        raise DataError(
            f"targets: got classes {int(xp.min(targets))} to {int(xp.max(targets))};"
            f" expected 0 to {network.classes - 1}."
        )


def block_steps(network: Network, batch: Batch, steps: int | None) -> int:
    """Return the length of a block of steps, checked; None stands for all T.

    Raises
    ------
    ConfigurationError
        If it is not in 1..T, or shorter than T with a loss of the sequence.
    DataError
        If the batch is a sequence of another length.
    """
    length = network.steps if steps is None else steps
    if not 1 <= length <= network.steps:
        raise ConfigurationError(f"steps: got {steps!r}; expected 1 to T = {network.steps}.")
    if network.loss.over == "sequence" and length < network.steps:
        raise ConfigurationError(
            f"steps: got a block of {length} with a loss of the sequence; expected the whole"
            f" sequence, T = {network.steps}. Run it in one block, or use the loss of the step."
        )
    if not batch.static and batch.inputs.shape[0] != length:
        raise DataError(
            f"inputs: got {batch.inputs.shape[0]} steps; expected the block's {length}."
            " Give the inputs of this block, and its length as `steps`."
        )
    return length
