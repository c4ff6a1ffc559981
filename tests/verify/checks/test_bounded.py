"""Checks under random signs: their ranges, verdicts and false-alarm rate."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gradassay.core.arrays import Array
from gradassay.core.estimator import Estimator
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.records import CheckResult
from gradassay.estimators import make_estimator, zoo_names
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.bounded_checks import bounded_cases, bounded_problems
from gradassay.verify.checks.case import Settings
from gradassay.verify.checks.guard import run_case
from gradassay.verify.oracles.enumeration import all_signs

RATE = 1e-4


def results_of(estimator: Estimator, rate: float = RATE, **settings: Any) -> list[CheckResult]:
    cases = bounded_cases("subject", estimator, Settings(**settings))
    return [r for case in cases for r in run_case(dataclasses.replace(case, rate=rate))]


@dataclass(frozen=True)
class Scaled(ZOTwoPoint):
    factor: float = 1.0

    def top_down(self, *arguments: Any) -> Array:
        return super().top_down(*arguments) * self.factor


@dataclass(frozen=True)
class OneSignTwice(ZOTwoPoint):
    """Its own draws repeat the sign of the first unit in the second."""

    def draw(self, backend: Any, network: Any, batch: Any, key: Any, numbers: range) -> Noise:
        right = super().draw(backend, network, batch, key, numbers)
        assert right is not None
        return right.map(lambda z: np.concatenate([z[..., :1], z[..., :1], z[..., 2:]], axis=-1))


@dataclass(frozen=True)
class LongNoise(ZOTwoPoint):
    def draw(self, *arguments: Any) -> Noise:
        right = super().draw(*arguments)
        assert right is not None
        return right.map(lambda z: 3 * z)


@dataclass(frozen=True)
class ForgetsTheShareOfTheNewTerm(OPZO):
    def absorb(self, state: Any, contribution: Any) -> Any:
        return super().absorb(state, {name: 1.2 * term for name, term in contribution.items()})


@pytest.mark.parametrize("name", zoo_names())
def test_right_methods_pass_within_the_budget(name: str) -> None:
    results = [r for seed in (0, 1) for r in results_of(make_estimator(name), seed=seed)]
    for result in results:
        assert result.verdict == "PASS", result
        assert result.high <= result.bound
        assert result.evaluations < result.budget


def test_methods_that_draw_signs_are_checked() -> None:
    found = {name for name in zoo_names() if results_of(make_estimator(name))}
    assert found == {
        "zo_single_point",
        "zo_two_point",
        "forward_gradient",
        "pzo_two_point",
        "opzo",
        "localzo",
        "intermediate_global",
    }


# on the grid of binary fractions, ties between noise and weights made two of them fail
@pytest.mark.parametrize("seed", [20, 37, 179, 824])
def test_no_signs_put_a_membrane_potential_within_rounding_of_the_threshold(seed: int) -> None:
    for problem in bounded_problems(seed):
        network = problem.network
        signs = all_signs(network, NoiseModel(0.2, "rademacher", "none"))
        count = next(iter(signs.values())).shape[1]
        trace = ReferenceBackend().forward(
            network,
            problem.params,
            problem.batch.tiled(count),
            noise=Noise(0.2, signs),
            record=frozenset({"membrane"}),
        )
        for potentials in trace.membrane.values():
            assert np.abs(potentials - network.neuron.threshold).min() > 1e-6
    for result in results_of(make_estimator("intermediate_global"), seed=seed):
        assert result.verdict == "PASS", result


@pytest.mark.parametrize("factor", [0.5, 1.2, -1.0])
def test_a_factor_is_found_and_told(factor: float) -> None:
    (result,) = results_of(Scaled(factor=factor))
    assert result.verdict == "FAIL"
    assert result.low > 0
    assert "hidden1: " in result.detail
    assert result.measured == pytest.approx(abs(factor - 1), abs=0.2)


def test_a_bias_within_the_margin_passes() -> None:
    (result,) = results_of(Scaled(factor=1.01))
    assert result.verdict == "PASS"


def test_noise_shared_by_units_is_found() -> None:
    (result,) = results_of(OneSignTwice())
    assert result.verdict == "FAIL"


def test_a_value_that_no_signs_give_fails() -> None:
    (result,) = results_of(LongNoise())
    assert result.verdict == "FAIL"
    assert "which no signs give" in result.detail


def test_a_wrong_share_of_the_new_term_of_m_is_found() -> None:
    verdicts = {r.check: r.verdict for r in results_of(ForgetsTheShareOfTheNewTerm())}
    assert verdicts["bounded_momentum"] == "FAIL"


def test_a_budget_below_the_question_is_inconclusive() -> None:
    (result,) = results_of(make_estimator("forward_gradient"), margin=0.005, budget=4096)
    assert result.verdict == "INCONCLUSIVE"
    assert "times the estimand" in result.detail


def test_the_false_alarm_rate_is_not_above_the_stated_one() -> None:
    """60 runs at a rate of a half, a margin that is not reached: more than 43 FAIL have 1e-3.

    The rate of a betting sequence is far below its bound.
    """
    runs = [
        results_of(make_estimator("forward_gradient"), 0.5, margin=1e-6, budget=2048, seed=seed)
        for seed in range(60)
    ]
    failed = sum(result.verdict == "FAIL" for (result,) in runs)
    assert failed <= stats.binom.isf(1e-3, len(runs), 0.5)
