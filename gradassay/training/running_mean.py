"""How far a run is: means over the samples of the epoch so far."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class BatchReport:
    """Where a run stands after one batch.

    Parameters
    ----------
    epoch : int
        Counted from 1.
    iteration, iterations : int
        Batches trained on so far, and all of the run.
    loss, accuracy : float
        Means over the training samples of this epoch so far.
    """

    epoch: int
    iteration: int
    iterations: int
    loss: float
    accuracy: float


@dataclass
class RunningMean:
    """Mean loss and accuracy over the samples seen; NaN before the first."""

    samples: int = 0
    total_loss: float = 0.0
    correct: int = 0

    def add(self, loss: float, correct: int, samples: int) -> None:
        """Add a batch: its mean loss, how many of its samples were right, how many it has."""
        self.total_loss += loss * samples
        self.correct += correct
        self.samples += samples

    @property
    def loss(self) -> float:
        """Mean loss."""
        return self.total_loss / self.samples if self.samples else math.nan

    @property
    def accuracy(self) -> float:
        """Fraction of samples that were right."""
        return self.correct / self.samples if self.samples else math.nan
