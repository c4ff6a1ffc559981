"""Learning rates over a run."""

from __future__ import annotations

import math

from gradassay.training.settings import TrainingSettings


def learning_rate_at(settings: TrainingSettings, iteration: int, updates_an_epoch: int) -> float:
    """Return the learning rate of one batch.

    Parameters
    ----------
    settings : TrainingSettings
        Say schedule, warm-up and epochs.
    iteration : int
        Batches before this one. After the last one the cosine is at 0.
    updates_an_epoch : int
        Batches of an epoch.

    Notes
    -----
    ``learning_rate * min(1, (iteration + 1) / warm_up) * factor``, with ``factor`` of the cosine
    ``(1 + cos(pi * iteration / iterations)) / 2``, and of the steps `step_factor` to the number of
    milestones that are past.

    Examples
    --------
    >>> settings = TrainingSettings(epochs=1, learning_rate=0.1)
    >>> [learning_rate_at(settings, k, 2) for k in (0, 1, 2)]
    [0.1, 0.05, 0.0]
    """
    done = iteration / (settings.epochs * updates_an_epoch)
    factor = 1.0
    if settings.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * done))
    elif settings.schedule == "step":
        factor = settings.step_factor ** sum(done >= each for each in settings.milestones)
    warm_up = settings.warm_up_epochs * updates_an_epoch
    rise = min(1.0, (iteration + 1) / warm_up) if warm_up else 1.0
    return settings.learning_rate * rise * factor
