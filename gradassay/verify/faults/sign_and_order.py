"""Faults of sign and order: minus for plus, transposed, swapped, too early or too late."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.estimator import Estimate, State
from gradassay.core.layers import Conv2d, Linear, Spiking
from gradassay.estimators.descent import Descent
from gradassay.estimators.dfa import DFA
from gradassay.estimators.local_learning import LocalLearning
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.pzo_two_point import PZOTwoPoint
from gradassay.estimators.sign_symmetric import SignSymmetric
from gradassay.estimators.spsa import SPSA
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.faults.changes import of_kind


@dataclass(frozen=True)
class FlippedFeedback(DFA):
    """``-B e`` for ``B e``."""

    def top_down(self, *given: Any, **named: Any) -> Array:
        return -super().top_down(*given, **named)


@dataclass(frozen=True)
class CleanMinusNoisy(PZOTwoPoint):
    """The two outputs are swapped in their difference."""

    def top_down(self, *given: Any, **named: Any) -> Array:
        return -super().top_down(*given, **named)


@dataclass(frozen=True)
class SwappedWhereForward(ZOTwoPoint):
    """The two losses are swapped in the forward form only."""

    def top_down(self, *given: Any, **named: Any) -> Array:
        return super().top_down(*given, **named) * (-1 if self.form == "forward" else 1)


@dataclass(frozen=True)
class BaselineMinusLoss(ZOSinglePoint):
    """The loss is subtracted from the baseline."""

    def top_down(self, *given: Any, **named: Any) -> Array:
        return super().top_down(*given, **named) * (1 if self.baseline is None else -1)


@dataclass(frozen=True)
class TransposedWhereSquare(OPZO):
    """M is transposed; only where a layer has as many units as classes do the shapes fit."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        matrix = state[layer.name]
        if layer.units == observed.network.classes:
            matrix = array_namespace(matrix).matrix_transpose(matrix)
        return super().top_down({**state, layer.name: matrix}, observed, layer, descent)


@dataclass(frozen=True)
class TargetMinusOutput(LocalLearning):
    """The error of the local readout has the wrong sign."""

    def top_down(self, *given: Any, **named: Any) -> Array:
        return -super().top_down(*given, **named)


@dataclass(frozen=True)
class UsedAfterItsUpdate(OPZO):
    """M is used after its update where before is said, and the other way round."""

    @property
    def learns_before_use(self) -> bool:
        return self.use == "before"


@dataclass(frozen=True)
class MomentumOnTheWrongSide(OPZO):
    """``M <- (1 - lambda) M + lambda Z``."""

    def absorb(self, state: State, contribution: State) -> State:
        other = replace(self, momentum=1 - self.momentum)
        return super(MomentumOnTheWrongSide, other).absorb(state, contribution)


@dataclass(frozen=True)
class SignOfZeroIsOne(SignSymmetric):
    """Weights that are 0 count as positive."""

    def weight_down(self, state: State, observed: Pass, layer: Linear | Conv2d) -> Array:
        weight = observed.backend.weight(layer, observed.params)
        xp = array_namespace(weight)
        size = self.gain * xp.mean(xp.abs(weight))
        return xp.where(weight >= 0, size, -size)


@dataclass(frozen=True)
class SignOfThePerturbationLost(SPSA):
    """The gradient holds |z| in place of z."""

    def estimate(self, *given: Any, **options: Any) -> Estimate:
        right = super().estimate(*given, **options)
        return replace(right, gradient=right.gradient.map(abs))


SIGN_AND_ORDER = of_kind(
    "sign_and_order",
    (
        ("flipped feedback", FlippedFeedback(), "feeds_back_its_matrices", "dfa"),
        ("clean minus noisy output", CleanMinusNoisy(), "enumerated_mean", "pzo_two_point"),
        (
            "losses swapped in the forward form",
            SwappedWhereForward(),
            "enumerated_mean",
            "zo_two_point",
        ),
        ("baseline minus loss", BaselineMinusLoss(baseline=0.9), "unbiased", "zo_single_point"),
        ("M transposed where square", TransposedWhereSquare(), "enumerated_feedback", "opzo"),
        ("target minus output", TargetMinusOutput(), "matches_oracle", "local_learning"),
        (
            "M used after its update, claimed before",
            UsedAfterItsUpdate(),
            "enumerated_feedback",
            "opzo",
        ),
        ("momentum on the wrong side", MomentumOnTheWrongSide(), "enumerated_momentum", "opzo"),
        ("sign of a zero weight is 1", SignOfZeroIsOne(), "matches_oracle", "sign_symmetric"),
        ("perturbation's sign lost", SignOfThePerturbationLost(), "enumerated_mean", "spsa"),
    ),
)
