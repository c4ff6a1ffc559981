"""Direct feedback alignment: fixed random feedback of the output error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.claims import Claim, Deterministic, Estimand, Learns, Passes, UnbiasedFor
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.network import Network
from gradassay.estimators.descent import Descent
from gradassay.estimators.feedback import (
    direct_shapes,
    feed_back,
    given_feedback,
    random_feedback,
    require_positive,
)
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.temporal import with_online


@dataclass(frozen=True)
class DFA(SignalEstimator):
    """Send the error straight to each layer: ``g_l[t] = B_l e[t]``, B_l fixed and random.

    Parameters
    ----------
    gain : float
        B_l has independent normal entries with standard deviation gain / sqrt(n_l), n_l the units
        of layer l, as readout weights of that gain have.
    feedback : mapping from spiking layer's name to array, shape (n_l, m), or None
        B_l itself, in place of a draw.

    Notes
    -----
    Estimand: itself. Given B there is no variance and the whole error is bias; over B the mean is
    0, ``E |B e|^2 = gain^2 |e|^2``, and the squared cosine of ``B e`` with a fixed gradient is
    Beta(1/2, (n - 1)/2). Passes: one forward, direct feedback. State: B_l, n_l x m.

    References
    ----------
    Noekland, "Direct Feedback Alignment Provides Learning in Deep Neural Networks", 2016.
    """

    gain: float = 1.0
    feedback: Mapping[str, Array] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("dfa", "gain", self.gain)

    @property
    def name(self) -> str:
        """``dfa``."""
        return "dfa"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Its own estimand, deterministic given B, which stays as it is."""
        estimand = Estimand("fixed_feedback")
        claims = (UnbiasedFor(estimand), Learns("nothing"), Passes(1, 0), Deterministic())
        return with_online(claims, self.temporal)

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        """Shape (n_l, m) of every hidden spiking layer."""
        return direct_shapes(network)

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Draw B_l of every spiking layer from ``key / "feedback" / layer``, or take those given.

        Raises
        ------
        DataError
            If given matrices do not fit the network.
        """
        shapes = direct_shapes(network)
        if self.feedback is not None:
            return given_feedback(backend, shapes, self.feedback, self.name)
        return random_feedback(backend, shapes, key, self.gain)

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        """Return ``g_l[t] = B_l e[t]``."""
        return feed_back(state[layer.name], observed.trace.errors, observed.replicates)
