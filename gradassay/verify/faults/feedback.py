"""Faults of feedback matrices: the wrong one, one that is not learnt, or learnt wrongly."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gradassay.core.arrays import Array, array_namespace, mean_outer
from gradassay.core.estimator import State
from gradassay.core.layers import Conv2d, Linear, Spiking
from gradassay.estimators.descent import Descent
from gradassay.estimators.dfa import DFA
from gradassay.estimators.dkp import DKP
from gradassay.estimators.feedback import READOUT, feed_back
from gradassay.estimators.feedback_alignment import FeedbackAlignment
from gradassay.estimators.intermediate_global import IntermediateGlobal
from gradassay.estimators.local_learning import LocalLearning
from gradassay.estimators.momentum import corrected
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.verify.faults.changes import of_kind


@dataclass(frozen=True)
class FeedbackOfTheFirstLayer(DFA):
    """Every layer gets the first row of the first layer's B."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        bottom = observed.network.spiking[0].name
        matrix = state[layer.name]
        if layer.name != bottom:
            matrix = 0 * matrix + state[bottom][:1, ...]
        return super().top_down({**state, layer.name: matrix}, observed, layer, descent)


@dataclass(frozen=True)
class ForwardWeightsInConvolutions(FeedbackAlignment):
    """B stands for dense weights only; convolutions send the error down through their own."""

    def weight_down(self, state: State, observed: Pass, layer: Linear | Conv2d) -> Array:
        if isinstance(layer, Conv2d):
            return observed.backend.weight(layer, observed.params)
        return super().weight_down(state, observed, layer)


@dataclass(frozen=True)
class NotUpdated(OPZO):
    """Updates are counted, and M stays as it was."""

    def absorb(self, state: State, contribution: State) -> State:
        right = super().absorb(state, contribution)
        still = {name: state[name] + 0 * right[name] for name in contribution}
        return {**right, **still}


@dataclass(frozen=True)
class UpdatedTwice(OPZO):
    """Each pass updates M twice, and counts once."""

    def absorb(self, state: State, contribution: State) -> State:
        right = super().absorb(state, contribution)
        again = super().absorb({**right, "updates": state["updates"]}, contribution)
        return {**again, "updates": right["updates"]}


@dataclass(frozen=True)
class MixedOverReplicates(OPZO):
    """All replicates learn the mean of their new terms."""

    def contribution(self, state: State, observed: Pass) -> State:
        right = super().contribution(state, observed)
        if observed.replicates == 1:
            return right
        xp = array_namespace(observed.trace.outputs)
        return {n: 0 * term + xp.mean(term, axis=0, keepdims=True) for n, term in right.items()}


@dataclass(frozen=True)
class LearntThoughFrozen(OPZO):
    """M goes on learning after the update at which it should be frozen."""

    def absorb(self, state: State, contribution: State) -> State:
        other = replace(self, freeze_after=None)
        return super(LearntThoughFrozen, other).absorb(state, contribution)


@dataclass(frozen=True)
class NeverAwake(OPZO):
    """The weights rest for ever, not until M is warm."""

    def awake(self, state: State) -> Array | None:
        factor = super().awake(state)
        return None if factor is None else 0 * factor


@dataclass(frozen=True)
class ReadoutLearntFirst(LocalLearning):
    """The local readout is updated before its error is sent back through it."""

    @property
    def learns_before_use(self) -> bool:
        return True


