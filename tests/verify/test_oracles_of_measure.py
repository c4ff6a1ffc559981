"""Signs and further oracles of a measurement, beside exact values."""

from __future__ import annotations

import numpy as np
import pytest

from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.core.records import Measurement
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.draws import sign_agreements
from gradassay.verify.measuring.further_oracles import FurtherOracles, population_jacobians
from gradassay.verify.measuring.measurement import measure, surrogate_gradient
from gradassay.verify.measuring.problem import Problem

BACKEND = ReferenceBackend()
SIZE = 12


def problem(hidden: tuple[int, ...], silent_input: bool = False) -> Problem:
    network = fully_connected(4, hidden, 3, steps=3)
    inputs = Key(1).generator().random((SIZE, 4)) * 2
    inputs[:, 0] *= not silent_input
    params = initial_params(network, Key(1), gain=2.0)
    return Problem.build("small", BACKEND, network, params, inputs, np.arange(SIZE) % 3)


def measured(
    name: str, where: Problem, batch_size: int = 4
) -> dict[tuple[str, str, str], Measurement]:
    design = Design(blocks=6, batches=4, draws=2, batch_size=batch_size, warmup=5)
    rows = measure({name: make_estimator(name)}, where, {name: design}, seed=0, level=0.9999)
    return {(row.layer, row.quantity, row.oracle): row for row in rows}


def test_zero_counts_as_half_and_coordinates_without_a_sign_are_left_out() -> None:
    target = np.array([1.0, -2.0, 0.0, 3.0, -1.0])
    draws = np.array([[5.0, 1.0, 9.0, 0.0, -7.0], [1.0, -1.0, 1.0, 1.0, -1.0]])
    products = {"a": np.sign(draws) @ np.sign(target), "b": np.array([-1.0, 1.0])}
    found = sign_agreements(products, {"a": 4, "b": 1})
    assert found["a"].tolist() == [(1 + 0 + 0.5 + 1) / 4, 1.0]
    assert found["total"].tolist() == [2.5 / 5, 1.0]
    assert np.isnan(sign_agreements({"a": np.array([0.0])}, {"a": 0})["a"]).all()


def test_the_whole_population_s_gradient_agrees_in_every_sign() -> None:
    found = measured("spatial_bp", problem((5, 4), silent_input=True), batch_size=SIZE)
    for layer in ("hidden1", "hidden2", "readout", "total"):
        assert found[layer, "sign_agreement", "surrogate_bp"].value == pytest.approx(1, abs=0.05)
    zeros = found["hidden1", "zero_coordinates", "surrogate_bp"]
    assert zeros.low == zeros.value >= 5 / 25  # five weights from the input that is always 0


def test_random_feedback_agrees_in_half_of_the_signs_below_the_readout() -> None:
    """Fails by chance 1 time in 10,000."""
    where = problem((40, 40))
    design = Design(blocks=40, batches=2, draws=1, batch_size=4, warmup=0)
    rows = measure({"dfa": make_estimator("dfa")}, where, {"dfa": design}, seed=0, level=0.9999)
    (row,) = [r for r in rows if (r.layer, r.quantity) == ("hidden1", "sign_agreement")]
    assert row.low <= 0.5 <= row.high
    assert row.high - row.low < 0.2


def test_the_distance_of_spatial_bp_to_bptt_is_the_exact_one() -> None:
    where = problem((5, 4))
    found = measured("spatial_bp", where)
    surrogate = surrogate_gradient(where)
    through_time = where.population_gradient(make_estimator("bptt"), Key(0))
    apart = through_time.map(np.subtract, surrogate)
    exact = float(apart.dot(apart)) / float(surrogate.dot(surrogate))
    row = found["total", "squared_bias", "bptt"]
    assert exact > 1e-4
    assert row.low <= exact <= row.high


def test_with_one_hidden_layer_the_mean_jacobian_feeds_back_the_surrogate_gradient() -> None:
    where = problem((5,))
    weights = np.asarray(where.params["readout.weight"])
    np.testing.assert_allclose(population_jacobians(where)["lif1"], weights.T, rtol=1e-12)
    oracle = FurtherOracles(where).mean_jacobian
    for name, array in surrogate_gradient(where).items():
        np.testing.assert_allclose(oracle[name], array, rtol=1e-10, atol=1e-14)


def test_each_estimator_is_compared_with_what_says_something_about_it() -> None:
    where = problem((5, 4))
    oracles = FurtherOracles(where)
    expected = {
        "spatial_bp": {"bptt"},
        "bptt": {"bptt"},
        "sign_symmetric": {"bptt", "own_estimand"},
        "dfa": {"bptt", "mean_jacobian"},
        "opzo": {"bptt", "mean_jacobian"},
        "zo_single_point": {"bptt"},
    }
    for name, names in expected.items():
        estimator = make_estimator(name)
        state = estimator.init(BACKEND, where.network, Key(0))
        assert set(oracles.of(estimator, state)) == names


def test_a_deterministic_method_has_no_bias_for_its_own_estimand() -> None:
    row = measured("sign_symmetric", problem((5, 4)), batch_size=4)[
        "total", "squared_bias", "own_estimand"
    ]
    assert row.low <= 0 <= row.high
