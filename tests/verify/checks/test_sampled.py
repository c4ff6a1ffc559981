"""Sampled checks: their statistics against numbers known otherwise, faults and right methods.

Faults are drawn with fixed seeds; every check's false-alarm rate is stated in its result.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gradassay.core.arrays import Array
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.noise import NoiseModel
from gradassay.core.params import Params
from gradassay.core.records import CheckResult, Interval
from gradassay.estimators import make_estimator
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import Case, Given, Settings
from gradassay.verify.checks.control_variates import (
    control_variate,
    momentum_control_variate,
    weight_control_variate,
)
from gradassay.verify.checks.guard import run_case
from gradassay.verify.checks.layer_looks import LayerLook, worst_layer
from gradassay.verify.checks.noise_checks import deviations
from gradassay.verify.checks.sampled_checks import sampled_cases
from gradassay.verify.checks.sampling import BLOCK, draw_block
from gradassay.verify.oracles.means import oracle_mean
from gradassay.verify.statistics.moments import Float
from gradassay.verify.suite import planned_cases

RATE = 1e-4


def cases_of(estimator: Estimator, check: str, **settings: Any) -> list[Case]:
    planned = planned_cases({"subject": estimator}, Settings(**settings), checks=(check,))
    return [dataclasses.replace(case, rate=RATE) for case in planned]


def first_result(estimator: Estimator, check: str, place: int = 0) -> CheckResult:
    (result,) = run_case(cases_of(estimator, check)[place])
    return result


@dataclass(frozen=True)
class Scaled(ZOTwoPoint):
    factor: float = 1.0

    def top_down(self, *arguments: Any) -> Array:
        return super().top_down(*arguments) * self.factor


@dataclass(frozen=True)
class ScaledInOneLayer(ZOTwoPoint):
    def top_down(self, state: Any, observed: Any, layer: Any, descent: Any) -> Array:
        right = super().top_down(state, observed, layer, descent)
        return right * (1.2 if layer == observed.network.spiking[0] else 1)


@dataclass(frozen=True)
class OneEntryOff(ZOTwoPoint):
    entry: tuple[int, int] = (0, 0)

    def gradient(self, *arguments: Any) -> Params:
        right = {name: np.array(array) for name, array in super().gradient(*arguments).items()}
        right["hidden1.weight"][(..., *self.entry)] *= 1.5
        return Params(right)


@dataclass(frozen=True)
class SameNoiseForAllSamples(ZOSinglePoint):
    def draw(self, backend: Any, network: Any, batch: Any, key: Key, numbers: range) -> Any:
        right = super().draw(backend, network, batch, key, numbers)
        assert right is not None

        def shared(z: Array) -> Array:
            first = z.reshape(z.shape[0], len(numbers), batch.size, -1)[:, :, :1]
            return np.broadcast_to(
                first, (z.shape[0], len(numbers), batch.size, z.shape[-1])
            ).reshape(z.shape)

        return right.map(shared)


@dataclass(frozen=True)
class ForgetsTheShareOfTheNewTerm(OPZO):
    def absorb(self, state: Any, contribution: Any) -> Any:
        grown = {name: 1.1 * term for name, term in contribution.items()}
        return super().absorb(state, grown)


def test_a_right_method_passes_with_fewer_replicates_than_the_budget() -> None:
    result = first_result(make_estimator("zo_two_point"), "unbiased")
    assert result.verdict == "PASS"
    assert result.high <= result.bound
    assert result.evaluations < result.budget
    assert result.false_alarm_rate == RATE
    assert "control variates cut the variance" in result.claim


@pytest.mark.parametrize("factor", [0.5, 1.2, -1.0])
def test_a_factor_is_found_and_told(factor: float) -> None:
    result = first_result(Scaled(factor=factor), "unbiased")
    assert result.verdict == "FAIL"
    told = re.search(r"hidden1: (\S+) times the estimand \[(\S+), (\S+)\]", result.detail)
    assert told is not None
    value, low, high = (float(number) for number in told.groups())
    assert low <= factor <= high
    assert abs(value - factor) < 0.05
    assert result.low > 0


def test_a_fault_in_one_layer_is_localised_to_it() -> None:
    deep = [
        case
        for case in cases_of(ScaledInOneLayer(), "unbiased")
        if len(case.problem.network.spiking) == 2
    ]
    results = [result for case in deep for result in run_case(case)]
    assert results
    for result in results:
        assert result.verdict == "FAIL"
        assert result.detail.startswith("hidden1: ")
        assert "hidden2" not in result.detail


def test_the_row_of_a_fail_is_that_of_a_layer_that_fails() -> None:
    found = {"small": look(0.06, 0.1), "wide": look(0.0, 0.3), "right": look(0.0, 0.01)}
    assert [one.verdict(0.05) for one in found.values()] == ["FAIL", "INCONCLUSIVE", "PASS"]
    assert worst_layer(found, 0.05) is found["small"]
    del found["small"]
    assert worst_layer(found, 0.05) is found["wide"]


def look(low: float, high: float) -> LayerLook:
    norm, along = Interval((low + high) / 2, low, high, 0.99), Interval(0.0, -high, high, 0.99)
    plain = Interval(0.0, -1.0, 1.0, 0.99)
    return LayerLook(norm, along, plain, "", lambda margin: 1)


def test_a_fault_in_one_entry_is_named() -> None:
    problem = cases_of(ZOTwoPoint(), "unbiased")[0].problem
    oracle = oracle_mean(ZOTwoPoint(), problem, {})
    assert oracle is not None
    weight = oracle.mean["hidden1.weight"]
    row, column = (int(i) for i in np.unravel_index(np.abs(weight).argmax(), weight.shape))
    result = first_result(OneEntryOff(entry=(row, column)), "unbiased")
    assert result.verdict == "FAIL"
    assert f"largest at hidden1.weight[{row}, {column}]" in result.detail


def test_a_budget_too_small_is_inconclusive_and_says_what_is_needed() -> None:
    (case, *_) = cases_of(make_estimator("forward_gradient"), "unbiased", budget=4096)
    (result,) = run_case(case)
    assert result.verdict == "INCONCLUSIVE"
    assert result.evaluations == 4096
    assert result.planned > 4096


def test_noise_shared_by_the_batch_leaves_the_mean_and_is_found_elsewhere() -> None:
    assert first_result(SameNoiseForAllSamples(), "unbiased").verdict == "PASS"
    assert first_result(SameNoiseForAllSamples(), "variance_as_enumerated").verdict == "FAIL"
    result = first_result(SameNoiseForAllSamples(), "noise_as_claimed")
    assert result.verdict == "FAIL"
    assert "correlation of two coordinates" in result.detail


def test_a_new_term_of_momentum_that_is_too_large_is_found() -> None:
    result = first_result(ForgetsTheShareOfTheNewTerm(), "momentum_unbiased")
    assert result.verdict == "FAIL"
    assert "1.1" in result.detail
    assert first_result(OPZO(), "momentum_unbiased").verdict == "PASS"


@pytest.mark.parametrize("name", ["zo_single_point", "zo_two_point", "pzo_two_point"])
def test_control_variates_have_mean_zero(name: str) -> None:
    """All entries of all layers over 51,200 draws: within 5.5 standard errors (3e-6 in total)."""
    case = next(iter(sampled_cases(name, make_estimator(name), Settings(seed=3))))
    given = Given.of(case, ReferenceBackend())
    made = control_variate(case, given.state)
    assert made is not None
    rows = [made(draw_block(case, given, number)) for number in range(400)]
    for layer in rows[0]:
        draws = np.concatenate([row[layer] for row in rows])
        error = draws.std(axis=0) / len(draws) ** 0.5
        assert (np.abs(draws.mean(axis=0)) <= 5.5 * error + 1e-15).all()


def test_control_variates_of_momentum_and_weights_have_mean_zero() -> None:
    case = next(iter(sampled_cases("opzo", OPZO(pairing="none"), Settings(seed=3))))
    given = Given.of(case, ReferenceBackend())
    of_momentum = momentum_control_variate(case, gain=1.0)
    rows = [of_momentum(draw_block(case, given, number))["lif1"] for number in range(200)]
    spsa = next(iter(sampled_cases("spsa", make_estimator("spsa"), Settings(seed=3))))
    of_weights = weight_control_variate(spsa, np.array([1.0, -2.0, 0.5]))
    assert of_weights is not None
    there = Given.of(spsa, ReferenceBackend())
    others = [of_weights(draw_block(spsa, there, number)) for number in range(8)]
    for found in (rows, others):
        draws = np.concatenate(found)
        assert draws.std() > 0.1
        error = draws.std(axis=0) / len(draws) ** 0.5
        assert (np.abs(draws.mean(axis=0)) <= 5.5 * error).all()


def test_draws_do_not_depend_on_the_number_of_a_block_that_is_drawn_before() -> None:
    case = next(iter(sampled_cases("opzo", OPZO(), Settings())))
    given = Given.of(case, ReferenceBackend())
    later = draw_block(case, given, 5).estimate.gradient
    for name, array in draw_block(case, given, 5).estimate.gradient.items():
        assert array.shape[0] == BLOCK
        assert (array == later[name]).all()


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        (ZOSinglePoint(baseline=0.9), "unbiased"),
        (OPZO(freeze_after=1), "momentum_unbiased"),
        (OPZO(freeze_after=1), "enumerated_momentum"),
        (OPZO(freeze_after=1, use="after"), "enumerated_feedback"),
        (OPZO(use="after"), "unbiased"),
        (OPZO(pairing="batch"), "momentum_unbiased"),
    ],
    ids=str,
)
def test_right_methods_with_other_options_do_not_fail(estimator: Estimator, check: str) -> None:
    results = [result for case in cases_of(estimator, check)[:3] for result in run_case(case)]
    assert [r for r in results if r.verdict != "PASS"] == []


@pytest.mark.parametrize("law", ["gaussian", "rademacher", "uniform", "laplace", "sphere"])
@pytest.mark.parametrize(
    "position", [{"position": "spike"}, {"position": "membrane"}], ids=lambda p: p["position"]
)
def test_right_noise_of_every_law_passes(law: str, position: dict[str, Any]) -> None:
    for pairing in ("none", "time", "batch"):
        subject = make_estimator("opzo", law=law, pairing=pairing, **position)
        assert first_result(subject, "noise_as_claimed").verdict == "PASS"


def test_half_widths_of_the_noise_check_are_those_of_the_law() -> None:
    """Gaussian means against the normal law; means of signs against the binomial."""
    draws: Float = np.random.default_rng(1).normal(size=(4096, 6))
    found = {d.what: d for d in deviations(NoiseModel(0.2, "gaussian"), draws, 1e-4)}
    tail = 1e-4 / 60
    assert found["mean of a coordinate"].half_width == pytest.approx(stats.norm.isf(tail) / 64)
    assert found["variance of a coordinate"].half_width == pytest.approx(
        stats.norm.isf(tail) * np.sqrt(2) / 64
    )
    model = NoiseModel(0.2, "rademacher")
    signs: Float = np.sign(draws)
    found = {d.what: d for d in deviations(model, signs, 1e-4)}
    heads = 4096 * (1 + found["mean of a coordinate"].half_width) / 2
    assert stats.binom.sf(heads, 4096, 0.5) <= tail < stats.binom.sf(heads - 1, 4096, 0.5)
    off = deviations(model, np.hstack([np.abs(signs[:, :1]), signs]), 1e-4)
    assert any(one.size > one.half_width for one in off)
