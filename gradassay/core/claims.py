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
    """Passes over the network for one estimate."""

    forward: int
    backward: int

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


Claim = UnbiasedFor | BiasOrder | VarianceLaw | MomentumFeedback | Passes | Online | Deterministic
