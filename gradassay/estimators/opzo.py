"""Online pseudo-zeroth-order training: momentum feedback from noise times output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.claims import Claim, Estimand, MomentumFeedback, Online, Passes, UnbiasedFor
from gradassay.core.errors import ConfigurationError, is_real, unknown_name
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.network import Linear, Network
from gradassay.core.noise import Law, NoiseModel, Pairing
from gradassay.estimators.feedback import feed_back, noise_times_output
from gradassay.estimators.signal import Pass, SignalEstimator

Use = Literal["before", "after"]


@dataclass(frozen=True)
class OPZO(SignalEstimator):
    """Send the error down a running average of noise times output: ``g_l[t] = M_l e[t]``.

    One noisy pass gives the output o~ and the new term of the momentum (the paper's Eq. 6),

        Z_l = mean over samples and steps of z_l[t] o~[t]^T / alpha
        M_l <- lambda M_l + (1 - lambda) Z_l,          M_l / (1 - lambda^k) after k updates

    Parameters
    ----------
    alpha : float
        Noise scale, positive.
    momentum : float
        lambda in [0, 1).
    law : {"gaussian", "rademacher", "sphere"}
        Law of z.
    pairing : {"time", "none"}
        Antithetic noise over pairs of steps, or independent noise at each step. Pairing cancels the
        offset of the outputs; the mean then holds the Jacobian of the later step by the earlier
        activity with a minus sign, which is 0 in the last hidden layer before a readout without
        memory.
    use : {"before", "after"}
        Send the error through M as it was before this pass's update, so that e and M are
        independent, or after it. Before the first update M is 0.

    Notes
    -----
    Estimand: (average of the smoothed Jacobian over data)^T e. Bias sources: the covariance of
    Jacobian and error over data, the age of M, smoothing by alpha. Variance over M on a linear
    network: ``(1 - lambda)(1 - lambda^2k) / (1 + lambda)`` times that of ``Z e``. Passes: one
    forward, direct feedback. State: M_l, n_l x m, and the number of updates.

    References
    ----------
    Xiao, Meng, Zhang, He, Lin, arXiv 2407.12516, Eq. 6 and Algorithm 1.
    """

    alpha: float = 0.2
    momentum: float = 0.99
    law: Law = "gaussian"
    pairing: Pairing = "time"
    use: Use = "before"

    def __post_init__(self) -> None:
        NoiseModel(self.alpha, self.law, self.pairing)
        if not (is_real(self.momentum) and 0 <= self.momentum < 1):
            raise ConfigurationError(
                f"lambda (momentum): got {self.momentum!r}; expected a number in [0, 1)."
            )
        if self.use not in get_args(Use):
            raise unknown_name("opzo use", self.use, get_args(Use))

    @property
    def name(self) -> str:
        """``opzo``."""
        return "opzo"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Mean of M is the expected Jacobian; one pass; online."""
        estimand = Estimand(
            "expected_jacobian_feedback", f"{self.law} noise, {self.pairing} pairing"
        )
        feedback = MomentumFeedback(self.momentum, self.use)
        return (UnbiasedFor(estimand), feedback, Passes(1, 0), Online())

    @property
    def noise(self) -> NoiseModel:
        """On every spiking layer in the same pass."""
        return NoiseModel(self.alpha, self.law, self.pairing)

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Return M_l = 0, shape (n_l, m), and 0 updates."""
        matrices: State = {
            layer.name: backend.asarray(np.zeros((layer.units, network.classes)))
            for layer in network.spiking
        }
        return {**matrices, "updates": backend.asarray(np.zeros(()))}

    def observe(self, state: State, observed: Pass) -> tuple[State, State]:
        """Return the state to use and the state after ``M <- lambda M + (1 - lambda) Z``."""
        terms = {}
        for layer in observed.network.spiking:
            noise, scale = observed.injected(layer.name)
            terms[layer.name] = noise_times_output(
                noise, observed.trace.outputs, scale, observed.replicates
            )
        after = {
            name: self.momentum * state[name] + (1 - self.momentum) * term
            for name, term in terms.items()
        }
        # one count for each matrix, so that every array of the state has the same leading axes
        some = terms[observed.network.spiking[0].name]
        after["updates"] = state["updates"] + some[..., 0, 0] * 0 + 1
        return (state if self.use == "before" else after), after

    def top_down(
        self, state: State, observed: Pass, layer: str, above: Linear, delta: Array
    ) -> Array:
        """Return ``g_l[t] = M_l e[t] / (1 - lambda^k)``; before the first update M is 0."""
        matrix = state[layer]
        if self.momentum > 0:
            xp = array_namespace(matrix)
            # 1 - lambda^k, exact in float32 also where lambda is close to 1
            weight = -xp.expm1(xp.clip(state["updates"], min=1) * math.log(self.momentum))
            matrix = matrix / weight[..., None, None]
        return feed_back(matrix, observed.trace.errors, observed.replicates)
