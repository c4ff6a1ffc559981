"""What planning asks of an estimator, and how many replicates a sampled check needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gradassay.core.claims import Online
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimate
from gradassay.core.keys import Key
from gradassay.core.params import Params
from gradassay.estimators import make_estimator
from gradassay.estimators.bptt import BPTT
from gradassay.estimators.dfa import DFA
from gradassay.estimators.spsa import SPSA
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify import Settings
from gradassay.verify.checks.case import Given
from gradassay.verify.checks.control_variates import (
    control_variate,
    momentum_control_variate,
    weight_control_variate,
)
from gradassay.verify.checks.guard import run_case
from gradassay.verify.checks.options import (
    accepts,
    fresh_state,
    noise_or_none,
    varied,
    with_options,
)
from gradassay.verify.checks.sampled_checks import planned_replicates
from gradassay.verify.checks.sampling import BLOCK, Draws
from gradassay.verify.oracles.small_problems import dyadic_problem
from gradassay.verify.suite import planned_cases

PROBLEM = dyadic_problem((3,), steps=2, seed=0)


@dataclass(frozen=True)
class Refuses(DFA):
    how: type[Exception] = ConfigurationError

    def init(self, *given: Any) -> Any:
        raise self.how("not this network")

    @property
    def noise(self) -> Any:
        raise self.how("no noise today")


class Plain:
    """An estimator that is not made layer by layer, and claims to be online."""

    name = "plain"
    claims = (Online(),)
    inner: Any = SPSA()

    @property
    def noise(self) -> Any:
        return self.inner.noise

    def init(self, *given: Any) -> Any:
        return self.inner.init(*given)

    def estimate(self, *given: Any, **options: Any) -> Estimate:
        found: Estimate = self.inner.estimate(*given, **options)
        return found

    def advance(self, *given: Any, **options: Any) -> Any:
        return self.inner.advance(*given, **options)


class ThroughTime(Plain):
    """One that keeps the activity of every step."""

    inner = BPTT()


def test_a_network_is_refused_by_an_error_of_the_package_alone() -> None:
    assert not accepts(Refuses(), PROBLEM)
    assert accepts(Refuses(how=KeyError), PROBLEM)
    assert accepts(DFA(), PROBLEM)
    assert fresh_state(Refuses(), PROBLEM) is None
    assert noise_or_none(Refuses()) is None


def test_options_that_are_not_there_or_do_not_fit_give_no_variant() -> None:
    assert with_options(DFA(), gain=2.0) == DFA(gain=2.0)
    assert with_options(DFA(), alpha=2.0) is None
    assert with_options(Plain(), gain=2.0) is None
    assert varied(make_estimator("opzo"), law="nonsense") is None


@pytest.mark.parametrize(("subject", "verdict"), [(Plain(), "PASS"), (ThroughTime(), "FAIL")])
def test_what_is_not_made_layer_by_layer_is_online_if_it_keeps_nothing(
    subject: Any, verdict: str
) -> None:
    (case, *_) = planned_cases({"plain": subject}, Settings(), checks=("online_as_claimed",))
    (result,) = run_case(case)
    assert result.verdict == verdict
    assert result.claim == "the forward passes keep no activity of single steps"


@pytest.mark.parametrize(
    ("name", "check"), [("zo_two_point", "unbiased"), ("opzo", "momentum_unbiased")]
)
def test_a_pilot_tells_how_many_replicates_a_margin_needs(name: str, check: str) -> None:
    needed = []
    for margin in (0.2, 0.05):
        settings = Settings(margin=margin)
        cases = planned_cases({name: make_estimator(name)}, settings, checks=(check,))
        needed.append(planned_replicates(cases[0]))
    wide, narrow = needed
    assert wide is not None
    assert narrow is not None
    assert 1 <= wide < narrow


def test_without_noise_or_with_passes_that_do_not_fit_a_control_variate_is_zero() -> None:
    subject = make_estimator("zo_single_point")
    (case, *_) = planned_cases({"zo": subject}, Settings(), checks=("unbiased",))
    given = Given.of(case, ReferenceBackend())
    nothing = Draws(Estimate(Params({}), {}, None), None)  # type: ignore[arg-type]
    made = control_variate(case, given.state)
    assert made is not None
    assert made(nothing) == {}
    assert weight_control_variate(case, np.ones(3)) is None
    momentum = momentum_control_variate(case, 1.0)(nothing)
    assert all(not rows.any() for rows in momentum.values())
    (case, *_) = planned_cases({"spsa": SPSA()}, Settings(), checks=("unbiased",))
    direction = np.ones(sum(array.size for array in case.problem.params.values()))
    of_weights = weight_control_variate(case, direction)
    assert of_weights is not None
    assert not of_weights(nothing).any()
    assert of_weights(nothing).shape == (BLOCK, len(direction))


def test_streams_of_a_case_differ_by_option() -> None:
    cases = planned_cases({"zo": make_estimator("zo_two_point")}, Settings(), checks=("unbiased",))
    keys = {case.key.path for case in cases}
    assert len(keys) == len(cases)
    assert all(isinstance(case.key, Key) for case in cases)
