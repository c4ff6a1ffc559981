"""Faults of the neuron: surrogate derivative, reset, threshold, leak."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass

import msgspec

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimate, State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Recorded
from gradassay.estimators.bptt import BPTT
from gradassay.estimators.layerwise import Carries
from gradassay.estimators.local_learning import LocalLearning
from gradassay.estimators.localzo import LocalZO
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.pzo_two_point import PZOTwoPoint
from gradassay.estimators.sign_symmetric import SignSymmetric
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.faults.changes import OnOtherNetwork, of_kind, surrogate_at, with_neuron


@dataclass(frozen=True)
class WithoutSurrogate(SpatialBP):
    """The signal is not multiplied with psi."""

    def local_rule(self, observed: Pass, layer: Spiking, signal: Array) -> Array:
        return signal


@dataclass(frozen=True)
class SurrogateAfterReset(SpatialBP):
    """psi is taken at the membrane potential after the reset."""

    @property
    def record(self) -> Set[Recorded]:
        needed: set[Recorded] = {"membrane", "spikes"}
        return super().record | needed

    def derivative(self, observed: Pass, layer: Spiking) -> Array:
        trace, threshold = observed.trace, observed.network.neuron.threshold
        rested = trace.membrane[layer.name] - threshold * trace.spikes[layer.name]
        return surrogate_at(observed, rested - threshold)


@dataclass(frozen=True)
class SurrogateNotCentred(ZOTwoPoint):
    """psi is taken at u, not at u - V_th."""

    @property
    def record(self) -> Set[Recorded]:
        needed: set[Recorded] = {"membrane"}
        return super().record | needed

    def derivative(self, observed: Pass, layer: Spiking) -> Array:
        return surrogate_at(observed, observed.trace.membrane[layer.name])


@dataclass(frozen=True)
class SharperSurrogate(OnOtherNetwork, SignSymmetric):
    """The surrogate's scale is one per cent too large."""

    def other(self, network: Network) -> Network:
        surrogate = network.neuron.surrogate
        wider = msgspec.structs.replace(surrogate, scale=1.01 * surrogate.scale)
        return with_neuron(network, surrogate=wider)


@dataclass(frozen=True)
class LowerSurrogate(LocalZO):
    """The random surrogate is one per cent too small."""

    def derivative(self, observed: Pass, layer: Spiking) -> Array:
        return super().derivative(observed, layer) * 0.99


@dataclass(frozen=True)
class ResetGradientSwapped(BPTT):
    """The gradient through the reset is kept where it should be cut, and the other way round."""

    def local_rule(self, observed: Pass, layer: Spiking, signal: Array) -> Array:
        other = BPTT(not self.reset_gradient)
        return other.local_rule(observed, layer, signal)


@dataclass(frozen=True)
class HardForSoftReset(OnOtherNetwork, ZOSinglePoint):
    """The membrane potential is set to 0 where the threshold should be subtracted."""

    def other(self, network: Network) -> Network:
        return with_neuron(network, reset="hard") if network.neuron.reset == "soft" else network


@dataclass(frozen=True)
class StrictThreshold(OnOtherNetwork, SpatialBP):
    """A neuron at its threshold does not spike: ``>`` for ``>=``."""

    def other(self, network: Network) -> Network:
        return with_neuron(network, threshold=math.nextafter(network.neuron.threshold, math.inf))


@dataclass(frozen=True)
class ResetNotDecayed(SpatialBP):
    """The reset is subtracted after the leak: ``u[t] = leak u[t-1] - V_th s[t-1] + I[t]``."""

    @property
    def record(self) -> Set[Recorded]:
        needed: set[Recorded] = {"spikes"}
        return super().record | needed

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
        if network.loss.over == "sequence" or network.neuron.reset != "soft":
            given = (backend, network, params, batch, state, key)
            return super().estimate(*given, replicates=replicates)
        count = 1 if replicates is None else len(replicates)
        folded = None if replicates is None else count
        carries: Carries = (None, None)
        passes: list[Pass] = []
        for _ in range(network.steps):
            passes.append(self.observe(backend, network, params, batch, None, count, carries, 1))
            carries = (_reset_again(passes[-1]), None)
        first, *others = [self.gradient(state, observed, folded) for observed in passes]
        total = first.map(lambda *arrays: sum(arrays[1:], arrays[0]), *others)
        return Estimate(total, state, passes[-1].trace)


@dataclass(frozen=True)
class SmallerLeak(OnOtherNetwork, LocalLearning):
    """The leak is one per cent too small."""

    def other(self, network: Network) -> Network:
        return with_neuron(network, leak=0.99 * network.neuron.leak)


@dataclass(frozen=True)
class WithoutReset(OnOtherNetwork, PZOTwoPoint):
    """Spikes do not reset the membrane potential."""

    def other(self, network: Network) -> Network:
        return with_neuron(network, reset="none")


@dataclass(frozen=True)
class SpikeDerivativeTwice(OPZO):
    """With noise on the membrane potential psi is multiplied in although M holds it."""

    def derivative(self, observed: Pass, layer: Spiking) -> Array:
        return observed.trace.derivative[layer.name]


def _reset_again(observed: Pass) -> dict[str, Array]:
    """Return the carry with what a reset after the leak takes off more, at leak times it."""
    trace, neuron = observed.trace, observed.network.neuron
    more = neuron.threshold * (1 / neuron.leak - 1)
    carry = dict(trace.carry)
    for layer in observed.network.populations:
        for name in (f"{layer.name}.membrane", f"membrane/{layer.name}"):  # of the two backends
            if name in carry:
                carry[name] = carry[name] - more * trace.spikes[layer.name][-1, ...]
    return carry


NEURON = of_kind(
    "neuron",
    (
        ("psi missing", WithoutSurrogate(), "matches_autograd", "spatial_bp"),
        ("psi after the reset", SurrogateAfterReset(), "matches_autograd", "spatial_bp"),
        ("psi not centred", SurrogateNotCentred(), "enumerated_mean", "zo_two_point"),
        ("psi one per cent too sharp", SharperSurrogate(), "matches_oracle", "sign_symmetric"),
        ("random surrogate one per cent low", LowerSurrogate(), "enumerated_mean", "localzo"),
        ("gradient through the reset cut", ResetGradientSwapped(True), "matches_autograd", "bptt"),
        (
            "gradient through the reset kept",
            ResetGradientSwapped(False),
            "matches_autograd",
            "bptt",
        ),
        ("hard for soft reset", HardForSoftReset(), "enumerated_mean", "zo_single_point"),
        ("> for >=", StrictThreshold(), "matches_autograd", "spatial_bp"),
        ("reset not decayed", ResetNotDecayed(), "matches_autograd", "spatial_bp"),
        ("leak one per cent too small", SmallerLeak(), "matches_oracle", "local_learning"),
        ("no reset", WithoutReset(), "enumerated_mean", "pzo_two_point"),
        ("spike's derivative counted twice", SpikeDerivativeTwice(), "enumerated_feedback", "opzo"),
    ),
)
