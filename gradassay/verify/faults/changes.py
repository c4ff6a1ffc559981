"""Ways to change a right method in one place; each stands before the method among the bases."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.estimators.layerwise import LayerwiseEstimator
from gradassay.estimators.passes import Pass
from gradassay.verify.faults.fault import Fault

# what a file of faults lists: name, faulty method, check that must catch it, right method
Row = tuple[str, Estimator, str, str]


def of_kind(kind: str, rows: Sequence[Row]) -> tuple[Fault, ...]:
    """Return the faults of one kind."""
    return tuple(Fault(name, kind, method, check, base) for name, method, check, base in rows)


class OnOtherNetwork(LayerwiseEstimator):
    """Run the method on another network than the one it is given."""

    @abstractmethod
    def other(self, network: Network) -> Network:
        """Return the network that is run, with the same parameters."""

    def observe(self, backend: Backend, network: Network, *given: Any, **options: Any) -> Pass:
        """Run the forward passes on the other network."""
        return super().observe(backend, self.other(network), *given, **options)


class OnOtherInputs(LayerwiseEstimator):
    """Run the method on other inputs than it is given."""

    @abstractmethod
    def inputs(self, batch: Batch) -> Array:
        """Return the inputs that are run, of the shape of those given."""

    def observe(
        self,
        backend: Backend,
        network: Network,
        params: Params,
        batch: Batch,
        *given: Any,
        **options: Any,
    ) -> Pass:
        """Run the forward passes on the other inputs."""
        other = replace(batch, inputs=self.inputs(batch))
        return super().observe(backend, network, params, other, *given, **options)


class OtherErrors(LayerwiseEstimator):
    """Use another error at the outputs than the derivative of the loss."""

    @abstractmethod
    def errors(self, observed: Pass) -> Array:
        """Return what stands for the error, (t, R*B, m)."""

    def observe(self, *given: Any, **options: Any) -> Pass:
        """Run the forward passes, and exchange the error."""
        observed = super().observe(*given, **options)
        trace = replace(observed.trace, errors=self.errors(observed))
        return replace(observed, trace=trace)


class OtherNoise(LayerwiseEstimator):
    """Draw other noise than the method says; noise that is given is used as it is."""

    @abstractmethod
    def redrawn(self, noise: Noise, samples: int) -> Noise:
        """Return the noise that is used, B samples a replicate."""

    def draw(
        self, backend: Backend, network: Network, batch: Batch, key: Key, numbers: range
    ) -> Noise | None:
        """Draw the right noise, and change it."""
        noise = super().draw(backend, network, batch, key, numbers)
        return None if noise is None else self.redrawn(noise, batch.size)


class OtherGradient(LayerwiseEstimator):
    """Change the gradient after it is made."""

    @abstractmethod
    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        """Return what is handed out for the gradient."""

    def gradient(self, state: State, observed: Pass, folded: int | None) -> Params:
        """Return the changed gradient."""
        return self.altered(super().gradient(state, observed, folded), observed, folded)


def with_neuron(network: Network, **changes: Any) -> Network:
    """Return the network with another neuron."""
    return network.replace(neuron=msgspec.structs.replace(network.neuron, **changes))


def by_sample(array: Array, samples: int) -> Array:
    """Return ``(T, R*B, n)`` as ``(T, R, B, n)``."""
    steps, _, units = array.shape
    return array_namespace(array).reshape(array, (steps, -1, samples, units))


def surrogate_at(observed: Pass, distance: Array) -> Array:
    """Return the sigmoid's psi at a distance ``u - V_th`` from the threshold."""
    scale = observed.network.neuron.surrogate.scale
    return scale / 4 * (1 - array_namespace(distance).tanh(scale * distance / 2) ** 2)
