"""How to train on a data set: network, settings and options of the estimators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradassay.estimators.registry import parse_sum
from gradassay.training.settings import TrainingSettings


@dataclass(frozen=True)
class Recipe:
    """How to train on one data set.

    Parameters
    ----------
    dataset : str
        As `gradassay.datasets` names it.
    network : str
        As `gradassay.core.builders.network_named` reads it; the neuron is the default.
    settings : TrainingSettings
        Shared by all estimators.
    steps : int
        T.
    gain : float
        Of `gradassay.core.params.initial_params`.
    mse_weight : float
        Of the mean squared error in the loss.
    options : mapping of str to mapping
        Options by estimator; one that is absent runs with its defaults.
    learning_rates : mapping of str to float
        Of the estimators that need another learning rate than the shared one.
    standardised : bool
        Scale each channel so that it has mean 0 and variance 1 over the training part.
    downsample : int
        Side of the squares of pixels whose events are added up, for event data.

    Notes
    -----
    A sum of methods has the options of all its parts; where two give the same option, the earlier
    part's value goes to both. Its learning rate is that of the first part that needs another one.

    Examples
    --------
    >>> recipe = Recipe("digits", "fc-100", TrainingSettings(), options={"opzo": {"alpha": 0.1}})
    >>> recipe.options_for("opzo+0.01*local_learning")
    {'alpha': 0.1}
    """

    dataset: str
    network: str
    settings: TrainingSettings
    steps: int = 6
    gain: float = 2.0
    mse_weight: float = 0.0
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    standardised: bool = False
    downsample: int = 1

    def settings_for(self, estimator: str, seed: int) -> TrainingSettings:
        """Return the settings of one estimator, or sum of them, and seed."""
        rates = [self.learning_rates[p] for p in _parts(estimator) if p in self.learning_rates]
        rate = rates[0] if rates else self.settings.learning_rate
        return self.settings.replace(learning_rate=rate, seed=seed)

    def options_for(self, estimator: str) -> dict[str, object]:
        """Return options of an estimator or sum, for `gradassay.estimators.make_estimator`."""
        merged: dict[str, object] = {}
        for part in reversed(_parts(estimator)):
            merged |= self.options.get(part, {})
        return merged


def _parts(estimator: str) -> list[str]:
    """Return the names of the methods in a sum."""
    return [name for _, name in parse_sum(estimator)]
