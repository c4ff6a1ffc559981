"""What an estimator claims about itself: statements that can be tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Estimand:
    """A named thing that can be computed and that an estimator estimates.

    Parameters
    ----------
    name : str
        One of these, unless it is the estimator's own:

        - ``online_bp``, ``spatial_bp``, ``bptt``: the surrogate gradient with eligibility traces
          (OTTT), without traces (SLTT), through time.
        - ``expected_central_difference``: mean over the other noise of the central difference in
          each noise coordinate. ``smoothed_loss``: gradient of the noise-smoothed loss.
          With ``_in_weights`` behind it: of noise on the parameters.
        - ``smoothed_jacobian``: transposed Jacobian of the smoothed output, times the clean error.
        - ``expected_jacobian_feedback``: mean of ``z o~^T / alpha``, applied to the error.
        - ``fixed_feedback``: a fixed matrix applied to the error. ``fixed_weights``,
          ``sign_of_weights``: those in place of the weights on the way down.
        - ``expected_surrogate``: spatial backpropagation with the mean of a random surrogate.
        - ``local_loss``: gradient of the layer's own loss.
    options : str
        Choices that change it (noise law, pairing, loss), for people to read.
    at : {"noisy", "first", "clean"}
        The pass whose surrogate derivatives and traces are used: the noisy one that the loss is of;
        the first of a pair with z and -z; one without noise.
    """

    name: str
    options: str = ""
    at: Literal["noisy", "first", "clean"] = "noisy"

    def __str__(self) -> str:
        return f"{self.name} ({self.options})" if self.options else self.name


@dataclass(frozen=True)
class UnbiasedFor:
    """The mean of the estimate is the estimand, given the feedback state."""

    estimand: Estimand

    def __str__(self) -> str:
        return f"unbiased for {self.estimand}"


@dataclass(frozen=True)
class BiasOrder:
    """Where the loss is smooth, the mean differs from the estimand by order ``alpha^order``."""

    estimand: Estimand
    order: int

    def __str__(self) -> str:
        return f"bias of order alpha^{self.order} for {self.estimand}"


@dataclass(frozen=True)
class VarianceLaw:
    """A closed form of the signal's variance on a problem where there is one.

    Parameters
    ----------
    name : str
        Of the function in `gradassay.verify.oracles.closed_forms`.
    formula : str
        For people; d units, g gradient, c unperturbed loss, k4 kurtosis, m outputs.
    """

    name: str
    formula: str

    def __str__(self) -> str:
        return f"variance {self.formula}"


@dataclass(frozen=True)
class Passes:
    """Passes over the network for one estimate.

    Parameters
    ----------
    forward, backward : int
        Passes through the layers, and of an error back through them.
    noisy : int or None
        Forward passes that the noise is injected in; None for all.
    tangent : int
        Forward passes that carry tangents along.
    """

    forward: int
    backward: int
    noisy: int | None = None
    tangent: int = 0

    def __str__(self) -> str:
        return f"{self.forward} forward, {self.backward} backward"


@dataclass(frozen=True)
class Online:
    """Nothing is stored whose size grows with the number of steps."""

    def __str__(self) -> str:
        return "online"


@dataclass(frozen=True)
class Deterministic:
    """Given parameters, batch and feedback state, every draw is the same."""

    def __str__(self) -> str:
        return "deterministic given its state"


@dataclass(frozen=True)
class MomentumFeedback:
    """Feedback matrices M_l are a running average of noise times output.

    ``M_l <- lambda M_l + (1 - lambda) gain z_l o^T / alpha`` (mean over samples and steps of one
    pass); the signal is ``M_l e``, where corrected divided by ``1 - lambda^k`` after k updates. The
    state holds M_l, shape (n_l, m), under the spiking layer's name, and k under ``updates``.

    Parameters
    ----------
    momentum : float
        lambda.
    use : {"before", "after"}
        Whether the error goes through M as it was before this pass's update, or after it.
    corrected : bool
        Whether the start at 0 is corrected for.
    gain : float
        1, or alpha where 1/alpha is dropped.
    """

    momentum: float
    use: Literal["before", "after"]
    corrected: bool = True
    gain: float = 1.0

    def __str__(self) -> str:
        return f"momentum feedback, lambda {self.momentum:g}, used {self.use} its update"


Rule = Literal["nothing", "kolen_pollack", "local_loss", "momentum", "mean_loss"]


@dataclass(frozen=True)
class Learns:
    """What one estimate makes of the state.

    ============= =================================================================================
    rule          state after a pass with spikes s_l[t], outputs o[t], errors e[t]
    ============= =================================================================================
    nothing       as it was
    kolen_pollack ``B_l <- B_l - step (dB_l + decay B_l)``, ``dB_l`` the mean over samples of
                  ``sum_t s_l[t] e[t]^T``
    local_loss    ``readout/l``: ``B_l <- B_l - step dL_l / dB_l``, L_l the network's loss at the
                  outputs ``B_l^T s_l[t]``, mean over samples
    momentum      ``M_l <- momentum M_l + (1 - momentum) gain Z_l``, Z_l the mean over samples and
                  steps of ``z_l[t] o[t]^T / alpha``, and ``updates`` one more. Where the state
                  holds one ``readout/k``, o is the output of that readout before this pass's
                  update, M is of the layers before k, and the readout follows ``local_loss``
    mean_loss     ``baseline <- momentum baseline + (1 - momentum) L``, L the mean loss over samples
                  and steps, or of the sequence, and ``updates`` one more
    ============= =================================================================================

    Matrices are n_l x m, of every hidden spiking layer unless said otherwise, under its name.

    Parameters
    ----------
    rule : str
        One of the table.
    step, decay : float
        Learning rate and weight decay.
    momentum, gain : float
        As in the table.
    output : {"step", "sequence"}
        Noise meets the output of its own step, or the sum of all steps' outputs.
    freeze_after : int or None
        Number of updates after which M and ``updates`` stay as they are.
    under : str
        Start of the names of the arrays that the rule is about: the part of a sum.
    """

    rule: Rule
    step: float = 0.0
    decay: float = 0.0
    momentum: float = 0.0
    gain: float = 1.0
    output: Literal["step", "sequence"] = "step"
    freeze_after: int | None = None
    under: str = ""

    def __str__(self) -> str:
        frozen = f", frozen after {self.freeze_after}" if self.freeze_after is not None else ""
        readout = f", a readout by its own loss, step {self.step:g}" if self.step else ""
        said = {
            "nothing": "nothing",
            "kolen_pollack": f"B by Kolen and Pollack, step {self.step:g}, decay {self.decay:g}",
            "local_loss": f"each readout by its own loss, step {self.step:g}",
            "momentum": f"M as a running average, lambda {self.momentum:g}{frozen}{readout}",
            "mean_loss": f"the mean loss as a running average, memory {self.momentum:g}",
        }
        part = f"{self.under.rstrip('/')} " if self.under else ""
        return f"{part}learns {said[self.rule]}"


Claim = (
    UnbiasedFor
    | BiasOrder
    | VarianceLaw
    | MomentumFeedback
    | Learns
    | Passes
    | Online
    | Deterministic
)
