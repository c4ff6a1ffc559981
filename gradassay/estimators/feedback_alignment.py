"""Feedback alignment: fixed random weights in place of the transposed ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.claims import Claim, Deterministic, Estimand, Learns, Passes, UnbiasedFor
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.layers import Affine
from gradassay.core.network import INPUT, Network
from gradassay.core.params import key_normal
from gradassay.estimators.feedback import require_positive
from gradassay.estimators.passes import Pass
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.temporal import with_online


@dataclass(frozen=True)
class FeedbackAlignment(SpatialBP):
    """Send the error down layer by layer: ``g_l[t] = B_{l+1}^T delta_{l+1}[t]``, B fixed, random.

    Parameters
    ----------
    gain : float
        B has the shape of the weight W that it stands for, with independent normal entries of
        standard deviation gain / sqrt(fan-in).

    Notes
    -----
    Estimand: itself. Given B there is no variance; forward weights tend to align with B as they
    learn. Passes: one forward, one backward. State: B of every dense layer or convolution that is
    fed by neurons.

    References
    ----------
    Lillicrap et al., "Random synaptic feedback weights support error backpropagation for deep
    learning", 2016.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("feedback_alignment", "gain", self.gain)

    @property
    def name(self) -> str:
        """``feedback_alignment``."""
        return "feedback_alignment"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Its own estimand, deterministic given B, which stays as it is."""
        estimand = Estimand("fixed_weights")
        claims = (UnbiasedFor(estimand), Learns("nothing"), Passes(1, 1), Deterministic())
        return with_online(claims, self.temporal)

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        """Shape of B by the name of the layer that it stands for."""
        return {
            layer.name: layer.weight_shape
            for layer in network.weighted
            if isinstance(layer, Affine) and network.sources(layer) != (INPUT,)
        }

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Draw B, each from ``key / "feedback" / layer``."""
        return {
            name: backend.asarray(
                key_normal(key / "feedback" / name, shape)
                * (self.gain / math.sqrt(math.prod(shape[1:])))
            )
            for name, shape in self.state_shapes(network).items()
        }

    def weight_down(self, state: State, observed: Pass, layer: Affine) -> Array:
        """Return B."""
        return state[layer.name]
