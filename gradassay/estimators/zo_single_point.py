"""Single-point zeroth order: noise times loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.claims import (
    BiasOrder,
    Claim,
    Estimand,
    Learns,
    Passes,
    UnbiasedFor,
    VarianceLaw,
)
from gradassay.core.errors import ConfigurationError, is_real
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.network import Network
from gradassay.core.noise import Law, NoiseModel
from gradassay.core.trace import Trace
from gradassay.estimators.descent import Descent
from gradassay.estimators.momentum import gathered
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.temporal import EXACT, Traces, with_online


@dataclass(frozen=True)
class ZOSinglePoint(SignalEstimator):
    """One noisy pass; the signal at a layer is its noise times the loss over the noise's scale.

    With the loss of the step, ``g_l[t] = z_l[t] L[t] / alpha``; with the loss of the sequence,
    ``g_l[t] = z_l[t] L / alpha``. Noise and loss are each sample's own.

    Parameters
    ----------
    alpha : float
        Noise scale, positive.
    law : str
        Law of z, as `NoiseModel` has them.
    traces : {"clean", "received"}
        Whether weight gradients take the activity without the noise of this pass, or with it.
    baseline : float or None
        Subtract a running mean of the loss with this memory in [0, 1), over batches; None: nothing
        is subtracted.

    Notes
    -----
    Estimand: Gaussian, the gradient of the loss smoothed over the noise of all layers; sphere, over
    the ball of that radius; Rademacher, the expected central difference
    ``E (L(z_i = 1) - L(z_i = -1)) / (2 alpha)`` over the other signs. In each case with psi at the
    noisy membrane potential. A baseline is independent of the noise, so it changes the variance
    only. Variance: on a linear loss ``(d + k4 - 2) |g|^2 + d c^2 / alpha^2``, c the unperturbed
    loss. Passes: one forward, none backward. State: the baseline, where there is one.

    References
    ----------
    Xiao et al., arXiv 2407.12516, section 3 (single-point zeroth order in node space).
    """

    alpha: float = 0.2
    law: Law = "gaussian"
    traces: Traces = "clean"
    baseline: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        NoiseModel(self.alpha, self.law)
        memory = self.baseline
        if memory is not None and not (is_real(memory) and 0 <= memory < 1):
            raise ConfigurationError(
                f"zo_single_point baseline: got {memory!r}; expected a number in [0, 1), or None."
            )

    @property
    def name(self) -> str:
        """``zo_single_point``."""
        return "zo_single_point"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Unbiased for the estimand of its noise law; one pass; online; how a baseline learns."""
        law = VarianceLaw("single_point_variance", "(d + k4 - 2) |g|^2 + d c^2 / alpha^2")
        options = f"{self.temporal} rule, {self.traces} activity"
        means = zeroth_order_claims(self.law, options, EXACT[self.temporal], "noisy")
        learns = () if self.baseline is None else (Learns("mean_loss", momentum=self.baseline),)
        claims = (*means, law, *learns, Passes(1, 0))
        return with_online(claims, self.temporal)

    @property
    def noise(self) -> NoiseModel:
        """Independent at each step."""
        return NoiseModel(self.alpha, self.law)

    @property
    def presynaptic_traces(self) -> Traces:
        """As chosen."""
        return self.traces

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        """Numbers: the running mean of the loss and how many updates it has seen."""
        return {} if self.baseline is None else {"baseline": (), "updates": ()}

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Return a baseline of 0."""
        zero = np.zeros(())
        return {name: backend.asarray(zero) for name in self.state_shapes(network)}

    def contribution(self, state: State, observed: Pass) -> State:
        """Return the mean loss, of a step or of the sequence."""
        if self.baseline is None:
            return {}
        network, losses = observed.network, observed.trace.losses
        steps = network.steps if network.loss.over == "step" else 1
        xp = array_namespace(losses)
        rows = xp.reshape(xp.sum(losses, axis=0), (observed.replicates, -1))
        mean = xp.mean(rows, axis=-1) / steps
        return {"baseline": mean if observed.replicates > 1 else mean[0, ...]}

    def absorb(self, state: State, contribution: State) -> State:
        """Return the running mean after one more batch."""
        if self.baseline is None:
            return state
        new = contribution["baseline"]
        mean = self.baseline * state["baseline"] + (1 - self.baseline) * new
        return {"baseline": mean, "updates": state["updates"] + 1 + 0 * new}

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        """Return ``g_l[t] = z_l[t] (L - baseline) / alpha``, L of the step or of the sequence."""
        noise, scale = observed.drawn(layer.name)
        losses = losses_seen(observed, observed.trace)
        if self.baseline is not None:
            losses = losses - _subtracted(state, observed, self.baseline)
        return noise * (losses[..., None] / scale)


def losses_seen(observed: Pass, trace: Trace) -> Array:
    """Return the losses that noise at each step is multiplied with, (t or 1, R*B)."""
    if observed.network.loss.over == "step":
        return trace.losses
    return array_namespace(trace.losses).sum(trace.losses, axis=0, keepdims=True)


def _subtracted(state: State, observed: Pass, memory: float) -> Array:
    """Return each row's baseline, corrected for its start at 0; 0 before the first update."""
    xp = array_namespace(state["baseline"])
    corrected = state["baseline"] / gathered(state["updates"], memory)
    samples = observed.trace.losses.shape[1] // observed.replicates
    if corrected.ndim == 0:
        return corrected
    return xp.reshape(xp.broadcast_to(corrected[:, None], (len(corrected), samples)), (-1,))


def zeroth_order_claims(
    law: Law, options: str, exact: str, at: Literal["noisy", "first", "clean"]
) -> tuple[Claim, ...]:
    """Return what the mean of noise times loss is, and how far it is from the exact gradient."""
    name = "expected_central_difference" if law == "rademacher" else "smoothed_loss"
    estimand = Estimand(name, f"{law} noise, {options}", at)
    return (UnbiasedFor(estimand), BiasOrder(Estimand(exact, "smooth neurons"), 2))
