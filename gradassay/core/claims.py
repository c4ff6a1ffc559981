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
        ``online_bp``: online surrogate gradient. ``bptt``: surrogate gradient through time.
        ``expected_central_difference``: mean over the other noise of the central difference in each
        noise coordinate. ``smoothed_loss``: gradient of the noise-smoothed loss.
        ``expected_jacobian_feedback``: mean of ``z o~^T / alpha``, applied to the error.
        ``fixed_feedback``: a fixed matrix applied to the error.
    options : str
        Choices that change it (noise law, pairing, loss), for people to read.
    """

    name: str
    options: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.options})" if self.options else self.name


@dataclass(frozen=True)
class UnbiasedFor:
    """The mean of the estimate is the estimand, given the feedback state."""

    estimand: Estimand

    def __str__(self) -> str:
        return f"unbiased for {self.estimand}"


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
    """Feedback matrices M_l are a running average of noise times output, started at 0.

    ``M_l <- lambda M_l + (1 - lambda) z_l o^T / alpha`` (mean over samples and steps of one pass);
    the signal is ``M_l e / (1 - lambda^k)`` after k updates. The state holds M_l, shape (n_l, m),
    under the spiking layer's name, and k under ``updates``.

    Parameters
    ----------
    momentum : float
        lambda.
    use : {"before", "after"}
        Whether the error goes through M as it was before this pass's update, or after it.
    """

    momentum: float
    use: Literal["before", "after"]

    def __str__(self) -> str:
        return f"momentum feedback, lambda {self.momentum:g}, used {self.use} its update"


Claim = UnbiasedFor | MomentumFeedback | Passes | Online | Deterministic
