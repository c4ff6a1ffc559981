"""Two-point pseudo-zeroth order: noise times the change of the output, applied to the error."""

from __future__ import annotations

from dataclasses import dataclass

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.claims import (
    BiasOrder,
    Claim,
    Estimand,
    Passes,
    UnbiasedFor,
    VarianceLaw,
)
from gradassay.core.estimator import State
from gradassay.core.layers import Spiking
from gradassay.core.noise import Law, Noise, NoiseModel
from gradassay.core.trace import Trace
from gradassay.estimators.descent import Descent
from gradassay.estimators.layerwise import Carries, Forward
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.temporal import EXACT, with_online


@dataclass(frozen=True)
class PZOTwoPoint(SignalEstimator):
    """A clean and a noisy pass: ``g_l[t] = z_l[t] (o~[t] - o[t])^T e[t] / alpha``.

    The loss is split from the model: the error e is that of the clean pass, exact, and only the
    model's transposed Jacobian is estimated, by ``z (o~ - o)^T / alpha``.

    Parameters
    ----------
    alpha : float
        Noise scale, positive.
    law : str
        Law of z.

    Notes
    -----
    Estimand: the transposed Jacobian of the smoothed output at the same step (Rademacher: expected
    central difference of the output), times e; psi and traces of the clean pass. Variance: on a
    linear network ``(d + k4 - 2) |J^T e|^2``. Passes: two forward, none backward. No state.

    References
    ----------
    Xiao et al., arXiv 2407.12516, section 4 (pseudo-zeroth order).
    """

    alpha: float = 0.2
    law: Law = "gaussian"

    def __post_init__(self) -> None:
        super().__post_init__()
        NoiseModel(self.alpha, self.law)

    @property
    def name(self) -> str:
        """``pzo_two_point``."""
        return "pzo_two_point"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Unbiased for the smoothed Jacobian; two passes; online."""
        options = f"{self.law} noise, {self.temporal} rule"
        estimand = Estimand("smoothed_jacobian", options, "clean")
        claims = (
            UnbiasedFor(estimand),
            BiasOrder(Estimand(EXACT[self.temporal], "smooth neurons"), 2),
            VarianceLaw("two_point_variance", "(d + k4 - 2) |J^T e|^2"),
            Passes(2, 0, noisy=1),
        )
        return with_online(claims, self.temporal)

    @property
    def noise(self) -> NoiseModel:
        """Independent at each step."""
        return NoiseModel(self.alpha, self.law)

    def run(
        self, forward: Forward, noise: Noise | None, carries: Carries
    ) -> tuple[Trace, Trace | None]:
        """Run the clean pass, then the noisy one."""
        return forward(None, self.record, carries[0]), forward(noise, set(), carries[1])

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        """Return ``z_l[t] (o~[t] - o[t])^T e[t] / alpha``."""
        noise, scale = observed.drawn(layer.name)
        changed = observed.second.outputs - observed.trace.outputs
        xp = array_namespace(changed)
        return noise * (xp.sum(changed * observed.trace.errors, axis=-1, keepdims=True) / scale)
