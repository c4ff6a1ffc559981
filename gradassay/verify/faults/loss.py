"""Faults of the loss: its mixture, its classes, its labels."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimate
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.estimators.dfa import DFA
from gradassay.estimators.localzo import LocalZO
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.pzo_two_point import PZOTwoPoint
from gradassay.estimators.sign_symmetric import SignSymmetric
from gradassay.estimators.spsa import SPSA
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.faults.changes import OnOtherNetwork, OtherErrors, of_kind


@dataclass(frozen=True)
class WithoutSquaredError(OnOtherNetwork, DFA):
    """The MSE part is left out."""

    def other(self, network: Network) -> Network:
        return network.replace(loss=msgspec.structs.replace(network.loss, mse_weight=0.0))


@dataclass(frozen=True)
class WeightsSwapped(OnOtherNetwork, ZOTwoPoint):
    """mu and 1 - mu are swapped."""

    def other(self, network: Network) -> Network:
        swapped = 1 - network.loss.mse_weight
        return network.replace(loss=msgspec.structs.replace(network.loss, mse_weight=swapped))


@dataclass(frozen=True)
class SumOverClasses(OtherErrors, OPZO):
    """The squared error of a step is summed over classes, not averaged."""

    def errors(self, observed: Pass) -> Array:
        trace, network = observed.trace, observed.network
        if network.loss.over == "sequence":
            return trace.errors
        distance = trace.outputs - _one_hot(observed)
        mean = 2 * network.loss.mse_weight * distance / (network.classes * network.steps)
        return trace.errors + (network.classes - 1) * mean


@dataclass(frozen=True)
class SharperSoftmax(OtherErrors, SignSymmetric):
    """The outputs are taken one per cent too large in the error."""

    def errors(self, observed: Pass) -> Array:
        outputs = 1.01 * observed.trace.outputs
        return observed.backend.loss(observed.network, outputs, observed.batch.targets)[1]


@dataclass(frozen=True)
class LastClassMissing(OtherErrors, PZOTwoPoint):
    """The error of the last class is left out."""

    def errors(self, observed: Pass) -> Array:
        right = observed.trace.errors
        parts = [right[..., :-1], 0 * right[..., -1:]]
        return array_namespace(right).concat(parts, axis=-1)


@dataclass(frozen=True)
class SmoothedLabels(OtherErrors, LocalZO):
    """Labels are smoothed by one per cent."""

    def errors(self, observed: Pass) -> Array:
        network = observed.network
        moved = _one_hot(observed) - 1 / network.classes
        return observed.trace.errors + 0.01 * moved / network.steps


@dataclass(frozen=True)
class LabelOneOff(SPSA):
    """Labels are counted from 1."""

    def estimate(
        self, backend: Any, network: Network, params: Params, batch: Batch, *g: Any, **o: Any
    ) -> Estimate:
        other = Batch(batch.inputs, (batch.targets + 1) % network.classes, batch.folds)
        return super().estimate(backend, network, params, other, *g, **o)


def _one_hot(observed: Pass) -> Array:
    """Return the targets as rows with a single 1, (R*B, m)."""
    outputs, targets = observed.trace.outputs, observed.batch.targets
    xp = array_namespace(outputs)
    columns = [targets == label for label in range(observed.network.classes)]
    return xp.astype(xp.stack(columns, axis=-1), outputs.dtype)


LOSS = of_kind(
    "loss",
    (
        ("MSE left out", WithoutSquaredError(), "feeds_back_its_matrices", "dfa"),
        ("weights of the losses swapped", WeightsSwapped(), "enumerated_mean", "zo_two_point"),
        ("MSE summed over classes", SumOverClasses(), "enumerated_feedback", "opzo"),
        ("softmax one per cent too sharp", SharperSoftmax(), "matches_oracle", "sign_symmetric"),
        ("gradient of one class missing", LastClassMissing(), "enumerated_mean", "pzo_two_point"),
        ("labels smoothed by one per cent", SmoothedLabels(), "enumerated_mean", "localzo"),
        ("label one off", LabelOneOff(), "enumerated_mean", "spsa"),
    ),
)
