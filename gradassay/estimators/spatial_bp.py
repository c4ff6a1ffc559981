"""Spatial backpropagation: the exact online surrogate gradient."""

from __future__ import annotations

from dataclasses import dataclass

from gradassay.core.arrays import Array
from gradassay.core.claims import Claim, Deterministic, Estimand, Passes, UnbiasedFor
from gradassay.core.estimator import State
from gradassay.core.layers import Spiking
from gradassay.estimators.descent import Descent
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.temporal import EXACT, with_online


@dataclass(frozen=True)
class SpatialBP(SignalEstimator):
    """Send the error down layer by layer at each step: ``g_l[t] = W_{l+1}^T delta_{l+1}[t]``.

    Notes
    -----
    Estimand: the online surrogate gradient, which it is exactly; the leak and reset paths of the
    error across time are cut. With one hidden layer, soft reset, a readout without memory and the
    gradient through the reset cut, that is the full gradient through time. Without traces
    (``temporal="spatial"``) it is SLTT; exact in time inside each layer (``"local_bptt"``) it is
    the gradient through time. Passes: one forward, one backward. No state, no noise, deterministic.

    References
    ----------
    Xiao et al., "Online Training Through Time for Spiking Neural Networks" (OTTT), 2022. Meng et
    al., "Towards Memory- and Time-Efficient Backpropagation for Training Spiking Neural Networks"
    (SLTT), 2023.
    """

    @property
    def name(self) -> str:
        """``spatial_bp``."""
        return "spatial_bp"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Exact, deterministic; online unless exact in time."""
        estimand = Estimand(
            EXACT[self.temporal],
            "gradient through the reset cut" if self.temporal == "local_bptt" else "",
        )
        exact = (UnbiasedFor(estimand), Passes(1, 1), Deterministic())
        return with_online(exact, self.temporal)

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        """Return ``g_l[t] = W_{l+1}^T delta_{l+1}[t]``, summed over the layers that it feeds."""
        return descent.output(layer.name)
