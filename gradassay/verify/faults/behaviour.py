"""Faults of behaviour: raises, wrong shapes, changes what it is given, claims what is not so."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.batch import Batch
from gradassay.core.claims import (
    Claim,
    Deterministic,
    Estimand,
    MomentumFeedback,
    Online,
    Passes,
    UnbiasedFor,
)
from gradassay.core.estimator import Estimate, State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.params import Params
from gradassay.core.trace import Recorded
from gradassay.estimators.bptt import BPTT
from gradassay.estimators.descent import Descent
from gradassay.estimators.dfa import DFA
from gradassay.estimators.dkp import DKP
from gradassay.estimators.local_learning import LocalLearning
from gradassay.estimators.localzo import LocalZO
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.faults.changes import OnOtherInputs, OtherGradient, of_kind


@dataclass(frozen=True)
class RaisesOnDepth(DFA):
    """With three hidden layers an index is out of range."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        if layer in observed.network.spiking[2:]:
            raise IndexError("list index out of range")
        return super().top_down(state, observed, layer, descent)


@dataclass(frozen=True)
class NotANumberWhereSilent(SpatialBP):
    """The signal is normalised by each unit's number of spikes: 0/0 where it is silent."""

    @property
    def record(self) -> Set[Recorded]:
        needed: set[Recorded] = {"spikes"}
        return super().record | needed

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        spikes = observed.trace.spikes[layer.name]
        count = array_namespace(spikes).sum(spikes, axis=0, keepdims=True)
        return super().top_down(state, observed, layer, descent) * (count / count)


@dataclass(frozen=True)
class TransposedGradient(OtherGradient, LocalLearning):
    """The readout's weight gradient is (inputs, outputs)."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        name = f"{observed.network.readout.name}.weight"
        array = array_namespace(gradient[name]).matrix_transpose(gradient[name])
        return Params({**gradient, name: array})


@dataclass(frozen=True)
class ParameterLeftOut(OtherGradient, OPZO):
    """The gradient has no entry for the readout's bias."""

    def altered(self, gradient: Params, observed: Pass, folded: int | None) -> Params:
        name = f"{observed.network.readout.name}.bias"
        return Params({n: array for n, array in gradient.items() if n != name})


@dataclass(frozen=True)
class ChangesParameters(SpatialBP):
    """The parameters are updated in place."""

    def estimate(self, backend: Any, network: Any, params: Params, *g: Any, **o: Any) -> Estimate:
        right = super().estimate(backend, network, params, *g, **o)
        if o.get("replicates") is None:
            for name, array in right.gradient.items():
                params[name][...] -= 0.01 * array
        return right


@dataclass(frozen=True)
class ChangesItsState(DKP):
    """B is updated in place."""

    def absorb(self, state: State, contribution: State) -> State:
        after = super().absorb(state, contribution)
        for name, array in after.items():
            if array.shape == state[name].shape:
                state[name][...] = array
        return after


@dataclass(frozen=True)
class IgnoresItsKey(ZOSinglePoint):
    """The noise comes from the system's entropy."""

    def draw(self, backend: Any, network: Any, batch: Any, key: Key, numbers: range) -> Any:
        entropy = Key(int(np.random.default_rng().integers(2**60)))
        return super().draw(backend, network, batch, entropy, numbers)


@dataclass(frozen=True)
class BaselineOverReplicates(ZOSinglePoint):
    """The mean loss of all replicates together is subtracted."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        losses = observed.trace.losses
        mean = array_namespace(losses).mean(losses, axis=1, keepdims=True)
        trace = replace(observed.trace, losses=losses - mean)
        return super().top_down(state, replace(observed, trace=trace), layer, descent)


@dataclass(frozen=True)
class FirstBatchForAll(OnOtherInputs, SpatialBP):
    """Where replicates have mini-batches of their own, the first one's inputs stand for all."""

    def inputs(self, batch: Batch) -> Array:
        first = batch.inputs[..., : batch.size, :]
        return array_namespace(first).concat([first] * batch.folds, axis=-2)


@dataclass(frozen=True)
class HiddenBackwardPass(DFA):
    """Direct feedback that sends the error down through the weights beside."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        descent.output(layer.name)
        return super().top_down(state, observed, layer, descent)


@dataclass(frozen=True)
class OnePassClaimed(ZOTwoPoint):
    """Two passes are made, one is claimed."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(Passes(1, 0) if isinstance(c, Passes) else c for c in super().claims)


@dataclass(frozen=True)
class MomentumClaimed(ZOSinglePoint):
    """Momentum feedback is claimed without a state."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (*super().claims, MomentumFeedback(0.99, "before"))


@dataclass(frozen=True)
class ThroughTimeClaimed(SpatialBP):
    """The gradient through time is claimed, the online one is made."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (UnbiasedFor(Estimand("bptt")), Passes(1, 1), Deterministic(), Online())


@dataclass(frozen=True)
class DeterministicClaimed(LocalZO):
    """Draws, and claims not to."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (*super().claims, Deterministic())


@dataclass(frozen=True)
class ClaimsAreAList(LocalLearning):
    """The claims are no tuple."""

    @property
    def claims(self) -> Any:
        return list(super().claims)


@dataclass(frozen=True)
class OnlineClaimed(BPTT):
    """Backpropagation through time claims to store nothing that grows with T."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (*super().claims, Online())


@dataclass(frozen=True)
class NeverEnds(ZOSinglePoint):
    """Noise is drawn until it is right, which it never is."""

    def draw(self, backend: Any, network: Any, batch: Any, key: Key, numbers: range) -> Any:
        while True:
            super().draw(backend, network, batch, key, numbers)


BEHAVIOUR = of_kind(
    "behaviour",
    (
        ("raises on three hidden layers", RaisesOnDepth(), "well_formed", "dfa"),
        ("NaN where a unit is silent", NotANumberWhereSilent(), "well_formed", "spatial_bp"),
        ("gradient transposed", TransposedGradient(), "well_formed", "local_learning"),
        ("a parameter left out", ParameterLeftOut(), "well_formed", "opzo"),
        ("parameters changed in place", ChangesParameters(), "same_key_same_bits", "spatial_bp"),
        ("state changed in place", ChangesItsState(), "same_key_same_bits", "dkp"),
        ("another draw than the key's", IgnoresItsKey(), "same_key_same_bits", "zo_single_point"),
        (
            "baseline over all replicates",
            BaselineOverReplicates(),
            "folded_equals_looped",
            "zo_single_point",
        ),
        (
            "the first mini-batch for all replicates",
            FirstBatchForAll(),
            "folded_equals_looped",
            "spatial_bp",
        ),
        ("a backward pass in direct feedback", HiddenBackwardPass(), "passes_as_claimed", "dfa"),
        ("one pass claimed, two made", OnePassClaimed(), "passes_as_claimed", "zo_two_point"),
        (
            "gradient through time claimed, online one made",
            ThroughTimeClaimed(),
            "matches_autograd",
            "spatial_bp",
        ),
        ("online claimed through time", OnlineClaimed(), "online_as_claimed", "bptt"),
        ("claimed to be deterministic", DeterministicClaimed(), "matches_oracle", "localzo"),
        ("claims in a list", ClaimsAreAList(), "well_formed", "local_learning"),
        ("momentum claimed without a state", MomentumClaimed(), "well_formed", "zo_single_point"),
    ),
)

ENDLESS = of_kind("behaviour", (("never ends", NeverEnds(), "well_formed", "zo_single_point"),))
