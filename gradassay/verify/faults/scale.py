"""Faults of scale: a factor too many, missing, or of the wrong size."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradassay.core.arrays import Array
from gradassay.core.estimator import State
from gradassay.core.layers import Spiking
from gradassay.core.params import Params
from gradassay.estimators.bptt import BPTT
from gradassay.estimators.descent import Descent
from gradassay.estimators.dfa import DFA
from gradassay.estimators.forward_gradient import ForwardGradient
from gradassay.estimators.hybrid import Hybrid
from gradassay.estimators.local_learning import LocalLearning
from gradassay.estimators.momentum import corrected
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.pzo_two_point import PZOTwoPoint
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.faults.changes import of_kind


@dataclass(frozen=True)
class ScaledSignal(ZOSinglePoint):
    """The signal times a factor."""

    factor: float = 1.0

    def top_down(self, *given: Any, **named: Any) -> Array:
        return super().top_down(*given, **named) * self.factor


@dataclass(frozen=True)
class InverseAlphaTwice(PZOTwoPoint):
    """The signal is divided by alpha twice."""

    def top_down(self, *given: Any, **named: Any) -> Array:
        return super().top_down(*given, **named) / self.alpha


@dataclass(frozen=True)
class DistanceOfOneAlpha(ZOTwoPoint):
    """The two points of a central difference are 2 alpha apart; alpha is taken."""

    def top_down(self, *given: Any, **named: Any) -> Array:
        return super().top_down(*given, **named) * (2 if self.form == "central" else 1)


@dataclass(frozen=True)
class HalfTheSlope(ForwardGradient):
    """Half the directional derivative."""

    def directional(self, observed: Pass) -> Array:
        return super().directional(observed) * 0.5


@dataclass(frozen=True)
class NewTermUnweighted(OPZO):
    """``M <- lambda M + Z``, without the factor 1 - lambda."""

    def absorb(self, state: State, contribution: State) -> State:
        share = 1 - self.momentum
        return super().absorb(state, {name: term / share for name, term in contribution.items()})


@dataclass(frozen=True)
class CorrectionMissing(OPZO):
    """M is not corrected for its start at 0."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        much = {**state, "updates": state["updates"] * 0 + 1e6}
        return super().top_down(much, observed, layer, descent)


@dataclass(frozen=True)
class CorrectedTwice(OPZO):
    """M is corrected for its start when it is stored and when it is used."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        if self.start == "zero":
            matrix = corrected(state[layer.name], state["updates"], self.momentum)
            state = {**state, layer.name: matrix}
        return super().top_down(state, observed, layer, descent)


@dataclass(frozen=True)
class TermSummedOverBatch(OPZO):
    """The new term of M is a sum over the batch, not a mean."""

    def contribution(self, state: State, observed: Pass) -> State:
        samples = observed.trace.outputs.shape[1] // observed.replicates
        right = super().contribution(state, observed)
        return {name: term * samples for name, term in right.items()}


@dataclass(frozen=True)
class GainTwice(DFA):
    """The gain is in B already, and is applied again on the way down."""

    def top_down(self, *given: Any, **named: Any) -> Array:
        return super().top_down(*given, **named) * self.gain


@dataclass(frozen=True)
class MeanOverSteps(BPTT):
    """The gradient is divided by T once more: the loss holds 1/T already."""

    def gradient(self, state: State, observed: Pass, folded: int | None) -> Params:
        steps = observed.network.steps
        return super().gradient(state, observed, folded).map(lambda array: array / steps)


@dataclass(frozen=True)
class CoefficientTwice(Hybrid):
    """Each part's coefficient is applied twice."""

    def deltas(self, state: State, observed: Pass) -> dict[str, Array]:
        squared = tuple(c * c for c in self.coefficients)
        return Hybrid(self.parts, squared, temporal=self.temporal).deltas(state, observed)


SCALE = of_kind(
    "scale",
    (
        ("1/alpha missing", ScaledSignal(factor=0.2), "enumerated_mean", "zo_single_point"),
        ("1/alpha squared", InverseAlphaTwice(), "enumerated_mean", "pzo_two_point"),
        (
            "gain of one per cent",
            ScaledSignal(factor=1.01),
            "enumerated_variance",
            "zo_single_point",
        ),
        (
            "central difference over one alpha",
            DistanceOfOneAlpha(),
            "enumerated_mean",
            "zo_two_point",
        ),
        ("half the directional derivative", HalfTheSlope(), "enumerated_mean", "forward_gradient"),
        ("(1 - lambda) missing", NewTermUnweighted(), "enumerated_momentum", "opzo"),
        ("bias correction missing", CorrectionMissing(), "enumerated_feedback", "opzo"),
        ("bias correction twice", CorrectedTwice(), "enumerated_feedback", "opzo"),
        ("M summed over the batch", TermSummedOverBatch(), "momentum_unbiased", "opzo"),
        ("feedback gain applied twice", GainTwice(gain=0.9), "feeds_back_its_matrices", "dfa"),
        ("divided by T twice", MeanOverSteps(), "matches_autograd", "bptt"),
        (
            "a sum's coefficient applied twice",
            CoefficientTwice(parts=(DFA(), LocalLearning()), coefficients=(1.0, 0.1)),
            "matches_oracle",
            "dfa+0.1*local_learning",
        ),
    ),
)
