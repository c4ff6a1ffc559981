"""The laws that an estimator's claims call for."""

from __future__ import annotations

from collections.abc import Iterator

from gradassay.core.estimator import Estimator
from gradassay.verify.checks.case import Case, Settings
from gradassay.verify.checks.laws.bias_order import bias_order_cases
from gradassay.verify.checks.laws.curl import curl_cases
from gradassay.verify.checks.laws.descent import descent_cases
from gradassay.verify.checks.laws.momentum_law import momentum_law_cases
from gradassay.verify.checks.laws.proposition_4_1 import proposition_4_1_cases
from gradassay.verify.checks.laws.proposition_4_3 import proposition_4_3_cases
from gradassay.verify.checks.laws.variance_law import variance_law_cases
from gradassay.verify.checks.laws.variance_scaling import variance_scaling_cases

PLANNERS = (
    bias_order_cases,
    variance_law_cases,
    variance_scaling_cases,
    momentum_law_cases,
    descent_cases,
    curl_cases,
    proposition_4_1_cases,
    proposition_4_3_cases,
)


def law_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield all checks of laws over a range of settings."""
    for planner in PLANNERS:
        yield from planner(name, estimator, settings)
