"""What should come from the network, the batch or the state, as a constant of the method's own."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

from dataclasses import dataclass

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.batch import Batch
from gradassay.core.estimator import State
from gradassay.core.layers import Spiking
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.estimators.descent import Descent
from gradassay.estimators.dfa import DFA
from gradassay.estimators.dkp import DKP
from gradassay.estimators.local_learning import LocalLearning
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.sign_symmetric import SignSymmetric
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.faults.changes import (
    OnOtherInputs,
    OnOtherNetwork,
    OtherErrors,
    by_sample,
    of_kind,
    with_neuron,
)

USUAL = Neuron()
MOST_STEPS, MOST_SAMPLES, MOST_UNITS = 8, 8, 64


@dataclass(frozen=True)
class LeakAsConstant(OnOtherNetwork, ZOTwoPoint):
    """The leak is 0.5 whatever the network's is."""

    def other(self, network: Network) -> Network:
        return with_neuron(network, leak=USUAL.leak)


@dataclass(frozen=True)
class ThresholdAsConstant(OnOtherNetwork, SpatialBP):
    """The threshold is 1 whatever the network's is."""

    def other(self, network: Network) -> Network:
        return with_neuron(network, threshold=USUAL.threshold)


@dataclass(frozen=True)
class SurrogateAsConstant(OnOtherNetwork, SignSymmetric):
    """The surrogate derivative is the sigmoid's whatever the network's is."""

    def other(self, network: Network) -> Network:
        return with_neuron(network, surrogate=USUAL.surrogate)


@dataclass(frozen=True)
class FirstInputsAlone(OnOtherInputs, SpatialBP):
    """A sequence's first inputs stand for those of all steps."""

    def inputs(self, batch: Batch) -> Array:
        return batch.inputs if batch.static else 0 * batch.inputs + batch.inputs[:1, ...]


@dataclass(frozen=True)
class NegativeInputsLost(OnOtherInputs, SpatialBP):
    """Inputs are taken for numbers that are not negative, as intensities of an image are."""

    def inputs(self, batch: Batch) -> Array:
        return array_namespace(batch.inputs).clip(batch.inputs, min=0)


@dataclass(frozen=True)
class LateStepsLost(OtherErrors, DFA):
    """Errors of later steps than the eighth are left out."""

    def errors(self, observed: Pass) -> Array:
        right = observed.trace.errors
        xp = array_namespace(right)
        return xp.concat([right[:MOST_STEPS, ...], 0 * right[MOST_STEPS:, ...]], axis=0)


@dataclass(frozen=True)
class FurtherSamplesLost(OtherErrors, DKP):
    """Errors of samples beyond the eighth are left out."""

    def errors(self, observed: Pass) -> Array:
        right = observed.trace.errors
        rows = by_sample(right, right.shape[1] // observed.replicates)
        kept, others = rows[:, :, :MOST_SAMPLES, :], rows[:, :, MOST_SAMPLES:, :]
        xp = array_namespace(right)
        return xp.reshape(xp.concat([kept, 0 * others], axis=2), right.shape)


@dataclass(frozen=True)
class FurtherUnitsLost(LocalLearning):
    """Signals of units beyond the 64th of a layer are left out."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        right = super().top_down(state, observed, layer, descent)
        kept, others = right[..., :MOST_UNITS], right[..., MOST_UNITS:]
        return array_namespace(right).concat([kept, 0 * others], axis=-1)


@dataclass(frozen=True)
class LimitedMatrix(OPZO):
    """No entry of M leaves [-1, 1]."""

    def absorb(self, state: State, contribution: State) -> State:
        after = dict(super().absorb(state, contribution))
        xp = array_namespace(after["updates"])
        return {
            name: array if name == "updates" else xp.clip(array, min=-1, max=1)
            for name, array in after.items()
        }


CONSTANTS = of_kind(
    "constants",
    (
        ("leak as a constant", LeakAsConstant(), "enumerated_mean", "zo_two_point"),
        ("threshold as a constant", ThresholdAsConstant(), "matches_autograd", "spatial_bp"),
        ("surrogate as a constant", SurrogateAsConstant(), "matches_oracle", "sign_symmetric"),
        ("first inputs of a sequence alone", FirstInputsAlone(), "matches_autograd", "spatial_bp"),
        ("negative inputs lost", NegativeInputsLost(), "matches_autograd", "spatial_bp"),
        ("steps beyond the eighth lost", LateStepsLost(), "feeds_back_its_matrices", "dfa"),
        ("samples beyond the eighth lost", FurtherSamplesLost(), "matches_oracle", "dkp"),
        ("units beyond the 64th lost", FurtherUnitsLost(), "matches_oracle", "local_learning"),
        ("M within limits", LimitedMatrix(), "learns_as_claimed", "opzo"),
    ),
)
