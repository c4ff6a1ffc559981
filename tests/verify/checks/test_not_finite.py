"""A gradient that is not a number is a FAIL of every check that looks at it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gradassay.core.params import Params
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify import Settings
from gradassay.verify.runner import run_cases
from gradassay.verify.suite import planned_cases


@dataclass(frozen=True)
class NotANumber(ZOTwoPoint):
    def gradient(self, *given: object) -> Params:
        right = super().gradient(*given)  # type: ignore[arg-type]
        return right.map(lambda array: array * float("nan"))


CHECKS = ("unbiased", "bounded_mean", "variance_as_enumerated", "variance_law", "bias_order")


@pytest.mark.parametrize("check", CHECKS)
def test_a_gradient_that_is_not_a_number_fails(check: str) -> None:
    subject = NotANumber(law="rademacher")
    cases = planned_cases({"subject": subject}, Settings(), suite="full", checks=(check,))
    results = [result for found in run_cases(cases[:1]) for result in found]
    assert [result.verdict for result in results] == ["FAIL"]
