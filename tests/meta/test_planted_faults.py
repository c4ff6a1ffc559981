"""The verifier verified: planted faults that the named check must catch, and right methods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import pytest

from gradassay.core.arrays import Array
from gradassay.core.claims import Claim, Passes
from gradassay.core.estimator import Estimate, Estimator, State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Presynaptic, Trace
from gradassay.estimators import make_estimator, zoo_names
from gradassay.estimators.descent import Descent
from gradassay.estimators.dfa import DFA
from gradassay.estimators.forward_gradient import ForwardGradient
from gradassay.estimators.localzo import LocalZO
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.pzo_two_point import PZOTwoPoint
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.spsa import SPSA
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.suite import verify


@dataclass(frozen=True)
class ScaledSignal(ZOSinglePoint):
    factor: float = 1.0

    def top_down(self, *arguments: Any) -> Array:
        return super().top_down(*arguments) * self.factor


@dataclass(frozen=True)
class NoiseOfAnotherLayer(ZOSinglePoint):
    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        first = observed.network.spiking[0].name
        other = observed.drawn(first)[0][..., :1] + 0 * observed.drawn(layer.name)[0]
        return other * observed.trace.losses[..., None] / self.alpha


@dataclass(frozen=True)
class PositiveNoiseInOneCoordinate(ZOSinglePoint):
    def estimate(self, *arguments: Any, noise: Noise | None = None, **options: Any) -> Estimate:
        if noise is not None:
            values = {name: z * 1 for name, z in noise.values.items()}
            values["lif1"][..., 0] = abs(values["lif1"][..., 0])
            noise = Noise(noise.scale, values)
        return super().estimate(*arguments, noise=noise, **options)


@dataclass(frozen=True)
class LossOfTheSequence(ZOSinglePoint):
    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        noise, scale = observed.drawn(layer.name)
        return noise * observed.trace.losses.sum(0, keepdims=True)[..., None] / scale * 2


@dataclass(frozen=True)
class WithoutSurrogate(SpatialBP):
    def local_rule(self, observed: Pass, layer: Spiking, signal: Array) -> Array:
        return signal


@dataclass(frozen=True)
class TraceOneStepLate(SpatialBP):
    def presynaptic(self, trace: Trace, layer: str) -> Presynaptic:
        right = trace.eligibility[layer]
        late = right.values * 1
        if right.weights is None and late.shape[0] > 1:
            late[1:] = right.values[:-1]
        return Presynaptic(late, right.bias, right.weights)


@dataclass(frozen=True)
class BiasGradientMissing(SpatialBP):
    def estimate(self, *arguments: Any, **options: Any) -> Estimate:
        right = super().estimate(*arguments, **options)
        gradient = {
            n: a * (0 if n in ("hidden1.bias", "conv1.bias") else 1)
            for n, a in right.gradient.items()
        }
        return Estimate(Params(gradient), right.state, right.trace)


@dataclass(frozen=True)
class FlippedFeedback(DFA):
    def top_down(self, *arguments: Any) -> Array:
        return -super().top_down(*arguments)


@dataclass(frozen=True)
class FeedbackOfAnotherLayer(DFA):
    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        bottom = observed.network.spiking[0].name
        first = state[bottom]
        rolled = {name: m if name == bottom else 0 * m + first[:1] for name, m in state.items()}
        return super().top_down(rolled, observed, layer, descent)


@dataclass(frozen=True)
class HiddenBackwardPass(DFA):
    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        descent.output(layer.name)
        return super().top_down(state, observed, layer, descent)


@dataclass(frozen=True)
class WeightOfTheNewTermMissing(OPZO):
    def absorb(self, state: State, contribution: State) -> State:
        share = 1 - self.momentum
        return super().absorb(state, {n: z / share for n, z in contribution.items()})


@dataclass(frozen=True)
class BiasCorrectionMissing(OPZO):
    def top_down(self, state: State, *arguments: Any) -> Array:
        return super().top_down({**state, "updates": state["updates"] * 0 + 1e6}, *arguments)


@dataclass(frozen=True)
class UsedAfterItsUpdate(OPZO):
    @property
    def learns_before_use(self) -> bool:
        return self.use == "before"


@dataclass(frozen=True)
class CleanOutputCorrelated(OPZO):
    def contribution(self, state: State, observed: Pass) -> State:
        clean = observed.backend.forward(observed.network, observed.params, observed.batch)
        trace = replace(observed.trace, outputs=clean.outputs)
        return super().contribution(state, replace(observed, trace=trace))

    @property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(Passes(2, 0) if isinstance(c, Passes) else c for c in super().claims)


@dataclass(frozen=True)
class ErrorOfThePreviousStep(OPZO):
    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        right = super().top_down(state, observed, layer, descent)
        return np.roll(right, 1, axis=0) if isinstance(right, np.ndarray) else right.roll(1, 0)


@dataclass(frozen=True)
class ChangesItsInputs(SpatialBP):
    def estimate(self, backend: Any, network: Any, params: Params, *a: Any, **o: Any) -> Estimate:
        params[f"{network.weighted[0].name}.weight"][...] *= 1.5
        return super().estimate(backend, network, params, *a, **o)


@dataclass(frozen=True)
class IgnoresItsKey(ZOSinglePoint):
    def estimate(self, *arguments: Any, **options: Any) -> Estimate:
        entropy = Key(int(np.random.default_rng().integers(2**60)))
        backend, network, params, batch, state, _ = arguments
        return super().estimate(backend, network, params, batch, state, entropy, **options)


@dataclass(frozen=True)
class HalfOfTheTwoPoints(ZOTwoPoint):
    def top_down(self, *arguments: Any) -> Array:
        return super().top_down(*arguments) * 2


@dataclass(frozen=True)
class ErrorOfTheNoisyPass(PZOTwoPoint):
    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        trace = replace(observed.trace, errors=observed.second.errors)
        return super().top_down(state, replace(observed, trace=trace), layer, descent)


@dataclass(frozen=True)
class ReadoutsTangentMissing(ForwardGradient):
    def directional(self, observed: Pass) -> Array:
        return super().directional(observed) * 0.5


@dataclass(frozen=True)
class WiderSurrogate(LocalZO):
    def derivative(self, observed: Pass, layer: Spiking) -> Array:
        return super().derivative(observed, layer) * 0.99


@dataclass(frozen=True)
class OneChannelMissing(SpatialBP):
    def estimate(self, *arguments: Any, **options: Any) -> Estimate:
        right = super().estimate(*arguments, **options)
        gradient = {n: a * 1 for n, a in right.gradient.items()}
        if "conv2.weight" in gradient:
            gradient["conv2.weight"][..., 1, :, :, :] *= 0
        return Estimate(Params(gradient), right.state, right.trace)


@dataclass(frozen=True)
class StandardisationsGradientIgnored(SpatialBP):
    def gradient(self, state: State, observed: Pass, folded: int | None) -> Params:
        right = super().gradient(state, observed, folded)
        plain: dict[str, Array] = {}
        for layer in observed.network.weighted:
            if getattr(layer, "standardised", False):
                seen = self.presynaptic(observed.trace, layer.name)
                bare = msgspec.structs.replace(layer, standardised=False)
                delta = self.deltas(state, observed)[layer.name]
                plain |= observed.backend.weight_gradient(
                    bare, observed.params, delta, seen, replicates=folded
                )
        return Params({**right, **plain})


@dataclass(frozen=True)
class OneBranchOfEverySum(SpatialBP):
    def deltas(self, state: State, observed: Pass) -> dict[str, Array]:
        right = super().deltas(state, observed)
        return {n: a * (0 if n.endswith("shortcut") else 1) for n, a in right.items()}


@dataclass(frozen=True)
class WeightPerturbationOfOneSign(SPSA):
    def estimate(self, *arguments: Any, **options: Any) -> Estimate:
        right = super().estimate(*arguments, **options)
        return Estimate(right.gradient.map(abs), right.state, right.trace)


FAULTS: dict[str, tuple[Estimator, str]] = {
    "1/alpha missing": (ScaledSignal(factor=0.2), "enumerated_mean"),
    "1/alpha squared": (ScaledSignal(factor=5.0), "enumerated_mean"),
    "flipped sign of the signal": (ScaledSignal(factor=-1.0), "enumerated_mean"),
    "gain of one per cent": (ScaledSignal(factor=1.01), "enumerated_variance"),
    "noise of another layer": (NoiseOfAnotherLayer(), "enumerated_mean"),
    "a coordinate's noise always positive": (PositiveNoiseInOneCoordinate(), "enumerated_mean"),
    "loss of the sequence for the step's": (LossOfTheSequence(), "enumerated_mean"),
    "another draw than the key's": (IgnoresItsKey(), "same_key_same_bits"),
    "psi missing": (WithoutSurrogate(), "matches_autograd"),
    "trace one step late": (TraceOneStepLate(), "matches_autograd"),
    "bias gradient missing": (BiasGradientMissing(), "matches_autograd"),
    "parameters changed in place": (ChangesItsInputs(), "same_key_same_bits"),
    "flipped feedback": (FlippedFeedback(), "feeds_back_its_matrices"),
    "feedback of another layer": (FeedbackOfAnotherLayer(), "feeds_back_its_matrices"),
    "a backward pass hidden in direct feedback": (HiddenBackwardPass(), "passes_as_claimed"),
    "(1 - lambda) missing": (WeightOfTheNewTermMissing(), "enumerated_momentum"),
    "bias correction missing": (BiasCorrectionMissing(), "enumerated_mean"),
    "M used after its update, claimed before": (UsedAfterItsUpdate(), "enumerated_mean"),
    "clean output correlated": (CleanOutputCorrelated(), "enumerated_momentum"),
    "error of the previous step": (ErrorOfThePreviousStep(), "enumerated_mean"),
    "central difference over one alpha": (HalfOfTheTwoPoints(), "enumerated_mean"),
    "error of the noisy pass": (ErrorOfTheNoisyPass(), "enumerated_mean"),
    "half the directional derivative": (ReadoutsTangentMissing(), "enumerated_mean"),
    "random surrogate one per cent low": (WiderSurrogate(), "enumerated_mean"),
    "one channel's gradient zero": (OneChannelMissing(), "matches_autograd"),
    "standardisation's gradient ignored": (StandardisationsGradientIgnored(), "matches_autograd"),
    "projection of a residual block not learnt": (OneBranchOfEverySum(), "matches_autograd"),
    "perturbation's sign lost": (WeightPerturbationOfOneSign(), "enumerated_mean"),
}


@pytest.mark.parametrize(("subject", "check"), FAULTS.values(), ids=FAULTS.keys())
def test_planted_fault_is_caught_by_the_named_check(subject: Estimator, check: str) -> None:
    failed = [r for r in verify({"faulty": subject}, seed=0) if r.verdict == "FAIL"]
    assert check in {result.check for result in failed}
    assert all(result.detail for result in failed)


@pytest.mark.parametrize("seed", range(3))
def test_right_estimators_pass_every_check(seed: int) -> None:
    results = verify({name: make_estimator(name) for name in zoo_names()}, seed=seed)
    assert [r for r in results if r.verdict != "PASS"] == []
    checks = {(r.subject, r.check) for r in results}
    assert {subject for subject, _ in checks} == set(zoo_names())
    for name in zoo_names():
        assert (name, "backends_agree") in checks
    assert {("opzo", "enumerated_momentum"), ("zo_single_point", "enumerated_mean")} <= checks


def test_detail_of_a_failure_names_the_array_and_the_factor() -> None:
    failed = [
        r
        for r in verify({"faulty": ScaledSignal(factor=-2.0)}, seed=0)
        if r.check == "enumerated_mean" and r.verdict == "FAIL"
    ]
    assert any("hidden" in r.detail and "-2 times the expected" in r.detail for r in failed)
