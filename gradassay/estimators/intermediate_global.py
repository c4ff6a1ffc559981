"""Intermediate global learning: a readout in the middle sends feedback to the layers before it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from gradassay.core.arrays import Array, mean_outer
from gradassay.core.backend import Backend
from gradassay.core.claims import Claim, Estimand, Learns, Passes, UnbiasedFor
from gradassay.core.errors import ConfigurationError, unknown_name
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.network import Network
from gradassay.core.noise import Law, NoiseModel, Pairing
from gradassay.core.trace import Recorded
from gradassay.estimators.descent import Descent
from gradassay.estimators.feedback import (
    READOUT,
    direct_shapes,
    feed_back,
    random_feedback,
    require_positive,
)
from gradassay.estimators.local_learning import local_errors, local_outputs
from gradassay.estimators.momentum import absorb, corrected, initial_momentum, require_momentum
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.temporal import with_online


@dataclass(frozen=True)
class IntermediateGlobal(SignalEstimator):
    """Send the error of a middle layer k's own readout to the layers before it, as OPZO does.

        o_k[t] = B_k^T s_k[t],  e_k = dL(o_k)/do_k;   g_l = M_l e_k  (l < k),   g_k = B_k e_k

    M_l is the running average of ``z_l[t] o_k[t]^T / alpha``; B_k is learnt by its own gradient.
    The layers after k receive nothing: the method is meant to be added to another one, as in
    ``opzo+0.01*local_learning+0.1*intermediate_global``.

    Parameters
    ----------
    layer : str or None
        Name of the spiking layer k; None for the middle one.
    alpha, momentum, law, pairing
        As in `OPZO`; in a sum with it they must be the same, the noise being shared.
    gain, step : float
        Of B_k, as in `LocalLearning`.

    Notes
    -----
    Estimand: (average of the smoothed Jacobian of o_k)^T e_k in the layers before k; the gradient
    of the local loss in k. Passes: one forward, direct feedback. State: M_l, n_l x m, of the layers
    before k; B_k under ``readout/`` and its name; the number of updates.

    References
    ----------
    Xiao et al., arXiv 2407.12516, where it goes with local learning in the network of nine layers.
    """

    layer: str | None = None
    alpha: float = 0.2
    momentum: float = 0.99
    law: Law = "gaussian"
    pairing: Pairing = "time"
    gain: float = 1.0
    step: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        NoiseModel(self.alpha, self.law, self.pairing)
        require_momentum("intermediate_global", self.momentum, "zero", None)
        require_positive("intermediate_global", "gain", self.gain)
        require_positive("intermediate_global", "step", self.step)

    @property
    def name(self) -> str:
        """``intermediate_global``."""
        return "intermediate_global"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Momentum feedback of a middle layer's error; how M and the readout learn; one pass."""
        options = f"{self.law} noise, {self.pairing} pairing, of a middle readout"
        estimand = Estimand("expected_jacobian_feedback", options)
        learns = Learns("momentum", step=self.step, momentum=self.momentum)
        return with_online((UnbiasedFor(estimand), learns, Passes(1, 0)), self.temporal)

    @property
    def noise(self) -> NoiseModel:
        """On every hidden spiking layer in the same pass."""
        return NoiseModel(self.alpha, self.law, self.pairing)

    @property
    def record(self) -> Set[Recorded]:
        """What the local rule needs, and the spikes."""
        needed: set[Recorded] = {"spikes"}
        return super().record | needed

    def require_network(self, network: Network) -> None:
        """Refuse a network in which no layer stands before the chosen one."""
        names = [layer.name for layer in network.spiking]
        if self.layer is not None and self.layer not in names:
            raise unknown_name("intermediate_global layer", self.layer, names)
        if len(names) < 2 or self.layer == names[0]:
            raise ConfigurationError(
                f"intermediate_global layer: got {self.layer or names[0]!r}, the first of"
                f" {len(names)} hidden spiking layers; expected one with a layer before it."
            )

    def chosen(self, network: Network) -> str:
        """Return the name of layer k."""
        names = [layer.name for layer in network.spiking]
        return self.layer or names[len(names) // 2]

    def before(self, network: Network) -> list[str]:
        """Return the names of the hidden spiking layers before k."""
        names = [layer.name for layer in network.spiking]
        return names[: names.index(self.chosen(network))]

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        """Shape (n_l, m) of the layers before k and of k, and a number."""
        shapes, middle = direct_shapes(network), self.chosen(network)
        before = {name: shapes[name] for name in self.before(network)}
        return {**before, READOUT + middle: shapes[middle], "updates": ()}

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Return M_l = 0, B_k from ``key / "feedback" / layer``, and 0 updates."""
        self.require_network(network)
        shapes, middle = direct_shapes(network), self.chosen(network)
        before = {name: shapes[name] for name in self.before(network)}
        drawn = random_feedback(backend, {middle: shapes[middle]}, key, self.gain)
        momentum = initial_momentum(backend, before, key, "zero", None, self.name)
        return {**momentum, READOUT + middle: drawn[middle]}

    def contribution(self, state: State, observed: Pass) -> State:
        """Return Z_l of the layers before k, and the gradient of B_k."""
        network, middle = observed.network, self.chosen(observed.network)
        spikes, readout = observed.trace.spikes[middle], state[READOUT + middle]
        outputs = local_outputs(readout, observed, middle)
        size = observed.scale * network.steps
        terms = {n: observed.noise_outer(n, outputs) / size for n in self.before(network)}
        errors = local_errors(readout, observed, middle)
        return {**terms, READOUT + middle: mean_outer(spikes, errors, observed.replicates)}

    def absorb(self, state: State, contribution: State) -> State:
        """Return M and B_k after one more pass."""
        terms = {n: term for n, term in contribution.items() if not n.startswith(READOUT)}
        (middle,) = (name for name in contribution if name.startswith(READOUT))
        readout = state[middle] - self.step * contribution[middle]
        return {**absorb(state, terms, self.momentum), middle: readout}

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        """Return ``M_l e_k[t]``, ``B_k e_k[t]`` in layer k, 0 above it."""
        middle = self.chosen(observed.network)
        if layer.name != middle and layer.name not in state:
            return 0 * observed.trace.derivative[layer.name]
        matrix = readout = state[READOUT + middle]
        if layer.name != middle:
            matrix = corrected(state[layer.name], state["updates"], self.momentum)
        errors = local_errors(readout, observed, middle)
        return feed_back(matrix, errors, observed.replicates)
