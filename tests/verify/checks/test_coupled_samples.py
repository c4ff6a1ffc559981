"""An estimator whose samples depend on each other: right, and with mistakes of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.claims import Claim, Passes
from gradassay.core.records import CheckResult
from gradassay.estimators.zo_single_point import ZOSinglePoint, losses_seen, zeroth_order_claims
from gradassay.verify.checks.case import Settings
from gradassay.verify.checks.guard import run_case
from gradassay.verify.suite import planned_cases


@dataclass(frozen=True)
class LeaveOneOut(ZOSinglePoint):
    """From each sample's loss the mean loss of the batch's other samples is subtracted."""

    name = "leave_one_out"

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (*zeroth_order_claims(self.law, "", "online_bp", "noisy"), Passes(1, 0))

    def top_down(self, state: Any, observed: Any, layer: Any, descent: Any) -> Array:
        noise, scale = observed.drawn(layer.name)
        losses = losses_seen(observed, observed.trace)
        xp = array_namespace(losses)
        kept = self.less_others(xp.reshape(losses, self.rows(losses, observed)))
        return noise * (xp.reshape(kept, losses.shape)[..., None] / scale)

    def rows(self, losses: Array, observed: Any) -> tuple[int, int, int]:
        return (losses.shape[0], observed.replicates, -1)

    def less_others(self, losses: Array) -> Array:
        samples = losses.shape[-1]
        if samples == 1:
            return losses
        total = array_namespace(losses).sum(losses, axis=-1, keepdims=True)
        return losses - (total - losses) / (samples - 1)


@dataclass(frozen=True)
class OverAllReplicates(LeaveOneOut):
    def rows(self, losses: Array, observed: Any) -> tuple[int, int, int]:
        return (losses.shape[0], 1, -1)


@dataclass(frozen=True)
class WithItsOwnLoss(LeaveOneOut):
    def less_others(self, losses: Array) -> Array:
        return losses - array_namespace(losses).mean(losses, axis=-1, keepdims=True)


@dataclass(frozen=True)
class TimesTheVariance(LeaveOneOut):
    def top_down(self, *arguments: Any) -> Array:
        return super().top_down(*arguments) * self.alpha**2


@dataclass(frozen=True)
class SumOverSamples(ZOSinglePoint):
    """The loss of a batch is a sum, in place of a mean."""

    def top_down(self, state: Any, observed: Any, layer: Any, descent: Any) -> Array:
        samples = observed.trace.losses.shape[1] // observed.replicates
        return super().top_down(state, observed, layer, descent) * samples


def found(estimator: ZOSinglePoint, *checks: str) -> list[CheckResult]:
    cases = planned_cases({"mine:Mine": estimator}, Settings(), checks=checks)
    return [result for case in cases for result in run_case(case)]


def test_samples_that_depend_on_each_other_are_no_fault_of_the_variance() -> None:
    results = found(LeaveOneOut(), "variance_as_enumerated")
    assert results
    for result in results:
        assert result.verdict == "INCONCLUSIVE"
        assert "no multiple of its samples' sum" in result.detail


def test_samples_apart_are_compared() -> None:
    results = found(ZOSinglePoint(), "variance_as_enumerated")
    assert {result.verdict for result in results} == {"PASS"}


def test_a_sum_in_place_of_a_mean_is_still_a_fault_of_the_variance() -> None:
    results = found(SumOverSamples(), "variance_as_enumerated")
    assert {result.verdict for result in results} == {"FAIL"}


def test_its_mean_is_right_over_all_signs() -> None:
    results = found(LeaveOneOut(), "enumerated_mean", "folded_equals_looped")
    assert {result.verdict for result in results} == {"PASS"}


def test_a_mean_over_all_replicates_is_found_and_its_cause_named() -> None:
    results = found(OverAllReplicates(), "folded_equals_looped")
    assert {result.verdict for result in results} == {"FAIL"}
    assert all("the batch axis, which holds all replicates" in result.causes for result in results)


def test_the_own_loss_in_the_mean_is_found() -> None:
    assert {r.verdict for r in found(WithItsOwnLoss(), "enumerated_mean")} == {"FAIL"}


def test_a_small_factor_is_told_as_a_factor_and_layers_without_a_gradient_do_not_hide_it() -> None:
    results = found(TimesTheVariance(), "enumerated_mean")
    assert {result.verdict for result in results} == {"FAIL"}
    for result in results:
        first = result.causes.splitlines()[0]
        assert first.startswith("1 a factor")
        assert "(0.04 in" in first
