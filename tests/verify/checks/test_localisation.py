"""A fault in one layer of a convolutional network is localised to that layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from gradassay.core.arrays import Array
from gradassay.core.estimator import Estimator
from gradassay.core.layers import Conv2d
from gradassay.core.params import Params
from gradassay.core.records import CheckResult
from gradassay.estimators.dfa import DFA
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.checks.case import Settings
from gradassay.verify.checks.guard import run_case
from gradassay.verify.suite import planned_cases


@dataclass(frozen=True)
class WeakSignal(DFA):
    place: int = 0

    def top_down(self, state: Any, observed: Any, layer: Any, descent: Any) -> Array:
        right = super().top_down(state, observed, layer, descent)
        return right * (0.9 if layer == observed.network.spiking[self.place] else 1)


@dataclass(frozen=True)
class WeakWeightGradient(SpatialBP):
    place: int = 0

    def gradient(self, state: Any, observed: Any, folded: int | None) -> Params:
        right = super().gradient(state, observed, folded)
        name = observed.network.weighted[self.place].name
        return Params({n: a * (0.9 if n.startswith(f"{name}.") else 1) for n, a in right.items()})


@dataclass(frozen=True)
class WrongOnTheWayDown(SpatialBP):
    def local_rule(self, observed: Any, layer: Any, signal: Array) -> Array:
        right = super().local_rule(observed, layer, signal)
        return right * (0.9 if layer == observed.network.spiking[-1] else 1)


@dataclass(frozen=True)
class WeakConvolution(ZOTwoPoint):
    def top_down(self, state: Any, observed: Any, layer: Any, descent: Any) -> Array:
        right = super().top_down(state, observed, layer, descent)
        convolution = isinstance(observed.network.weighted[0], Conv2d)
        return right * (0.5 if convolution else 1)


def failures(estimator: Estimator, check: str) -> list[CheckResult]:
    cases = planned_cases({"faulty": estimator}, Settings(), checks=(check,))
    results = [r for case in cases if "C3" in case.problem.name for r in run_case(case)]
    assert results
    assert all(result.verdict == "FAIL" for result in results)
    return results


def named_layers(result: CheckResult) -> list[str]:
    """Layers in the order in which the detail names them."""
    parts = [part.split(":")[0].split(".")[0] for part in result.detail.split("; ")]
    return list(dict.fromkeys(parts))


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("kind", [WeakSignal, WeakWeightGradient])
def test_a_fault_in_one_convolution_names_it_alone(kind: Any, place: int) -> None:
    for result in failures(kind(place=place), "matches_oracle"):
        assert named_layers(result) == [f"conv{place + 1}"]
        assert "0.9 times the expected one" in result.detail
        assert f"conv{place + 1}" in result.causes.splitlines()[0]


def test_a_fault_that_goes_down_is_named_first_where_it_begins() -> None:
    for result in failures(WrongOnTheWayDown(), "matches_oracle"):
        assert named_layers(result) == ["conv2", "conv1"]


def test_own_draws_localise_a_convolution_too() -> None:
    for result in failures(WeakConvolution(), "unbiased"):
        assert named_layers(result) == ["conv1"]
        assert "0.5" in result.detail
