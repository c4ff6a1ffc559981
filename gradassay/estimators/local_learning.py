"""Local learning: every hidden layer has a readout and a loss of its own."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from gradassay.core.arrays import Array, mean_outer
from gradassay.core.backend import Backend
from gradassay.core.claims import Claim, Deterministic, Estimand, Learns, Passes, UnbiasedFor
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.network import Network
from gradassay.core.trace import Recorded
from gradassay.estimators.descent import Descent
from gradassay.estimators.feedback import (
    READOUT,
    direct_shapes,
    feed_back,
    random_feedback,
    read_out,
    require_positive,
)
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.temporal import with_online


@dataclass(frozen=True)
class LocalLearning(SignalEstimator):
    """Train each hidden layer by the error of its own readout, with the network's loss.

        o_l[t] = B_l^T s_l[t],   e_l[t] = dL(o_l)/do_l[t],   g_l[t] = B_l e_l[t]

    The same B_l reads out and sends back (weights are symmetric inside the block), and it is learnt
    by its own gradient, ``B_l <- B_l - step * (1/B) sum_b sum_t s_l[t] e_l[t]^T``.

    Parameters
    ----------
    gain : float
        The first B_l has independent normal entries with standard deviation gain / sqrt(n_l).
    step : float
        Learning rate of B, positive.

    Notes
    -----
    Estimand: the gradient of the sum of the layers' own losses, each by its own layer's weights
    alone, which it is exactly. Added to a global method it is weighted with a coefficient:
    ``opzo+0.01*local_learning``. Passes: one forward; the local readouts cost n_l m products a step
    there and back. State: B_l, n_l x m, under ``readout/`` and the layer's name.

    References
    ----------
    Mostafa, Ramesh and Cauwenberghs, "Deep supervised learning using local errors", 2018; with
    OPZO: Xiao et al., arXiv 2407.12516.
    """

    gain: float = 1.0
    step: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("local_learning", "gain", self.gain)
        require_positive("local_learning", "step", self.step)

    @property
    def name(self) -> str:
        """``local_learning``."""
        return "local_learning"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Exact for the local losses, deterministic given the local readouts; how they learn."""
        estimand, learns = Estimand("local_loss"), Learns("local_loss", step=self.step)
        claims = (UnbiasedFor(estimand), learns, Passes(1, 0), Deterministic())
        return with_online(claims, self.temporal)

    @property
    def record(self) -> Set[Recorded]:
        """What the local rule needs, and the spikes."""
        needed: set[Recorded] = {"spikes"}
        return super().record | needed

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        """Shape (n_l, m) of every hidden spiking layer."""
        return {READOUT + name: shape for name, shape in direct_shapes(network).items()}

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Draw B_l from ``key / "feedback" / layer``."""
        drawn = random_feedback(backend, direct_shapes(network), key, self.gain)
        return {READOUT + name: matrix for name, matrix in drawn.items()}

    def contribution(self, state: State, observed: Pass) -> State:
        """Return the gradient of each local readout."""
        return {
            READOUT + layer.name: mean_outer(
                observed.trace.spikes[layer.name],
                local_errors(state[READOUT + layer.name], observed, layer.name),
                observed.replicates,
            )
            for layer in observed.network.spiking
        }

    def absorb(self, state: State, contribution: State) -> State:
        """Return B after a step down its gradient."""
        return {name: state[name] - self.step * d for name, d in contribution.items()}

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        """Return ``g_l[t] = B_l e_l[t]``."""
        matrix = state[READOUT + layer.name]
        errors = local_errors(matrix, observed, layer.name)
        return feed_back(matrix, errors, observed.replicates)


def local_errors(matrix: Array, observed: Pass, layer: str) -> Array:
    """Return the error of a local readout, shape (t, R*B, m).

    Parameters
    ----------
    matrix : array, shape (n, m) or (R, n, m)
        B.
    observed : Pass
        Whose trace holds the layer's spikes.
    layer : str
        Name of the spiking layer.
    """

    def make() -> Array:
        outputs = local_outputs(matrix, observed, layer)
        return observed.backend.loss(observed.network, outputs, observed.batch.targets)[1]

    return observed.once((layer, id(matrix)), make)  # for the signal, and for learning the readout


def local_outputs(matrix: Array, observed: Pass, layer: str) -> Array:
    """Return the local readout, shape (t, R*B, m); parameters as in `local_errors`."""

    def make() -> Array:
        return read_out(matrix, observed.trace.spikes[layer], observed.replicates)

    return observed.once(("outputs", layer, id(matrix)), make)
