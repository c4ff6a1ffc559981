"""Variances over all signs: which estimates have one, and its size where it is known otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from gradassay.core.neuron import Neuron
from gradassay.estimators import make_estimator
from gradassay.verify.checks.case import Settings
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.enumeration import enumerate_estimator
from gradassay.verify.oracles.sign_tables import sign_table
from gradassay.verify.oracles.sign_variances import has_sign_variance, sign_variance
from gradassay.verify.oracles.small_problems import dyadic_problem, weight_problem
from gradassay.verify.runner import run_cases
from gradassay.verify.suite import planned_cases

PROBLEM = dyadic_problem((3,), steps=1, seed=1, samples=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("zo_single_point", {"traces": "received"}),
        ("zo_single_point", {"temporal": "local_bptt"}),
        ("zo_two_point", {}),
        ("zo_two_point", {"form": "forward"}),
        ("pzo_two_point", {}),
        ("forward_gradient", {}),
    ],
)
def test_right_methods_have_the_variance_of_the_table(name: str, options: Any) -> None:
    cases = planned_cases(
        {"right": make_estimator(name, **options)}, Settings(), checks=("enumerated_variance",)
    )
    results = [result for results in run_cases(cases) for result in results]
    assert len(results) >= 6
    assert {result.verdict for result in results} == {"PASS"}


def test_variance_of_a_forward_gradient_in_one_layer_and_step_is_the_closed_form() -> None:
    """Each entry of the bias's gradient has the variance psi_i^2 (|g|^2 - g_i^2)."""
    estimator = make_estimator("forward_gradient", law="rademacher")
    exact, _ = enumerate_estimator(estimator, PROBLEM.network, PROBLEM.params, PROBLEM.batch, {})
    table = sign_table(PROBLEM, noise_model(estimator))
    psi = table.clean.derivative["lif1"][0, 0]
    signal = table.clean.errors[0, 0] @ PROBLEM.params["readout.weight"]
    inputs = float((PROBLEM.batch.inputs**2).sum()) + 1
    expected = inputs * float((psi**2 * ((signal**2).sum() - signal**2)).sum())
    found = sign_variance(table, estimator, PROBLEM, exact.mean)
    assert found == pytest.approx(expected, rel=1e-12)


def test_noise_on_weights_through_a_hard_reset_in_time_and_other_methods_have_none() -> None:
    hard = dyadic_problem((3,), steps=2, seed=1, neuron=Neuron(reset="hard"))
    assert hard.network.neuron == Neuron(reset="hard")
    in_time = make_estimator("zo_two_point", law="rademacher", temporal="local_bptt")
    assert has_sign_variance(in_time, PROBLEM)
    assert not has_sign_variance(in_time, hard)
    weights = make_estimator("forward_gradient", law="rademacher", space="weight")
    assert not has_sign_variance(weights, weight_problem(0))
    assert not has_sign_variance(make_estimator("localzo", law="rademacher"), PROBLEM)
