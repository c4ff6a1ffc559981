"""The check of noise looks at the passes of every key, not of the first alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from gradassay.core.keys import Key
from gradassay.core.noise import Noise
from gradassay.core.records import CheckResult
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.verify import Settings
from gradassay.verify.checks.noise_checks import KEYS
from gradassay.verify.faults.changes import OtherNoise
from gradassay.verify.faults.correlation import OneLayerQuiet
from gradassay.verify.faults.noise import (
    AlphaAsVariance,
    LowBitsOfTheSeed,
    SharedOverLayers,
    SharedOverReplicates,
    SignOfThePairLost,
    SignsOfNormals,
)
from gradassay.verify.runner import run_cases
from gradassay.verify.suite import planned_cases


@dataclass(frozen=True)
class WrongUnderLaterKeys(ZOSinglePoint):
    """Right under the first of the keys; else as `how` says."""

    how: str = "scale"

    def draw(self, backend: Any, network: Any, batch: Any, key: Key, numbers: range) -> Any:
        noise = super().draw(backend, network, batch, key, numbers)
        if noise is None or (key.path[-1] == 0 and key.seed == 0):
            return noise
        return self.altered(noise)

    def altered(self, noise: Noise) -> Noise:
        if self.how == "scale":
            return replace(noise, scale=2 * noise.scale)
        if self.how == "position":
            return replace(noise, position="membrane")
        return noise.map(lambda z: z * np.nan)


@dataclass(frozen=True)
class QuietUnderSomeKeys(ZOSinglePoint):
    """Nothing is drawn under seeds beyond 64 bits."""

    def draw(self, backend: Any, network: Any, batch: Any, key: Key, numbers: range) -> Any:
        noise = super().draw(backend, network, batch, key, numbers)
        return noise if key.seed < 2**64 else None

    def top_down(self, state: Any, observed: Any, layer: Any, descent: Any) -> Any:
        if observed.noise is None:
            return 0 * observed.trace.derivative[layer.name]
        return super().top_down(state, observed, layer, descent)


def noise_result(subject: Any) -> CheckResult:
    case, *_ = planned_cases({"subject": subject}, Settings(), checks=("noise_as_claimed",))
    ((result,),) = run_cases([case])
    return result


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("scale", "noise of alpha 0.4 on the spike; expected alpha 0.2 on the spike"),
        ("position", "noise of alpha 0.2 on the membrane"),
        ("number", "values that are not finite"),
    ],
)
def test_noise_that_is_wrong_under_some_keys_alone_fails(how: str, words: str) -> None:
    result = noise_result(WrongUnderLaterKeys(how=how))
    assert result.verdict == "FAIL"
    assert words in result.detail


def test_passes_without_noise_under_some_keys_fail_and_are_counted() -> None:
    result = noise_result(QuietUnderSomeKeys())
    assert result.verdict == "FAIL"
    assert result.detail == f"under {KEYS // 2} of {KEYS} keys no forward pass carried noise"


@dataclass(frozen=True)
class Shifted(OtherNoise, ZOSinglePoint):
    """The noise times a factor."""

    factor: float = 1.0

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(lambda z: self.factor * z)


@dataclass(frozen=True)
class AllPositive(OtherNoise, OPZO):
    """Signs are lost."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(abs)


@dataclass(frozen=True)
class OneRowLess(OtherNoise, ZOSinglePoint):
    """A pass sees noise of another shape than that of its rows."""

    def observe(self, backend: Any, *given: Any, **options: Any) -> Any:
        found = super().observe(backend, *given, **options)
        if hasattr(backend, "noises"):
            backend.noises[0] = backend.noises[0].map(lambda z: z[:, 1:])
        return found

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (Shifted(law="rademacher", factor=0.5), "0.5; expected 1 or -1"),
        (Shifted(law="uniform", factor=2.0), "expected at most sqrt 3"),
        (Shifted(law="sphere", factor=0.5), "radii such as 1.118; expected 2.236"),
        (Shifted(law="gaussian", factor=1.2), "variance of a coordinate: off by"),
        (OneRowLess(), "noise of lif1 has shape (5, 1023, 5); expected (5, 1024, 5)"),
        (SignOfThePairLost(), "steps 2j and 2j + 1 do not carry opposite noise"),
        (AllPositive(pairing="batch"), "the two halves of the batch do not carry opposite"),
        (SharedOverReplicates(), "draws are repetitions of others"),
        (SignsOfNormals(), "kurtosis, relative: off by"),
        (OneLayerQuiet(), "noise in lif1; expected in all of ['lif1', 'lif2']"),
        (AlphaAsVariance(), "expected alpha 0.2 on the spike"),
        (SharedOverLayers(), "correlation of two coordinates: off by"),
        (LowBitsOfTheSeed(), "repetitions of others, under other keys"),
    ],
)
def test_noise_of_another_law_is_named(subject: Any, words: str) -> None:
    result = noise_result(subject)
    assert result.verdict == "FAIL"
    assert words in result.detail


def test_the_zoo_s_own_noise_passes() -> None:
    assert noise_result(ZOSinglePoint()).verdict == "PASS"
