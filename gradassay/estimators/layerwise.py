"""The common part of all methods that make each layer's gradient from the derivative by its output.

A method says what that derivative, delta, is for every weighted layer; its passes, its noise, what
it learns on the way and the weight gradients are the same for all:

    dW_l = (1/B) sum_b sum_t delta_l[t] a_{l-1}[t]^T

with the presynaptic activity a of the local rule in time (`gradassay.estimators.temporal`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Claim
from gradassay.core.errors import DataError
from gradassay.core.estimator import Estimate, State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.core.noise_steps import NoiseSteps
from gradassay.core.params import Params
from gradassay.core.trace import Carry, Presynaptic, Recorded, Trace
from gradassay.estimators.passes import Pass
from gradassay.estimators.temporal import (
    Temporal,
    Traces,
    presynaptic_activity,
    recorded,
    require_temporal,
)

Carries = tuple[Carry | None, Carry | None]
Forward = Callable[[Noise | None, Set[Recorded], Carry | None], Trace]


@dataclass(frozen=True, kw_only=True)
class LayerwiseEstimator(ABC):
    """Base of the methods that give a derivative by each layer's output.

    `Estimator` says what it offers. A method overrides `deltas`, and `state_shapes`, `init`,
    `contribution` and `absorb` where it has a state.

    Parameters
    ----------
    temporal : {"online", "spatial", "local_bptt"}
        The local rule in time; see `gradassay.estimators.temporal`.
    """

    temporal: Temporal = "online"

    def __post_init__(self) -> None:
        require_temporal(self.temporal, self.presynaptic_traces)

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
    def presynaptic_traces(self) -> Traces:
        """Whether weight gradients take the clean or the received activity."""
        return "clean"

    @property
    def record(self) -> Set[Recorded]:
        """What the forward pass has to keep."""
        return recorded(self.temporal, self.presynaptic_traces)

    @property
    def learns_before_use(self) -> bool:
        """Whether a pass's own contribution is in the state that its errors go through."""
        return False

    def require_network(self, network: Network) -> None:
        """Refuse a network that the method cannot train; any is fine unless a method says so."""
        return

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        """Return the shapes of the state's arrays by name, without a replicate axis: none."""
        return {}

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        """Return the state before the first estimate: none."""
        return {}

    def contribution(self, state: State, observed: Pass) -> State:
        """Return what a pass adds to the state: the sum over its steps of what each step adds."""
        return {}

    def absorb(self, state: State, contribution: State) -> State:
        """Return the state after a whole sequence with that contribution."""
        return state

    def presynaptic(self, trace: Trace, layer: str) -> Presynaptic:
        """Return what the derivative by a weighted layer's output is multiplied with."""
        return presynaptic_activity(trace, layer, self.temporal, self.presynaptic_traces)

    def run(
        self, forward: Forward, noise: Noise | None, carries: Carries
    ) -> tuple[Trace, Trace | None]:
        """Return the trace of the forward pass, and of the second where the method has one.

        Parameters
        ----------
        forward : callable
            ``forward(noise, record, carry)`` runs one pass of the block of steps.
        noise : Noise or None
            To inject: none where the method's noise is not injected.
        carries : tuple
            What the block of steps before left, of both passes.
        """
        return forward(noise, self.record, carries[0]), None

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
        self.require_state(network, state)
        numbers = replicates if replicates is not None else range(1)
        if noise is None:
            noise = self.draw(backend, network, batch, key, numbers)
        observed = self.observe(backend, network, params, batch, noise, len(numbers))
        used, after = self.learn(state, observed)
        folded = None if replicates is None else observed.replicates
        return Estimate(self.gradient(used, observed, folded), after, observed.trace)

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
        self.require_state(network, state)
        numbers = replicates if replicates is not None else range(1)
        noise = self.draw(backend, network, batch, key, numbers)
        return self.learn(
            state, self.observe(backend, network, params, batch, noise, len(numbers))
        )[1]

    def draw(
        self, backend: Backend, network: Network, batch: Batch, key: Key, numbers: range
    ) -> Noise | None:
        """Draw the noise of some replicates, arrays of the backend; None where there is none."""
        if self.noise is None:
            return None
        drawn = draw_noise(self.noise, network, batch.size, key / "noise", numbers, backend.dtype)
        return drawn.placed(backend.asarray)

    def draw_by_step(
        self, backend: Backend, network: Network, batch: Batch, key: Key, numbers: range
    ) -> NoiseSteps | None:
        """Return what draws the numbers of `draw` some steps at a time; None where nothing does."""
        model, own = self.noise, type(self).draw is not LayerwiseEstimator.draw
        if model is None or model.position == "weights" or own:
            return None
        return NoiseSteps(model, network, batch.size, key / "noise", numbers, backend.dtype)

    def observe(
        self,
        backend: Backend,
        network: Network,
        params: Params,
        batch: Batch,
        noise: Noise | None,
        replicates: int,
        carries: Carries = (None, None),
        steps: int | None = None,
    ) -> Pass:
        """Run the forward passes of a block of steps."""
        tiled = batch.tiled(replicates)

        def forward(given: Noise | None, record: Set[Recorded], carry: Carry | None) -> Trace:
            return backend.forward(
                network, params, tiled, noise=given, record=record, carry=carry, steps=steps
            )

        injected = noise if self.noise is None or self.noise.injected else None
        trace, other = self.run(forward, injected, carries)
        return Pass(backend, network, params, tiled, trace, noise, replicates, other)

    def learn(self, state: State, observed: Pass) -> tuple[State, State]:
        """Return the state to use for a pass of the whole sequence, and the state after it."""
        after = self.absorb(state, self.contribution(state, observed))
        return (after if self.learns_before_use else state), after

    def awake(self, state: State) -> Array | None:
        """Return a factor on the gradient, (R,) or a number; None for 1."""
        return None

    @abstractmethod
    def deltas(self, state: State, observed: Pass) -> dict[str, Array]:
        """Return the derivative by the output of each weighted layer, by name.

        Parameters
        ----------
        state : mapping
            To use for this pass.
        observed : Pass
            The forward pass.
        """

    def gradient(self, state: State, observed: Pass, folded: int | None) -> Params:
        """Return the gradient of the mean loss; with `folded` R on a leading axis."""
        deltas = self.deltas(state, observed)
        gradients: dict[str, Array] = {}
        for layer in observed.network.weighted:
            gradients |= observed.backend.weight_gradient(
                layer,
                observed.params,
                deltas[layer.name],
                self.presynaptic(observed.trace, layer.name),
                replicates=folded,
            )
        found = Params({name: gradients[name] for name in observed.network.shapes})
        awake = self.awake(state)
        return found if awake is None else found.map(lambda array: _times(array, awake))

    def require_state(self, network: Network, state: State) -> None:
        """Check the network, and names and shapes of the state.

        Raises
        ------
        ConfigurationError
            If the method cannot train the network.
        DataError
            Names the array that does not fit.
        """
        self.require_network(network)
        expected = self.state_shapes(network)
        if set(state) != set(expected):
            raise DataError(
                f"state of {self.name}: got {sorted(state)}; expected {sorted(expected)}, as `init`"
                " returns it."
            )
        for name, shape in expected.items():
            got = tuple(state[name].shape)
            if got[len(got) - len(shape) :] != shape or len(got) > len(shape) + 1:
                raise DataError(
                    f"state of {self.name}, {name}: got shape {got}; expected {shape}, with or"
                    " without a leading replicate axis."
                )


def _times(gradient: Array, factor: Array) -> Array:
    """Return the gradient times a factor for each replicate, or one for all."""
    if factor.ndim == 0:
        return gradient * factor
    xp = array_namespace(factor)
    return gradient * xp.reshape(factor, (-1, *[1] * (gradient.ndim - 1)))
