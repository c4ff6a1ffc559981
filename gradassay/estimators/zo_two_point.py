"""Two-point zeroth order: noise times a difference of losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from gradassay.core.arrays import Array
from gradassay.core.claims import Claim, Passes, VarianceLaw
from gradassay.core.errors import unknown_name
from gradassay.core.estimator import State
from gradassay.core.layers import Spiking
from gradassay.core.noise import Law, Noise, NoiseModel
from gradassay.core.trace import Trace
from gradassay.estimators.descent import Descent
from gradassay.estimators.layerwise import Carries, Forward
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.temporal import EXACT, with_online
from gradassay.estimators.zo_single_point import losses_seen, zeroth_order_claims

Form = Literal["central", "forward"]


@dataclass(frozen=True)
class ZOTwoPoint(SignalEstimator):
    """Two passes on the same batch; the signal is noise times the difference of their losses.

    ======= ======================================== ==============================
    form    signal at layer l                        psi and traces of
    ======= ======================================== ==============================
    central ``z_l (L(z) - L(-z)) / (2 alpha)``       the pass with z
    forward ``z_l (L(z) - L(0)) / alpha``            the pass without noise
    ======= ======================================== ==============================

    L is the loss of the step, against the noise of that step, or of the sequence.

    Parameters
    ----------
    alpha : float
        Noise scale, positive.
    law : str
        Law of z.
    form : {"central", "forward"}
        Where the second pass is.

    Notes
    -----
    Estimand of the signal: that of the single-point form (a symmetric law makes the second loss
    drop out of the mean). Variance: on a linear loss ``(d + k4 - 2) |g|^2`` for both forms, free of
    the loss's offset; on a quadratic one the forward form has a term in alpha^2. Passes: two
    forward, none backward. No state.
    """

    alpha: float = 0.2
    law: Law = "gaussian"
    form: Form = "central"

    def __post_init__(self) -> None:
        super().__post_init__()
        NoiseModel(self.alpha, self.law)
        if self.form not in get_args(Form):
            raise unknown_name("zo_two_point form", self.form, get_args(Form))

    @property
    def name(self) -> str:
        """``zo_two_point``."""
        return "zo_two_point"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Unbiased for the estimand of its noise law; two passes; online."""
        law = VarianceLaw("two_point_variance", "(d + k4 - 2) |g|^2")
        at: Literal["first", "clean"] = "first" if self.form == "central" else "clean"
        options = f"{self.form}, {self.temporal} rule"
        means = zeroth_order_claims(self.law, options, EXACT[self.temporal], at)
        noisy = 2 if self.form == "central" else 1
        claims = (*means, law, Passes(2, 0, noisy=noisy))
        return with_online(claims, self.temporal)

    @property
    def noise(self) -> NoiseModel:
        """Independent at each step."""
        return NoiseModel(self.alpha, self.law)

    def run(
        self, forward: Forward, noise: Noise | None, carries: Carries
    ) -> tuple[Trace, Trace | None]:
        """Run the pass with psi and traces, then the other."""
        if noise is None:
            raise ValueError("a two-point pass needs noise")
        if self.form == "central":
            first, second = noise, noise.map(lambda z: -z)
            return forward(first, self.record, carries[0]), forward(second, set(), carries[1])
        return forward(None, self.record, carries[0]), forward(noise, set(), carries[1])

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        """Return noise times the difference of the losses, over the distance of the two points."""
        noise, scale = observed.drawn(layer.name)
        main, other = (losses_seen(observed, t) for t in (observed.trace, observed.second))
        if self.form == "central":
            return noise * ((main - other)[..., None] / (2 * scale))
        return noise * ((other - main)[..., None] / scale)
