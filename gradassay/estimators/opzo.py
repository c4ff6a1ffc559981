"""Online pseudo-zeroth-order training: momentum feedback from noise times output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.claims import (
    Claim,
    Estimand,
    Learns,
    MomentumFeedback,
    Online,
    Passes,
    UnbiasedFor,
    VarianceLaw,
)
from gradassay.core.errors import ConfigurationError, unknown_name
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.network import Network
from gradassay.core.noise import Law, NoiseModel, Pairing
from gradassay.estimators.descent import Descent
from gradassay.estimators.feedback import direct_shapes, feed_back
from gradassay.estimators.momentum import (
    Start,
    absorb,
    corrected,
    initial_momentum,
    require_momentum,
)
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.temporal import Traces

Use = Literal["before", "after"]
Output = Literal["step", "sequence"]


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
    law : str
        Law of z.
    pairing : {"time", "batch", "none"}
        Antithetic noise over pairs of steps, over the two halves of the batch, or independent noise
        at each step and sample. Pairs of steps cancel the offset of the outputs; the mean then
        holds the Jacobian of the later step by the earlier activity with a minus sign, which is 0
        in the last hidden layer before a readout without memory; with an odd number of steps the
        last one keeps its offset. Halves of the batch cancel the offset as far as their outputs
        agree, without a lag.
    position : {"spike", "membrane"}
        Where the noise is injected. On the membrane potential, ``Z`` holds the derivative of the
        smoothed spike already, and psi is left out of the hidden layers' weight gradients.
    membrane_psi : bool
        Multiply with psi also where the noise is on the membrane potential, which counts the
        spike's derivative twice.
    traces : {"clean", "received"}
        Whether weight gradients take the activity without the noise of this pass, or with it.
    output : {"step", "sequence"}
        Multiply the noise of a step with that step's output, or with the sum of all steps' outputs:
        with a loss of the sequence, the full derivative in time. The latter needs a loss of the
        sequence, and noise that is not paired over time, whose pairs would cancel it.
    use : {"before", "after"}
        Send the error through M as it was before this pass's update, so that e and M are
        independent, or after it.
    start : {"zero", "zero_uncorrected", "random", "given"}
        M before the first update: 0, with or without the bias correction; drawn as DFA's B with
        gain 1; or the matrices of `feedback`.
    feedback : mapping from spiking layer's name to array, shape (n_l, m), or None
        With ``start="given"``.
    inverse_alpha : bool
        Divide by alpha. If not, the hidden gradients are alpha times as large.
    freeze_after : int or None
        Stop updating M after that many updates.
    warm_up : int
        Number of first updates of M during which the gradient is 0, so that the weights rest.

    Notes
    -----
    Estimand: (average of the smoothed Jacobian over data)^T e, Jacobian of the same step unless
    `output` says otherwise; with noise on the membrane potential, the Jacobian by it. Bias sources:
    the covariance of Jacobian and error over data, the age of M, smoothing by alpha. Variance over
    M on a linear network: ``(1 - lambda)(1 - lambda^2k) / (1 + lambda)`` times that of ``Z e``.
    Passes: one forward, direct feedback. State: M_l, n_l x m, and the number of updates.

    References
    ----------
    Xiao, Meng, Zhang, He, Lin, arXiv 2407.12516, Eq. 6 and Algorithm 1.
    """

    alpha: float = 0.2
    momentum: float = 0.99
    law: Law = "gaussian"
    pairing: Pairing = "time"
    use: Use = "before"
    position: Literal["spike", "membrane"] = "spike"
    membrane_psi: bool = False
    traces: Traces = "clean"
    output: Output = "step"
    start: Start = "zero"
    feedback: Mapping[str, Array] | None = None
    inverse_alpha: bool = True
    freeze_after: int | None = None
    warm_up: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        NoiseModel(self.alpha, self.law, self.pairing)
        require_momentum("opzo", self.momentum, self.start, self.feedback)
        for option, valid in (
            ("use", get_args(Use)),
            ("output", get_args(Output)),
            ("position", ("spike", "membrane")),
        ):
            if getattr(self, option) not in valid:
                raise unknown_name(f"opzo {option}", getattr(self, option), valid)
        _require_counts(self.freeze_after, self.warm_up, self.use)
        if self.membrane_psi and self.position == "spike":
            raise ConfigurationError(
                "opzo membrane_psi: got True with noise on the spikes; expected False, or"
                " position='membrane'. With noise on the spikes psi is always there."
            )
        if self.output == "sequence" and self.pairing == "time":
            raise ConfigurationError(
                "opzo pairing: got 'time' with output='sequence'; expected 'none' or 'batch'. Noise"
                " of opposite sign in a pair of steps cancels the sum of their outputs: what is"
                " left is no signal."
            )

    @property
    def name(self) -> str:
        """``opzo``."""
        return "opzo"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Mean of M is the expected Jacobian; one pass; online."""
        noise = f"{self.law} noise on the {self.position}, {self.pairing} pairing"
        options = f"{noise}, output of the {self.output}, {self.temporal} rule"
        gain = 1.0 if self.inverse_alpha else self.alpha
        claims = (
            UnbiasedFor(Estimand("expected_jacobian_feedback", options)),
            MomentumFeedback(self.momentum, self.use, self.start == "zero", gain),
            Learns(
                "momentum",
                momentum=self.momentum,
                gain=gain,
                output=self.output,
                freeze_after=self.freeze_after,
            ),
            VarianceLaw(
                "momentum_variance", "of M e: (1 - lambda)(1 - lambda^2k) / (1 + lambda) V"
            ),
            Passes(1, 0),
        )
        streams = self.temporal != "local_bptt" and self.output == "step" and self.use == "before"
        return (*claims, Online()) if streams else claims

    @property
    def noise(self) -> NoiseModel:
        """On every hidden spiking layer in the same pass."""
        return NoiseModel(self.alpha, self.law, self.pairing, self.position)

    @property
    def presynaptic_traces(self) -> Traces:
        """As chosen."""
        return self.traces

    @property
    def learns_before_use(self) -> bool:
        """As chosen."""
        return self.use == "after"

    def require_network(self, network: Network) -> None:
        """Refuse the outputs of the sequence with a loss of the step."""
        if self.output == "sequence" and network.loss.over != "sequence":
            raise ConfigurationError(
                "opzo output: got 'sequence' with a loss of the step; expected 'step', or a network"
                " with Loss(over='sequence')."
            )

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        """Shape (n_l, m) of every hidden spiking layer, and a number."""
        return {**direct_shapes(network), "updates": ()}

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Return M_l, shape (n_l, m), as `start` says, and 0 updates."""
        self.require_network(network)
        shapes = direct_shapes(network)
        return initial_momentum(backend, shapes, key, self.start, self.feedback, self.name)

    def contribution(self, state: State, observed: Pass) -> State:
        """Return Z_l of every hidden layer."""
        outputs, steps = observed.trace.outputs, observed.network.steps
        if self.output == "sequence":
            xp = array_namespace(outputs)
            outputs = xp.broadcast_to(xp.sum(outputs, axis=0, keepdims=True), outputs.shape)
        size = steps * (observed.scale if self.inverse_alpha else 1.0)
        return {
            layer.name: observed.noise_outer(layer.name, outputs) / size
            for layer in observed.network.spiking
        }

    def absorb(self, state: State, contribution: State) -> State:
        """Return ``lambda M + (1 - lambda) Z``, or M where it is frozen, and one update more."""
        return absorb(state, contribution, self.momentum, self.freeze_after)

    def derivative(self, observed: Pass, layer: Spiking) -> Array:
        """Return psi; 1 where M holds the spike's derivative already."""
        psi = super().derivative(observed, layer)
        without = self.position == "membrane" and not self.membrane_psi
        if without and layer != observed.network.output:
            return array_namespace(psi).ones_like(psi)
        return psi

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        """Return ``g_l[t] = M_l e[t]``, M corrected for its start where it is to be."""
        matrix = state[layer.name]
        if self.start == "zero":
            matrix = corrected(matrix, state["updates"], self.momentum)
        return feed_back(matrix, observed.trace.errors, observed.replicates)

    def awake(self, state: State) -> Array | None:
        """Return 0 during the warm-up, then 1."""
        if not self.warm_up:
            return None
        seen = state["updates"] - (1 if self.learns_before_use else 0)
        xp = array_namespace(seen)
        return xp.where(seen >= self.warm_up, 0 * seen + 1, 0 * seen)


def _require_counts(freeze_after: int | None, warm_up: int, use: Use) -> None:
    """Refuse numbers of updates that make no sense, alone or together.

    Raises
    ------
    ConfigurationError
        Says which.
    """
    for option, value in (("freeze_after", freeze_after), ("warm_up", warm_up)):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and value >= 0):
            raise ConfigurationError(
                f"opzo {option}: got {value!r}; expected a number of updates, at least 0."
            )
    # used after its update, M is warm one update later than the count of a frozen M can tell
    least = warm_up + 1 if use == "after" and warm_up else warm_up
    if freeze_after is not None and freeze_after < least:
        raise ConfigurationError(
            f"opzo freeze_after: got {freeze_after} with warm_up={warm_up}; expected at least"
            f" {least}: M would be frozen before it is warm, and the weights would never move."
        )
