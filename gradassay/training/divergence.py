"""What stops a run whose numbers are no longer finite."""

from __future__ import annotations

import math

from gradassay.core.arrays import array_namespace
from gradassay.core.errors import GradassayError
from gradassay.core.params import Params
from gradassay.core.records import EpochRow


class DivergenceError(GradassayError):
    """Training reached a loss or a gradient that is not finite.

    The usual cause is a learning rate too high for the estimator's variance.

    Parameters
    ----------
    message : str
        Says where, and what to do.
    epochs : tuple of EpochRow
        Rows of the epochs so far; the last one is the broken epoch's, with NaN for its numbers.
    """

    code = "divergence"

    def __init__(self, message: str, epochs: tuple[EpochRow, ...] = ()) -> None:
        super().__init__(message)
        self.epochs = epochs


def non_finite(loss: float, gradient: Params) -> str | None:
    """Return what is not finite, the loss or the gradient's layer; None where all is well.

    Notes
    -----
    The gradient is looked at because a network whose hidden weights are NaN falls silent and has a
    finite loss. One sum over each array: a sum that overflows counts as not finite.
    """
    if not math.isfinite(loss):
        return f"loss {loss}"
    for name, array in gradient.items():
        total = float(array_namespace(array).sum(array))
        if not math.isfinite(total):
            return f"gradient of {name} with sum {total}"
    return None
