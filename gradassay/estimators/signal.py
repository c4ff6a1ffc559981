"""The common part of the zoo: a top-down signal and a local rule make a gradient.

Most methods differ only in what stands for the top-down signal ``g_l[t]`` at the spikes of layer l.
The local rule, the same for all of them, turns signals into weight gradients:

    delta_l[t] = psi(u_l[t]) * g_l[t]            dW_l = (1/B) sum_b sum_t delta_l[t] a_{l-1}[t]^T

with the eligibility trace a (online rule, OTTT). The readout's gradient is exact:
``dW_{N+1} = (1/B) sum_b sum_t e[t] s_N[t]^T``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Set
from dataclasses import dataclass

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Claim
from gradassay.core.estimator import Estimate, State
from gradassay.core.keys import Key
from gradassay.core.network import Linear, Network
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.core.params import Params
from gradassay.core.trace import Presynaptic, Recorded, Trace


@dataclass(frozen=True)
class Pass:
    """One forward pass and all that produced it, handed to a method's equations.

    Parameters
    ----------
    backend, network, params, batch
        The model, the batch tiled over replicates.
    trace : Trace
        What the pass left.
    noise : Noise or None
        What was injected.
    replicates : int
        R, folded into the batch axis.
    """

    backend: Backend
    network: Network
    params: Params
    batch: Batch
    trace: Trace
    noise: Noise | None
    replicates: int

    def injected(self, layer: str) -> tuple[Array, float]:
        """Return z of one spiking layer and its scale alpha."""
        if self.noise is None:
            raise ValueError("this pass carries no noise; draw it or give it")
        return self.noise.values[layer], self.noise.scale


@dataclass(frozen=True)
class SignalEstimator(ABC):
    """Base of the methods that are a signal and the online rule; `Estimator` says what it offers.

    A method overrides `top_down`, and `init` and `observe` where it has feedback weights.
    """

    @property
    def name(self) -> str:
        """The class's name in the zoo's spelling; overridden by each method."""
        return type(self).__name__

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Nothing is claimed unless a method says so."""
        return ()

    @property
    def noise(self) -> NoiseModel | None:
        """No noise unless a method says so."""
        return None

    @property
    def record(self) -> Set[Recorded]:
        """What the forward pass has to keep."""
        return {"derivative", "eligibility"}

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Return the state before the first estimate: none."""
        return {}

    def observe(self, state: State, observed: Pass) -> tuple[State, State]:
        """Return the state to use for this pass, and the state after it."""
        return state, state

    @abstractmethod
    def top_down(
        self, state: State, observed: Pass, layer: str, above: Linear, delta: Array
    ) -> Array:
        """Return the signal g at the spikes of one layer.

        Parameters
        ----------
        state : mapping
            As `observe` returned it.
        observed : Pass
            The forward pass.
        layer : str
            Name of the spiking layer.
        above : Linear
            The weighted layer that it feeds.
        delta : array, shape (T, R*B, outputs of above)
            Derivative by the output of `above`.

        Returns
        -------
        array, shape (T, R*B, n)
        """

    def local_rule(self, observed: Pass, layer: str, signal: Array) -> Array:
        """Return delta = psi(u) * g, the online rule: nothing flows through time."""
        return observed.trace.derivative[layer] * signal

    def presynaptic(self, trace: Trace, layer: Linear) -> Presynaptic:
        """Return what delta is multiplied with: the eligibility trace."""
        return trace.eligibility[layer.name]

    def estimate(
        self,
        backend: Backend,
        network: Network,
        params: Params,
        batch: Batch,
        state: State,
        key: Key,
        *,
        replicates: range | None = None,
        noise: Noise | None = None,
    ) -> Estimate:
        """Estimate the gradient of the mean loss of a batch; see `Estimator.estimate`."""
        observed = self._run(backend, network, params, batch, key, replicates, noise)
        used, after = self.observe(state, observed)
        folded = None if replicates is None else observed.replicates
        return Estimate(self._weight_gradients(used, observed, folded), after, observed.trace)

    def advance(
        self,
        backend: Backend,
        network: Network,
        params: Params,
        batch: Batch,
        state: State,
        key: Key,
        *,
        replicates: range | None = None,
    ) -> State:
        """Return the state that `estimate` would, without the gradient."""
        if not state:
            return state
        observed = self._run(backend, network, params, batch, key, replicates, None)
        return self.observe(state, observed)[1]

    def _run(
        self,
        backend: Backend,
        network: Network,
        params: Params,
        batch: Batch,
        key: Key,
        replicates: range | None,
        noise: Noise | None,
    ) -> Pass:
        """Draw the noise where none is given, and run the forward pass."""
        numbers = replicates if replicates is not None else range(1)
        if noise is None and self.noise is not None:
            drawn = draw_noise(
                self.noise, network, batch.size, key / "noise", numbers, backend.dtype
            )
            noise = Noise(drawn.scale, {n: backend.asarray(z) for n, z in drawn.values.items()})
        tiled = batch.tiled(len(numbers))
        trace = backend.forward(network, params, tiled, noise=noise, record=self.record)
        return Pass(backend, network, params, tiled, trace, noise, len(numbers))

    def _weight_gradients(self, state: State, observed: Pass, folded: int | None) -> Params:
        """Go down the layers: from the error at the output to every weighted layer's gradient."""
        network, trace = observed.network, observed.trace
        gradients: dict[str, Array] = {}
        delta = trace.errors
        for depth in reversed(range(len(network.weighted))):
            layer = network.weighted[depth]
            gradients |= observed.backend.weight_gradient(
                layer, delta, self.presynaptic(trace, layer), replicates=folded
            )
            if depth > 0:
                below = network.spiking[depth - 1].name
                signal = self.top_down(state, observed, below, layer, delta)
                delta = self.local_rule(observed, below, signal)
        return Params({name: gradients[name] for name in network.shapes})
