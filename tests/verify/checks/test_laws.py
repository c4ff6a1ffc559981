"""Laws over a range of settings: planted faults that each check must catch, right methods.

Draws have fixed seeds; every check's false-alarm rate is RATE.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gradassay.core.arrays import Array
from gradassay.core.claims import BiasOrder, Claim, Estimand
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.params import Params
from gradassay.core.records import CheckResult
from gradassay.estimators import make_estimator
from gradassay.estimators.bptt import BPTT
from gradassay.estimators.dfa import DFA
from gradassay.estimators.forward_gradient import ForwardGradient
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.checks.case import Case, Settings
from gradassay.verify.checks.guard import run_case
from gradassay.verify.checks.laws.closed_variance import BACKEND, signal_variance
from gradassay.verify.checks.laws.mean_over_noise import noise_rule
from gradassay.verify.checks.laws.planner import law_cases
from gradassay.verify.checks.laws.proposition_4_3 import sides
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.law_problems import (
    CONSTANT_SLOPE,
    Size,
    law_problem,
    smooth_problem,
    varying_problem,
)
from gradassay.verify.statistics.moments import Float
from gradassay.verify.statistics.proportions import proportion_interval

RATE = 1e-4


def cases_of(estimator: Estimator, check: str, told: str = "") -> list[Case]:
    """Return the cases of a check whose options say what is wanted."""
    planned = law_cases("subject", estimator, Settings())
    return [
        dataclasses.replace(case, rate=RATE)
        for case in planned
        if case.check.name == check and told in case.told
    ]


def results_of(estimator: Estimator, check: str, told: str = "") -> list[CheckResult]:
    cases = cases_of(estimator, check, told)
    assert cases
    return [result for case in cases for result in run_case(case)]


# ---- faults


@dataclass(frozen=True)
class Scaled(ZOTwoPoint):
    """The signal times a factor."""

    factor: float = 1.2

    def top_down(self, *given: Any) -> Array:
        return super().top_down(*given) * self.factor


@dataclass(frozen=True)
class OneSided(ZOTwoPoint):
    """A share of the noise's square in the signal, which falls with alpha only."""

    def top_down(self, *given: Any) -> Array:
        observed, layer = given[1], given[2]
        return super().top_down(*given) + 0.1 * self.alpha * observed.drawn(layer.name)[0] ** 2


@dataclass(frozen=True)
class OffsetKept(ZOTwoPoint):
    """One of the two points is left out, and twice the other taken: the offset stays."""

    def top_down(self, *given: Any) -> Array:
        observed, layer = given[1], given[2]
        noise, scale = observed.drawn(layer.name)
        return noise * observed.trace.losses[..., None] / scale


def shared(noise: Noise | None, samples: int) -> Noise | None:
    """Return the noise of each replicate's first sample for all of its samples."""
    if noise is None:
        return None
    return noise.map(lambda z: np.repeat(z[:, ::samples], samples, axis=1))


@dataclass(frozen=True)
class SharedOverBatch(ZOSinglePoint):
    """All samples see the same noise."""

    def draw(self, *given: Any) -> Noise | None:
        return shared(super().draw(*given), given[2].size)


@dataclass(frozen=True)
class SharedSlope(ForwardGradient):
    """All samples have the same direction."""

    def draw(self, *given: Any) -> Noise | None:
        return shared(super().draw(*given), given[2].size)


@dataclass(frozen=True)
class AlphaMissing(ZOSinglePoint):
    """The signal is not divided by alpha."""

    def top_down(self, *given: Any) -> Array:
        return super().top_down(*given) * self.alpha


@dataclass(frozen=True)
class ShareMissing(OPZO):
    """The factor 1 - lambda is missing."""

    def absorb(self, state: State, contribution: State) -> State:
        terms = {name: term / (1 - self.momentum) for name, term in contribution.items()}
        return super().absorb(state, terms)


@dataclass(frozen=True)
class UpdatedTwice(OPZO):
    """Every term is absorbed twice, and counted twice: the mean is right."""

    def absorb(self, state: State, contribution: State) -> State:
        return super().absorb(super().absorb(state, contribution), contribution)


@dataclass(frozen=True)
class OneFeedback(OPZO):
    """All replicates share the first one's new term."""

    def contribution(self, *given: Any) -> State:
        terms = super().contribution(*given)
        return {n: np.broadcast_to(t[:1], t.shape) if t.ndim == 3 else t for n, t in terms.items()}


@dataclass(frozen=True)
class PairsLost(OPZO):
    """Noise is drawn without its pairs."""

    def draw(self, *given: Any) -> Noise | None:
        return dataclasses.replace(self, pairing="none").free(*given)

    def free(self, *given: Any) -> Noise | None:
        return super().draw(*given)


@dataclass(frozen=True)
class Ascending(OPZO):
    """The signal's sign is wrong."""

    def top_down(self, *given: Any) -> Array:
        return -super().top_down(*given)


@dataclass(frozen=True)
class TooLarge(OPZO):
    """The signal is a third too large."""

    def top_down(self, *given: Any) -> Array:
        return super().top_down(*given) * 4 / 3


