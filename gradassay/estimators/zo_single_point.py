"""Single-point zeroth order: noise times loss."""

from __future__ import annotations

from dataclasses import dataclass

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.claims import Claim, Estimand, Online, Passes, UnbiasedFor
from gradassay.core.estimator import State
from gradassay.core.network import Linear
from gradassay.core.noise import Law, NoiseModel
from gradassay.estimators.signal import Pass, SignalEstimator


@dataclass(frozen=True)
class ZOSinglePoint(SignalEstimator):
    """One noisy pass; the signal at a layer is its noise times the loss over the noise's scale.

    With the loss of the step, ``g_l[t] = z_l[t] L[t] / alpha``; with the loss of the sequence,
    ``g_l[t] = z_l[t] L / alpha``. Noise and loss are each sample's own.

    Parameters
    ----------
    alpha : float
        Noise scale, positive.
    law : {"gaussian", "rademacher", "sphere"}
        Law of z.

    Notes
    -----
    Estimand: Gaussian, the gradient of the loss smoothed over the noise of all layers; Rademacher,
    the expected central difference ``E (L(z_i = 1) - L(z_i = -1)) / (2 alpha)`` over the other
    signs. Either way with psi at the noisy membrane potential. Variance: on a linear loss
    ``(d + k4 - 2) |g|^2 + d c^2 / alpha^2``, c the unperturbed loss. Passes: one forward, none
    backward. No state.

    References
    ----------
    Xiao et al., arXiv 2407.12516, section 3 (single-point zeroth order in node space).
    """

    alpha: float = 0.2
    law: Law = "gaussian"

    def __post_init__(self) -> None:
        NoiseModel(self.alpha, self.law)

    @property
    def name(self) -> str:
        """``zo_single_point``."""
        return "zo_single_point"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Unbiased for the estimand of its noise law; one pass; online."""
        name = "smoothed_loss"
        if self.law == "rademacher":
            name = "expected_central_difference"
        return (UnbiasedFor(Estimand(name, f"{self.law} noise")), Passes(1, 0), Online())

    @property
    def noise(self) -> NoiseModel:
        """Independent at each step."""
        return NoiseModel(self.alpha, self.law)

    def top_down(
        self, state: State, observed: Pass, layer: str, above: Linear, delta: Array
    ) -> Array:
        """Return ``g_l[t] = z_l[t] L / alpha`` with L of the step or of the sequence."""
        noise, scale = observed.injected(layer)
        losses = observed.trace.losses
        if observed.network.loss.over == "sequence":
            losses = array_namespace(losses).sum(losses, axis=0, keepdims=True)
        return noise * (losses[..., None] / scale)
