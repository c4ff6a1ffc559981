"""Direct feedback alignment: fixed random feedback of the output error."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.claims import Claim, Deterministic, Estimand, Online, Passes, UnbiasedFor
from gradassay.core.errors import ConfigurationError, is_real
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.network import Linear, Network
from gradassay.core.params import key_normal
from gradassay.estimators.feedback import feed_back
from gradassay.estimators.signal import Pass, SignalEstimator


@dataclass(frozen=True)
class DFA(SignalEstimator):
    """Send the error straight to each layer: ``g_l[t] = B_l e[t]``, B_l fixed and random.

    Parameters
    ----------
    gain : float
        B_l has independent normal entries with standard deviation gain / sqrt(n_l), n_l the units
        of layer l, as readout weights of that gain have.

    Notes
    -----
    Estimand: itself. Given B there is no variance and the whole error is bias; over B the mean is
    0 and the squared cosine of ``B e`` with a fixed gradient is Beta(1/2, (n - 1)/2). Passes: one
    forward, direct feedback. State: B_l, n_l x m.

    References
    ----------
    Noekland, "Direct Feedback Alignment Provides Learning in Deep Neural Networks", 2016.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        if not (is_real(self.gain) and 0 < self.gain < math.inf):
            raise ConfigurationError(f"dfa gain: got {self.gain!r}; expected a positive number.")

    @property
    def name(self) -> str:
        """``dfa``."""
        return "dfa"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Its own estimand, online, deterministic given B."""
        return (UnbiasedFor(Estimand("fixed_feedback")), Passes(1, 0), Online(), Deterministic())

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Draw B_l of every spiking layer, shape (n_l, m), from ``key / "feedback" / layer``."""
        return {
            layer.name: backend.asarray(
                key_normal(key / "feedback" / layer.name, (layer.units, network.classes))
                * (self.gain / math.sqrt(layer.units))
            )
            for layer in network.spiking
        }

    def top_down(
        self, state: State, observed: Pass, layer: str, above: Linear, delta: Array
    ) -> Array:
        """Return ``g_l[t] = B_l e[t]``."""
        return feed_back(state[layer], observed.trace.errors, observed.replicates)
