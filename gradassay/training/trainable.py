"""What `train` would refuse, found before any training."""

from __future__ import annotations

from gradassay.core.backend import Backend
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.estimators.online import require_online
from gradassay.training.settings import TrainingSettings


def require_trainable(
    estimator: Estimator, backend: Backend, network: Network, settings: TrainingSettings
) -> None:
    """Refuse an estimator that cannot train this network with these settings.

    Parameters
    ----------
    estimator, backend, network, settings
        As in `gradassay.training.train`.

    Raises
    ------
    ConfigurationError
        If the network does not suit the estimator; or if the weights are to be updated at each
        step and the estimator is not online, or the loss is of the sequence.
    """
    estimator.init(backend, network, Key(settings.seed) / "state")
    if settings.update == "step":
        require_online(estimator, network)
