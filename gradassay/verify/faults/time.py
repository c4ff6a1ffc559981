"""Faults in time: traces, steps that are dropped or late, losses of the wrong span."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass, replace

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.claims import Claim, Passes
from gradassay.core.estimator import State
from gradassay.core.layers import Spiking
from gradassay.core.noise import Noise
from gradassay.core.trace import Presynaptic, Recorded, Trace
from gradassay.estimators.bptt import BPTT
from gradassay.estimators.descent import Descent
from gradassay.estimators.dkp import DKP
from gradassay.estimators.feedback_alignment import FeedbackAlignment
from gradassay.estimators.intermediate_global import IntermediateGlobal
from gradassay.estimators.layerwise import Carries, Forward
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.temporal import Traces
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.faults.changes import OtherErrors, of_kind


@dataclass(frozen=True)
class TraceOfAnotherLeak(SpatialBP):
    """The trace decays with exp(-1/tau), the membrane potential with 1 - 1/tau, tau = 2."""

    @property
    def record(self) -> Set[Recorded]:
        needed: set[Recorded] = {"activity"}
        return super().record | needed

    def presynaptic(self, trace: Trace, layer: str) -> Presynaptic:
        right, now = trace.eligibility[layer], trace.activity[layer]
        if float(abs(right.bias - now.bias).max()) == 0:
            return right
        return _traced(now, math.exp(-1 / 2))


@dataclass(frozen=True)
class TraceOneStepLate(SpatialBP):
    """The weight gradient takes the trace of the step before."""

    def presynaptic(self, trace: Trace, layer: str) -> Presynaptic:
        right = trace.eligibility[layer]
        if right.weights is not None:
            return right
        xp = array_namespace(right.values)
        late = xp.concat([right.values[:1, ...], right.values[:-1, ...]], axis=0)
        return Presynaptic(late, right.bias)


@dataclass(frozen=True)
class TraceResetAtEachStep(IntermediateGlobal):
    """The trace is emptied at each step: the activity itself."""

    @property
    def record(self) -> Set[Recorded]:
        needed: set[Recorded] = {"activity"}
        return super().record | needed

    def presynaptic(self, trace: Trace, layer: str) -> Presynaptic:
        return trace.activity[layer]


@dataclass(frozen=True)
class TraceOfReceivedActivity(ZOSinglePoint):
    """The trace holds the noise of the pass where it is said not to."""

    @property
    def presynaptic_traces(self) -> Traces:
        return "received"


@dataclass(frozen=True)
class ErrorOfThePreviousStep(OPZO):
    """M meets the error of the step before."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        right = super().top_down(state, observed, layer, descent)
        return array_namespace(right).roll(right, 1, axis=0)


@dataclass(frozen=True)
class LastStepDropped(OtherErrors, DKP):
    """The loss of the last step is left out."""

    def errors(self, observed: Pass) -> Array:
        right = observed.trace.errors
        xp = array_namespace(right)
        return xp.concat([right[:-1, ...], 0 * right[-1:, ...]], axis=0)


@dataclass(frozen=True)
class StepLossForTheSequence(ZOTwoPoint):
    """Where the loss is of the sequence, noise meets a step's share of it."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        right = super().top_down(state, observed, layer, descent)
        return right / (observed.network.steps if observed.network.loss.over == "sequence" else 1)


@dataclass(frozen=True)
class SequenceLossForTheStep(ZOSinglePoint):
    """Where the loss is of the step, noise meets the mean of all steps' losses."""

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        losses = observed.trace.losses
        mean = array_namespace(losses).mean(losses, axis=0, keepdims=True)
        trace = replace(observed.trace, losses=0 * losses + mean)
        return super().top_down(state, replace(observed, trace=trace), layer, descent)


@dataclass(frozen=True)
class StateOfTheBatchBefore(FeedbackAlignment):
    """Membrane potentials and traces are not reset between batches."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(Passes(2, 1) if isinstance(c, Passes) else c for c in super().claims)

    def run(
        self, forward: Forward, noise: Noise | None, carries: Carries
    ) -> tuple[Trace, Trace | None]:
        before = forward(noise, self.record, carries[0])
        return forward(noise, self.record, before.carry), None


@dataclass(frozen=True)
class TruncatedAfterOneStep(BPTT):
    """The derivative goes back one step in time, no further."""

    def local_rule(self, observed: Pass, layer: Spiking, signal: Array) -> Array:
        own = self.derivative(observed, layer) * signal
        spikes, neuron = observed.trace.spikes[layer.name], observed.network.neuron
        by_membrane = neuron.leak * (1 - spikes if neuron.reset == "hard" else 1 + 0 * spikes)
        xp = array_namespace(own)
        back = by_membrane[:-1, ...] * own[1:, ...]
        return own + xp.concat([back, 0 * own[:1, ...]], axis=0)


def _traced(activity: Presynaptic, leak: float) -> Presynaptic:
    """Return the trace of an activity with a leak of its own."""
    bias = _decayed(activity.bias, leak)
    if activity.weights is not None:
        return Presynaptic(activity.values, bias, _decayed(activity.weights, leak))
    return Presynaptic(_decayed(activity.values, leak), bias)


def _decayed(values: Array, leak: float) -> Array:
    """Return ``a[t] = leak * a[t-1] + x[t]``."""
    traces = [values[0, ...]]
    for step in range(1, values.shape[0]):
        traces.append(leak * traces[-1] + values[step, ...])
    return array_namespace(values).stack(traces)


TIME = of_kind(
    "time",
    (
        ("trace with another leak", TraceOfAnotherLeak(), "matches_autograd", "spatial_bp"),
        ("trace one step late", TraceOneStepLate(), "matches_autograd", "spatial_bp"),
        (
            "trace reset at each step",
            TraceResetAtEachStep(law="rademacher"),
            "unbiased",
            "intermediate_global",
        ),
        (
            "trace reset at each step, Gaussian noise",
            TraceResetAtEachStep(),
            "unbiased",
            "intermediate_global",
        ),
        (
            "trace of received activity",
            TraceOfReceivedActivity(),
            "enumerated_mean",
            "zo_single_point",
        ),
        ("error of the previous step", ErrorOfThePreviousStep(), "enumerated_feedback", "opzo"),
        (
            "error of the previous step after a warm-up",
            ErrorOfThePreviousStep(warm_up=200),
            "enumerated_feedback",
            "opzo",
        ),
        ("loss of the last step dropped", LastStepDropped(), "feeds_back_its_matrices", "dkp"),
        (
            "loss of the step for the sequence's",
            StepLossForTheSequence(),
            "enumerated_mean",
            "zo_two_point",
        ),
        (
            "loss of the sequence for the step's",
            SequenceLossForTheStep(),
            "enumerated_mean",
            "zo_single_point",
        ),
        (
            "state not reset between batches",
            StateOfTheBatchBefore(),
            "matches_oracle",
            "feedback_alignment",
        ),
        ("backwards one step in time only", TruncatedAfterOneStep(), "matches_autograd", "bptt"),
    ),
)