@dataclass(frozen=True)
class PointsSwapped(ZOTwoPoint):
    """The two losses are swapped."""

    def top_down(self, *given: Any) -> Array:
        return -super().top_down(*given)


@dataclass(frozen=True)
class ErrorSwapped(SpatialBP):
    """Target minus output goes down."""

    def top_down(self, *given: Any) -> Array:
        return -super().top_down(*given)


@dataclass(frozen=True)
class UnevenSlope(BPTT):
    """The surrogate derivative of one layer is a tenth too large."""

    def derivative(self, *given: Any) -> Array:
        return super().derivative(*given) * (1.1 if given[1].name == "lif1" else 1.0)


@dataclass(frozen=True)
class Clipped(BPTT):
    """Large entries of the gradient are clipped."""

    def gradient(self, *given: Any) -> Params:
        return super().gradient(*given).map(lambda array: np.clip(array, -0.1, 0.1))


FAULTS: tuple[tuple[str, str, Estimator], ...] = (
    ("bias_order", "", Scaled(factor=1.1)),
    ("bias_order", "", OneSided()),
    ("variance_law", "", Scaled()),
    ("variance_law", "", OffsetKept()),
    ("variance_law", "", SharedOverBatch()),
    ("variance_scaling", "samples", SharedOverBatch()),
    ("variance_scaling", "samples", SharedSlope()),
    ("variance_scaling", "alpha", AlphaMissing()),
    ("variance_scaling", "momentum", ShareMissing()),
    ("momentum_law", "", ShareMissing()),
    ("momentum_law", "momentum", UpdatedTwice(momentum=0.9)),
    ("momentum_law", "", OneFeedback()),
    ("proposition_4_1", "one draw a sample", SharedOverBatch()),
    ("proposition_4_1", "pairs of samples", PairsLost()),
    ("proposition_4_3", "", Ascending()),
    ("proposition_4_3", "", TooLarge()),
    ("descent", "", PointsSwapped()),
    ("descent", "", ErrorSwapped()),
    ("curl", "", UnevenSlope()),
    ("curl", "", Clipped()),
)


@pytest.mark.parametrize(
    ("check", "told", "fault"), FAULTS, ids=[f"{c}-{type(f).__name__}" for c, _, f in FAULTS]
)
def test_planted_fault_fails_and_says_why(check: str, told: str, fault: Estimator) -> None:
    failed = [r for r in results_of(fault, check, told) if r.verdict == "FAIL"]
    assert failed
    assert failed[0].level == 3
    assert failed[0].detail
    assert len(failed[0].causes.splitlines()) >= 3


def test_descent_against_the_gradient_although_the_condition_holds_is_seen() -> None:
    _, condition = results_of(Ascending(), "proposition_4_3")
    assert condition.verdict == "FAIL"
    assert condition.measured == 1.0


def test_every_check_has_two_faults() -> None:
    checks = [check for check, _, _ in FAULTS]
    planned = {
        case.check.name
        for name in ("bptt", "zo_single_point", "opzo")
        for case in law_cases(name, make_estimator(name), Settings())
    }
    assert set(checks) == planned
    assert min(map(checks.count, planned)) >= 2


# ---- right methods


RIGHT: tuple[tuple[str, dict[str, object]], ...] = (
    ("spatial_bp", {}),
    ("bptt", {}),
    ("bptt", {"reset_gradient": True}),
    ("zo_single_point", {}),
    ("zo_single_point", {"law": "rademacher", "baseline": 0.9}),
    ("zo_two_point", {"law": "uniform", "form": "forward"}),
    ("zo_two_point", {"law": "sphere", "temporal": "local_bptt"}),
    ("pzo_two_point", {}),
    ("forward_gradient", {}),
    ("forward_gradient", {"space": "weight"}),
)


@pytest.mark.parametrize(("name", "options"), RIGHT, ids=[f"{n}-{o}" for n, o in RIGHT])
def test_right_method_passes_every_law(name: str, options: dict[str, object]) -> None:
    estimator = make_estimator(name, **options)
    cases = [dataclasses.replace(c, rate=RATE) for c in law_cases(name, estimator, Settings())]
    results = [result for case in cases for result in run_case(case)]
    assert [r for r in results if r.verdict != "PASS"] == []
    assert all(r.level == 3 and not r.detail and not r.causes for r in results)


@pytest.mark.parametrize(
    ("check", "told", "options"),
    [
        ("momentum_law", "momentum", {"use": "after", "law": "sphere"}),
        ("momentum_law", "momentum", {"start": "random", "inverse_alpha": False}),
        ("variance_scaling", "", {}),
        ("proposition_4_1", "no pairs", {"law": "rademacher"}),
        ("proposition_4_3", "", {"use": "after", "momentum": 0.9}),
    ],
)
def test_right_momentum_feedback_passes(check: str, told: str, options: dict[str, object]) -> None:
    results = results_of(make_estimator("opzo", **options), check, told)
    assert [r for r in results if r.verdict != "PASS"] == []


