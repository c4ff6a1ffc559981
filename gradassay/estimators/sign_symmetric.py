"""Sign-symmetric feedback: the signs of the weights, one size for all."""

from __future__ import annotations

from dataclasses import dataclass

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.claims import Claim, Deterministic, Estimand, Passes, UnbiasedFor
from gradassay.core.estimator import State
from gradassay.core.layers import Affine
from gradassay.estimators.feedback import require_positive
from gradassay.estimators.passes import Pass
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.temporal import with_online


@dataclass(frozen=True)
class SignSymmetric(SpatialBP):
    """Send the error down through ``c sign(W)^T`` in place of ``W^T``.

    Parameters
    ----------
    gain : float
        ``c = gain * mean |W|`` of the layer; at 1, ``c sign(W)`` is the matrix of that form that is
        nearest to W.

    Notes
    -----
    Estimand: itself; every entry has the sign of the weight, and the cosine of W with sign(W) is
    sqrt(2 / pi) for Gaussian W. Passes: one forward, one backward. No state, deterministic.

    References
    ----------
    Liao, Leibo and Poggio, "How important is weight symmetry in backpropagation?", 2016.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("sign_symmetric", "gain", self.gain)

    @property
    def name(self) -> str:
        """``sign_symmetric``."""
        return "sign_symmetric"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Its own estimand, deterministic."""
        claims = (UnbiasedFor(Estimand("sign_of_weights")), Passes(1, 1), Deterministic())
        return with_online(claims, self.temporal)

    def weight_down(self, state: State, observed: Pass, layer: Affine) -> Array:
        """Return ``c sign(W)``."""
        weight = super().weight_down(state, observed, layer)
        xp = array_namespace(weight)
        return xp.sign(weight) * (self.gain * xp.mean(xp.abs(weight)))
