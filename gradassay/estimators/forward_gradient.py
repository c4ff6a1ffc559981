"""Forward gradient: an exact directional derivative times its random direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.claims import Claim, Estimand, Passes, UnbiasedFor, VarianceLaw
from gradassay.core.errors import ConfigurationError, unknown_name
from gradassay.core.estimator import State
from gradassay.core.layers import Spiking
from gradassay.core.noise import Law, NoiseModel
from gradassay.core.params import Params
from gradassay.estimators.descent import Descent
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.tangents import node_tangent, weight_tangent
from gradassay.estimators.temporal import EXACT, with_online

Space = Literal["node", "weight"]


@dataclass(frozen=True)
class ForwardGradient(SignalEstimator):
    """A clean pass with tangents: the derivative D along a random direction v, times v.

    ====== ===========================================================================
    space  estimate
    ====== ===========================================================================
    node   v on the spikes of every hidden layer; ``g_l[t] = D[t] v_l[t]``, D[t] the
           derivative of the step's loss, each sample's own (under the rule that is
           exact in time: ``D v_l[t]``, D of the whole loss)
    weight v on all parameters, shared by the batch; ``dW = D v``
    ====== ===========================================================================

    The tangent of a spike is psi times that of the membrane potential (surrogate forward mode).
    Tangents follow the local rule in time: with ``online`` and ``spatial`` they do not pass from
    one step to the next inside a layer, with ``local_bptt`` they do, the reset held fixed.

    Parameters
    ----------
    law : str
        Law of v.
    space : {"node", "weight"}
        Where the direction lies.

    Notes
    -----
    Estimand: the surrogate gradient itself, without smoothing: that of spatial BP under the same
    local rule. Variance: ``(d + k4 - 2) |g|^2`` about the gradient g in the space of v. Passes: one
    forward, with tangents; none backward. No state.

    References
    ----------
    Baydin et al., "Gradients without Backpropagation", 2022; Ren et al., "Scaling Forward Gradient
    With Local Losses", 2023 (node space).
    """

    law: Law = "gaussian"
    space: Space = "node"

    def __post_init__(self) -> None:
        super().__post_init__()
        NoiseModel(1.0, self.law)
        if self.space not in get_args(Space):
            raise unknown_name("forward_gradient space", self.space, get_args(Space))
        if self.space == "weight" and self.law == "sphere":
            raise ConfigurationError(
                "forward_gradient law: got 'sphere' with the weight space; expected a law of"
                " independent entries, for example 'gaussian'."
            )

    @property
    def name(self) -> str:
        """``forward_gradient``."""
        return "forward_gradient"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Unbiased for the surrogate gradient; one pass."""
        reset = "gradient through the reset cut" if self.temporal == "local_bptt" else ""
        claims = (
            UnbiasedFor(Estimand(EXACT[self.temporal], reset)),
            VarianceLaw("two_point_variance", f"(d + k4 - 2) |g|^2 in {self.space} space"),
            Passes(1, 0, tangent=1),
        )
        return with_online(claims, self.temporal)

    @property
    def noise(self) -> NoiseModel:
        """The direction; it is not injected."""
        position: Literal["none", "weights"] = "none" if self.space == "node" else "weights"
        return NoiseModel(1.0, self.law, position=position)

    def directional(self, observed: Pass) -> Array:
        """Return the derivative of the loss of each step along v, shape (t, R*B)."""
        if observed.noise is None:
            raise ValueError("a forward gradient needs a direction")
        tangent = node_tangent if self.space == "node" else weight_tangent
        moved = tangent(observed, observed.noise.values, self.temporal)
        return array_namespace(moved).sum(moved * observed.trace.errors, axis=-1)

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        """Return ``D[t] v_l[t]``."""
        direction, _ = observed.drawn(layer.name)
        slope = observed.once("slope", lambda: self.directional(observed))
        if self.temporal == "local_bptt":
            slope = array_namespace(slope).sum(slope, axis=0, keepdims=True)
        return slope[..., None] * direction

    def gradient(self, state: State, observed: Pass, folded: int | None) -> Params:
        """Return the gradient; in weight space ``D v``."""
        if self.space == "node":
            return super().gradient(state, observed, folded)
        slope = self.directional(observed)
        xp = array_namespace(slope)
        rows = xp.reshape(xp.sum(slope, axis=0), (observed.replicates, -1))
        mean = xp.mean(rows, axis=-1)
        found: Mapping[str, Array] = observed.noise.values if observed.noise is not None else {}
        arrays = {
            name: xp.reshape(mean, (-1, *[1] * (len(found[name].shape) - 1))) * found[name]
            for name in observed.network.shapes
        }
        return Params(arrays if folded else {name: a[0, ...] for name, a in arrays.items()})
