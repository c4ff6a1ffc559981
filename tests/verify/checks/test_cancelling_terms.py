"""Backends agree to rounding of the terms that a sum has, also where these cancel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradassay.core.estimator import Estimator
from gradassay.core.params import Params
from gradassay.core.records import CheckResult
from gradassay.estimators import make_estimator
from gradassay.verify.checks.case import Settings
from gradassay.verify.checks.coarse_backend import size_of_terms
from gradassay.verify.checks.identity_checks import identity_cases

# arrays whose terms cancel: a signal where psi is nearly 0, a sum over positions, a loss near 0
CANCELLING = [
    ("pzo_two_point", 415, "fc-5-4, T=4, spiking readout", "hidden2.weight"),
    ("feedback_alignment", 452, "residual network of 2 blocks, T=3", "stage1.1.gain.weight"),
    ("localzo", 2334, "residual network of 2 blocks, T=3", "stage1.1.conv2.gain"),
]


def agreement(name: str, estimator: Estimator, seed: int, problem: str) -> CheckResult:
    (case,) = [
        case
        for case in identity_cases(name, estimator, Settings(seed=seed))
        if case.check.name == "backends_agree" and case.problem.name == problem
    ]
    (result,) = case.check.run(case)
    return result


@pytest.mark.parametrize(("name", "seed", "problem", "array"), CANCELLING)
def test_rounding_of_terms_that_cancel_is_no_disagreement(
    name: str, seed: int, problem: str, array: str
) -> None:
    assert agreement(name, make_estimator(name), seed, problem).verdict == "PASS"


def off_on_torch(kind: type[Any], wrong: str) -> Estimator:
    """Return a method that is off by a sixth of a rounding to float32 in one array, on torch."""

    class OffOnTorch(kind):  # type: ignore[misc]
        def gradient(self, *arguments: Any) -> Params:
            right: Params = super().gradient(*arguments)
            if isinstance(right[wrong], np.ndarray):
                return right
            return Params({**right, wrong: right[wrong] * (1 + 1e-8)})

    return OffOnTorch()


@pytest.mark.parametrize(("name", "seed", "problem", "array"), CANCELLING)
def test_a_disagreement_beyond_rounding_is_seen_where_terms_cancel(
    name: str, seed: int, problem: str, array: str
) -> None:
    off = off_on_torch(type(make_estimator(name)), array)
    result = agreement(name, off, seed, problem)
    assert result.verdict == "FAIL"
    assert result.detail.startswith(f"{array}: 1 times the expected one")


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
def test_the_size_of_terms_is_at_most_the_sum_of_their_sizes(terms: list[float]) -> None:
    exact = np.array(terms)
    coarse = exact.astype(np.float32).astype(np.float64)
    size = size_of_terms({"sum": exact.sum()}, {"sum": coarse.sum()})["sum"]
    assert size <= np.abs(exact).sum() * (1 + 1e-6) + 1e-20


def test_terms_that_cancel_show_their_size() -> None:
    exact = np.array([1 / 3, -1 / 3 + 1e-6])
    coarse = exact.astype(np.float32).astype(np.float64)
    size = size_of_terms({"sum": exact.sum()}, {"sum": coarse.sum()})["sum"]
    assert 0.01 < size < 1


def test_where_float32_overflows_an_array_counts_as_large_as_it_is() -> None:
    assert size_of_terms({"sum": np.array(1e300)}, {"sum": np.array(np.inf)}) == {"sum": 0.0}
