"""Direct Kolen-Pollack: direct feedback that learns with the forward weights' own rule."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from gradassay.core.arrays import mean_outer
from gradassay.core.claims import Claim, Estimand, Learns, UnbiasedFor
from gradassay.core.errors import ConfigurationError, is_real
from gradassay.core.estimator import State
from gradassay.core.trace import Recorded
from gradassay.estimators.dfa import DFA
from gradassay.estimators.feedback import require_positive
from gradassay.estimators.passes import Pass


@dataclass(frozen=True)
class DKP(DFA):
    """Send the error straight to each layer, ``g_l[t] = B_l e[t]``, and learn B_l on the way.

    It is learnt as the readout's weights are, with the roles of input and output swapped:

        dB_l = (1/B) sum_b sum_t s_l[t] e[t]^T          B_l <- B_l - step * (dB_l + decay * B_l)

    Parameters
    ----------
    gain, feedback
        Of the first B_l, as in `DFA`.
    step : float
        Learning rate of B, positive.
    decay : float
        Weight decay of B, at least 0.

    Notes
    -----
    Estimand: itself. In the last hidden layer, where the readout's W is learnt with the same step
    and decay, ``B_k - W_k^T = (1 - step * decay)^k (B_0 - W_0^T)``. B is used before it is updated.
    Passes: one forward, direct feedback. State: B_l, n_l x m.

    References
    ----------
    Webster, Choi and Ahn, "Learning the Connections in Direct Feedback Alignment", 2021; Kolen and
    Pollack, "Backpropagation without weight transport", 1994.
    """

    step: float = 0.01
    decay: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("dkp", "step", self.step)
        if not (is_real(self.decay) and 0 <= self.decay < 1 / self.step):
            raise ConfigurationError(
                f"dkp decay: got {self.decay!r}; expected a number in [0, 1 / step)."
            )

    @property
    def name(self) -> str:
        """``dkp``."""
        return "dkp"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Its own estimand, deterministic given B; how B is learnt."""
        estimand = Estimand("fixed_feedback", "learnt over the iterations")
        others = tuple(c for c in super().claims if not isinstance(c, UnbiasedFor | Learns))
        learns = Learns("kolen_pollack", step=self.step, decay=self.decay)
        return (UnbiasedFor(estimand), learns, *others)

    @property
    def record(self) -> Set[Recorded]:
        """What the local rule needs, and the spikes."""
        needed: set[Recorded] = {"spikes"}
        return super().record | needed

    def contribution(self, state: State, observed: Pass) -> State:
        """Return dB_l of every hidden layer."""
        spikes, errors = observed.trace.spikes, observed.trace.errors
        return {
            layer.name: mean_outer(spikes[layer.name], errors, observed.replicates)
            for layer in observed.network.spiking
        }

    def absorb(self, state: State, contribution: State) -> State:
        """Return B after a step along dB, with decay."""
        kept = 1 - self.step * self.decay
        return {name: kept * state[name] - self.step * d for name, d in contribution.items()}