@dataclass(frozen=True)
class ErrorOfTheNetwork(IntermediateGlobal):
    """M of the middle readout gets the error of the network's output."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        if layer.name not in state:
            return super().top_down(state, observed, layer, descent)
        matrix = corrected(state[layer.name], state["updates"], self.momentum)
        return feed_back(matrix, observed.trace.errors, observed.replicates)


@dataclass(frozen=True)
class DecayMissing(DKP):
    """B does not decay."""

    def absorb(self, state: State, contribution: State) -> State:
        return {name: state[name] - self.step * d for name, d in contribution.items()}


@dataclass(frozen=True)
class SummedOverBatch(DKP):
    """B learns from the sum over the batch, not from the mean."""

    def contribution(self, state: State, observed: Pass) -> State:
        samples = observed.trace.errors.shape[1] // observed.replicates
        right = super().contribution(state, observed)
        return {name: term * samples for name, term in right.items()}


@dataclass(frozen=True)
class FixedFeedbackDrifts(DFA):
    """B, which should be fixed, decays by a thousandth a pass."""

    def absorb(self, state: State, contribution: State) -> State:
        return {name: 0.999 * matrix for name, matrix in state.items()}


@dataclass(frozen=True)
class ReadoutLearntUphill(LocalLearning):
    """The local readout is moved along its gradient, not against it."""

    def absorb(self, state: State, contribution: State) -> State:
        return super().absorb(state, {name: -d for name, d in contribution.items()})


@dataclass(frozen=True)
class MiddleReadoutFrozen(IntermediateGlobal):
    """The middle readout is not learnt."""

    def absorb(self, state: State, contribution: State) -> State:
        still = {n: 0 * d for n, d in contribution.items() if n.startswith(READOUT)}
        return super().absorb(state, {**contribution, **still})


@dataclass(frozen=True)
class OutputOfTheNetwork(IntermediateGlobal):
    """M of the layers before the middle averages the network's output, not the middle readout's."""

    def contribution(self, state: State, observed: Pass) -> State:
        terms = dict(super().contribution(state, observed))
        for name in self.before(observed.network):
            noise, scale = observed.drawn(name)
            outer = mean_outer(noise, observed.trace.outputs, observed.replicates)
            terms[name] = outer / (scale * observed.network.steps)
        return terms


@dataclass(frozen=True)
class NothingInAdvance(OPZO):
    """M is learnt where a gradient is asked for, and not where the state alone is."""

    def advance(self, *given: Any, **options: Any) -> State:
        learnt = super().advance(*given, **options)
        return {**given[4], "updates": learnt["updates"]}


FEEDBACK = of_kind(
    "feedback",
    (
        ("feedback of another layer", FeedbackOfTheFirstLayer(), "feeds_back_its_matrices", "dfa"),
        (
            "forward weights in place of B",
            ForwardWeightsInConvolutions(),
            "matches_oracle",
            "feedback_alignment",
        ),
        ("M not updated", NotUpdated(), "enumerated_momentum", "opzo"),
        ("M updated twice", UpdatedTwice(), "enumerated_momentum", "opzo"),
        (
            "M mixed over replicates",
            MixedOverReplicates(use="after"),
            "folded_equals_looped",
            "opzo",
        ),
        ("M learnt though frozen", LearntThoughFrozen(freeze_after=1), "momentum_unbiased", "opzo"),
        (
            "M learnt though frozen long after",
            LearntThoughFrozen(freeze_after=100),
            "learns_as_claimed",
            "opzo",
        ),
        ("weights at rest for ever", NeverAwake(warm_up=200), "rests_while_warming_up", "opzo"),
        (
            "local readout learnt before use",
            ReadoutLearntFirst(),
            "matches_oracle",
            "local_learning",
        ),
        (
            "error of the network for a middle readout's",
            ErrorOfTheNetwork(law="rademacher"),
            "unbiased",
            "intermediate_global",
        ),
        (
            "error of the network for a middle readout's, Gaussian noise",
            ErrorOfTheNetwork(),
            "unbiased",
            "intermediate_global",
        ),
        ("decay of B missing", DecayMissing(), "learns_as_claimed", "dkp"),
        ("B learnt from a sum over the batch", SummedOverBatch(), "learns_as_claimed", "dkp"),
        ("fixed feedback drifts", FixedFeedbackDrifts(), "learns_as_claimed", "dfa"),
        (
            "local readout learnt uphill",
            ReadoutLearntUphill(),
            "learns_as_claimed",
            "local_learning",
        ),
        (
            "middle readout not learnt",
            MiddleReadoutFrozen(),
            "learns_as_claimed",
            "intermediate_global",
        ),
        (
            "output of the network for a middle readout's",
            OutputOfTheNetwork(),
            "learns_as_claimed",
            "intermediate_global",
        ),
        ("nothing learnt without a gradient", NothingInAdvance(), "learns_as_claimed", "opzo"),
    ),
)