def test_bias_of_a_perturbation_of_all_weights_is_of_the_claimed_order() -> None:
    (result,) = results_of(make_estimator("spsa"), "bias_order")
    assert result.verdict == "PASS"
    assert result.measured == pytest.approx(2, abs=0.1)


def test_random_feedback_descends_half_the_time_and_gets_no_verdict() -> None:
    (result,) = results_of(DFA(), "descent")
    assert result.verdict == "PASS"
    assert result.low < 0.5 < result.high
    assert "no verdict" in result.claim


def test_spiking_surrogate_gradient_has_a_curl_that_is_reported() -> None:
    smooth, *_, spiking = results_of(BPTT(), "curl")
    assert smooth.measured < 1e-8
    assert spiking.measured > 0.01


def test_printed_formula_of_a_shared_draw_is_too_small_by_the_batch() -> None:
    """8 samples: S is not divided by 8, and makes up nearly all of the variance."""
    (result,) = results_of(ZOSinglePoint(), "proposition_4_1", "one draw for the batch")
    assert result.verdict == "PASS"
    share = float(result.claim.split("B=8 ")[1].split(",")[0])
    assert 5 < share < 12


# ---- what the checks are made of


def test_results_are_the_same_when_run_again() -> None:
    assert results_of(ZOTwoPoint(), "variance_law") == results_of(ZOTwoPoint(), "variance_law")


@dataclass(frozen=True)
class Broken(ZOTwoPoint):
    @property
    def noise(self) -> NoiseModel:
        raise RuntimeError("no noise today")

    def init(self, *given: Any) -> State:
        raise RuntimeError("no state today")


@dataclass(frozen=True)
class Claimless(DFA):
    @property
    def claims(self) -> tuple[Claim, ...]:
        return ()


def test_planning_does_not_raise_whatever_an_estimator_does() -> None:
    assert {case.check.name for case in law_cases("broken", Broken(), Settings())} <= {
        "descent",
        "curl",
    }
    assert list(law_cases("claimless", Claimless(), Settings())) == []


def test_closed_form_of_a_signal_is_that_of_its_draws_over_all_signs() -> None:
    method, size = ZOSinglePoint(law="rademacher"), Size(units=3, samples=1)
    problem = law_problem(size, 0)
    noise, weights = noise_rule(noise_model(method), problem)
    found = method.estimate(
        BACKEND,
        problem.network,
        problem.params,
        problem.batch,
        {},
        Key(0),
        replicates=range(len(weights)),
        noise=noise,
    )
    rows: Float = np.asarray(found.gradient["hidden1.bias"])
    exact = float(weights @ ((rows - weights @ rows) ** 2).sum(axis=1))
    assert exact == pytest.approx(signal_variance(method, problem), rel=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_surrogate_derivative_is_constant_on_problems_of_closed_forms(seed: int) -> None:
    for size in (Size(), Size(units=32), Size(samples=16), Size(steps=16)):
        problem = law_problem(size, seed)
        trace = BACKEND.forward(
            problem.network, problem.params, problem.batch, record={"derivative"}
        )
        assert (trace.derivative["lif1"] == CONSTANT_SLOPE).all()


def test_pairs_of_samples_give_the_covariance_of_jacobian_and_error() -> None:
    found = sides(NoiseModel(0.2), varying_problem(0))
    product = found.jacobians.mean(axis=0).T @ found.errors.mean(axis=0)
    np.testing.assert_allclose(found.covariance, found.gradient - product, rtol=1e-10, atol=1e-14)
    assert np.linalg.norm(found.covariance) <= found.bound


@pytest.mark.parametrize("law", ["gaussian", "uniform", "laplace", "sphere", "rademacher"])
@pytest.mark.parametrize("pairing", ["none", "time"])
def test_noise_rule_has_mean_0_variance_1_and_its_pairs(law: Any, pairing: Any) -> None:
    problem = smooth_problem((2,), steps=2, seed=0)
    noise, weights = noise_rule(NoiseModel(0.1, law, pairing), problem)
    z = np.asarray(noise.values["lif1"])
    np.testing.assert_allclose(np.einsum("k,tkn->tn", weights, z), 0, atol=1e-12)
    np.testing.assert_allclose(np.einsum("k,tkn->tn", weights, z**2), 1, rtol=1e-10)
    assert (z[0] == -z[1]).all() == (pairing == "time")


@pytest.mark.parametrize(("successes", "trials"), [(0, 20), (7, 20), (20, 20)])
def test_interval_of_a_share_is_clopper_and_pearsons(successes: int, trials: int) -> None:
    found = proportion_interval(successes, trials, 0.99)
    expected = stats.binomtest(successes, trials).proportion_ci(0.99, method="exact")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_order_of_a_bias_is_tested_only_where_the_gradient_is_exact() -> None:
    @dataclass(frozen=True)
    class Other(ZOTwoPoint):
        @property
        def claims(self) -> tuple[Claim, ...]:
            return (BiasOrder(Estimand("another"), 2),)

    assert cases_of(Other(), "bias_order") == []
