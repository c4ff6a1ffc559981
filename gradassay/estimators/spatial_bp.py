"""Spatial backpropagation: the exact online surrogate gradient."""

from __future__ import annotations

from dataclasses import dataclass

from gradassay.core.arrays import Array
from gradassay.core.claims import Claim, Deterministic, Estimand, Online, Passes, UnbiasedFor
from gradassay.core.estimator import State
from gradassay.core.network import Linear
from gradassay.estimators.signal import Pass, SignalEstimator


@dataclass(frozen=True)
class SpatialBP(SignalEstimator):
    """Send the error down layer by layer at each step: ``g_l[t] = W_{l+1}^T delta_{l+1}[t]``.

    Notes
    -----
    Estimand: the online surrogate gradient, which it is exactly; the leak and reset paths of the
    error across time are cut. With one hidden layer, soft reset, a readout without memory and the
    gradient through the reset cut, that is the full gradient through time. Passes: one forward, one
    backward. No state, no noise, deterministic.

    References
    ----------
    Xiao et al., "Online Training Through Time for Spiking Neural Networks" (OTTT), 2022.
    """

    @property
    def name(self) -> str:
        """``spatial_bp``."""
        return "spatial_bp"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Exact, online, deterministic."""
        return (UnbiasedFor(Estimand("online_bp")), Passes(1, 1), Online(), Deterministic())

    def top_down(
        self, state: State, observed: Pass, layer: str, above: Linear, delta: Array
    ) -> Array:
        """Return ``g_l[t] = W_{l+1}^T delta_{l+1}[t]``."""
        return observed.backend.input_gradient(above, observed.params, delta)
