"""Populations, designs and the oracles of a population: values at the edges, by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, DataError
from gradassay.core.keys import Key
from gradassay.core.params import Params, initial_params
from gradassay.estimators import make_estimator
from gradassay.estimators.bptt import BPTT
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.reference_snn import ReferenceBackend, bptt_gradient, online_gradient
from gradassay.torch_snn import TorchBackend
from gradassay.verify.measuring import further_oracles
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.further_oracles import FurtherOracles, population_jacobians
from gradassay.verify.measuring.measurement import surrogate_gradient
from gradassay.verify.measuring.problem import Problem

BACKEND = ReferenceBackend()
NETWORK = fully_connected(3, (4, 3), 3, steps=2)
INPUTS = Key(1).generator().random((6, 3)) * 2
TARGETS = np.array([0, 1, 2, 2, 1, 0])
PARAMS = initial_params(NETWORK, Key(1), gain=2.0)


def build(backend: Any = BACKEND, inputs: np.ndarray = INPUTS) -> Problem:
    return Problem.build("tiny", backend, NETWORK, PARAMS, inputs, TARGETS)


PROBLEM = build()


def test_design_has_the_documented_defaults() -> None:
    design = Design()
    assert dataclasses.astuple(design) == (32, 16, 4, 32, 300)
    assert design.replicates == 32 * 16 * 4
    assert dataclasses.astuple(Design(4, 2, 1, 1, 0)) == (4, 2, 1, 1, 0)


@pytest.mark.parametrize(
    ("option", "least"),
    [("blocks", 4), ("batches", 2), ("draws", 1), ("batch_size", 1), ("warmup", 0)],
)
def test_design_refuses_what_is_too_small(option: str, least: int) -> None:
    options: dict[str, Any] = {option: least - 1}
    with pytest.raises(ConfigurationError) as caught:
        Design(**options)
    message = f"design {option}: got {least - 1}; expected at least {least}."
    assert str(caught.value) == message


def test_budget_is_spread_over_blocks_mini_batches_and_draws() -> None:
    noisy, exact = make_estimator("opzo"), make_estimator("dfa")
    assert Design.for_budget(noisy, 256, batch_size=16) == Design(32, 2, 4, 16, 300)
    assert Design.for_budget(exact, 256, batch_size=16) == Design(32, 8, 1, 16, 300)
    assert Design.for_budget(noisy, 2050, batch_size=3, blocks=8) == Design(8, 64, 4, 3, 300)
    with pytest.raises(ConfigurationError) as caught:
        Design.for_budget(noisy, 39, batch_size=16, blocks=5)
    assert str(caught.value) == (
        "budget: got 39; expected at least 40 estimates (5 blocks of 2 mini-batches with 4 draws)."
    )


def test_a_problem_is_checked_against_its_network() -> None:
    assert (PROBLEM.name, PROBLEM.size) == ("tiny", 6)
    wrong = Params({**PARAMS, "hidden1.weight": np.ones((2, 2))})
    with pytest.raises(DataError, match="hidden1"):
        Problem.build("bad", BACKEND, NETWORK, wrong, INPUTS, TARGETS)
    with pytest.raises(DataError, match="targets"):
        Problem.build("bad", BACKEND, NETWORK, PARAMS, INPUTS, TARGETS + 1)


def test_a_problems_arrays_are_the_backends() -> None:
    torch = TorchBackend("float32")
    problem = build(torch)
    for array in (problem.inputs, *problem.params.values()):
        assert array.dtype == torch.asarray(np.ones(1)).dtype
    np.testing.assert_array_equal(np.asarray(problem.targets), TARGETS)


def test_a_mini_batch_is_of_different_samples_from_its_own_stream() -> None:
    drawn = PROBLEM.draw_indices(6, Key(4))
    np.testing.assert_array_equal(drawn, Key(4).generator().choice(6, 6, replace=False))
    assert sorted(drawn) == list(range(6))
    assert PROBLEM.draw_indices(1, Key(4)).shape == (1,)


@pytest.mark.parametrize("size", [0, 7])
def test_a_mini_batch_fits_the_population(size: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PROBLEM.draw_indices(size, Key(0))
    assert str(caught.value) == (
        f"batch size: got {size}; expected 1 to 6, the size of the population."
    )


def test_mini_batches_are_folded_one_after_another() -> None:
    chosen = [np.array([4, 1]), np.array([0, 4]), np.array([5, 3])]
    flat = np.concatenate(chosen)
    sequence = build(inputs=np.stack([INPUTS, -INPUTS]))
    for problem in (PROBLEM, sequence):
        batch = problem.batch(chosen)
        assert batch.folds == 3
        np.testing.assert_array_equal(batch.inputs, np.take(problem.inputs, flat, axis=-2))
        np.testing.assert_array_equal(batch.targets, TARGETS[flat])


@pytest.mark.parametrize("chunk", [1, 4, 6, 512])
def test_the_populations_gradient_does_not_depend_on_its_chunks(chunk: int) -> None:
    whole = online_gradient(NETWORK, PARAMS, Batch(INPUTS, TARGETS))
    found = PROBLEM.population_gradient(SpatialBP(), Key(0), chunk)
    for name, array in whole.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-12, atol=1e-15)


def test_the_populations_gradient_takes_state_and_noise_from_the_key() -> None:
    for name in ("dfa", "zo_single_point"):
        estimator, key = make_estimator(name), Key(5)
        state = estimator.init(BACKEND, NETWORK, key)
        whole = PROBLEM.batch([np.arange(6)])
        expected = estimator.estimate(BACKEND, NETWORK, PARAMS, whole, state, key).gradient
        found = PROBLEM.population_gradient(estimator, key)
        for array in expected:
            np.testing.assert_allclose(found[array], expected[array], rtol=1e-14)


def test_the_populations_gradient_is_double_on_a_single_precision_backend() -> None:
    found = build(TorchBackend("float32")).population_gradient(SpatialBP(), Key(0), chunk=2)
    for name, array in PROBLEM.population_gradient(SpatialBP(), Key(0)).items():
        assert isinstance(found[name], np.ndarray)
        assert found[name].dtype == np.float64
        np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-6)


def test_an_empty_population_has_no_gradient() -> None:
    empty = dataclasses.replace(PROBLEM, inputs=INPUTS[:0], targets=TARGETS[:0])
    with pytest.raises(ConfigurationError) as caught:
        empty.population_gradient(SpatialBP(), Key(0))
    assert str(caught.value) == "population: got no samples; expected at least one."


def test_populations_of_one_chunk_are_taken_at_once() -> None:
    seen: list[int] = []

    class Watched(SpatialBP):
        def estimate(self, *arguments: Any, **options: Any) -> Any:
            seen.append(arguments[3].size)
            return super().estimate(*arguments, **options)

    many = Problem.build(
        "many", BACKEND, NETWORK, PARAMS, np.ones((513, 3)), np.zeros(513, dtype=int)
    )
    many.population_gradient(Watched(), Key(0))
    assert seen == [512, 1]


@pytest.mark.parametrize("chunk", [1, 4, 128])
def test_mean_jacobians_are_products_of_weights_and_surrogate_derivatives(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(further_oracles, "CHUNK", chunk)
    record: Any = frozenset({"derivative"})
    trace = BACKEND.forward(NETWORK, PARAMS, Batch(INPUTS, TARGETS), record=record)
    second, top = (np.asarray(PARAMS[f"{name}.weight"]) for name in ("hidden2", "readout"))
    psi = trace.derivative["lif2"].mean(axis=(0, 1))
    expected = {"lif1": second.T @ (psi[:, None] * top.T), "lif2": top.T}
    found = population_jacobians(PROBLEM)
    assert list(found) == ["lif1", "lif2"]
    for name, matrix in expected.items():
        np.testing.assert_allclose(found[name], matrix, rtol=1e-12, atol=1e-15)


def test_mean_jacobians_are_double_on_a_single_precision_backend() -> None:
    found = population_jacobians(build(TorchBackend("float32")))
    for name, matrix in population_jacobians(PROBLEM).items():
        assert found[name].dtype == np.float64
        np.testing.assert_allclose(found[name], matrix, rtol=1e-4, atol=1e-6)


def test_further_oracles_are_the_gradients_that_their_names_say() -> None:
    oracles, whole = FurtherOracles(PROBLEM), Batch(INPUTS, TARGETS)
    given = population_jacobians(PROBLEM)
    expected = {
        "bptt": bptt_gradient(NETWORK, PARAMS, whole, reset_gradient=False),
        "mean_jacobian": online_gradient(NETWORK, PARAMS, whole, feedback=given),
    }
    dfa = make_estimator("dfa")
    found = oracles.of(dfa, dfa.init(BACKEND, NETWORK, Key(0)))
    signs = make_estimator("sign_symmetric")
    expected["own_estimand"] = signs.estimate(BACKEND, NETWORK, PARAMS, whole, {}, Key(0)).gradient
    found = {**found, **oracles.of(signs, {})}
    assert list(found) == ["bptt", "mean_jacobian", "own_estimand"]
    for name, gradient in expected.items():
        for array in gradient:
            np.testing.assert_allclose(found[name][array], gradient[array], rtol=1e-11, atol=1e-14)


def test_only_what_is_deterministic_stateless_and_no_oracle_yet_has_its_own_estimand() -> None:
    oracles = FurtherOracles(PROBLEM)
    for name, own in (
        ("sign_symmetric", True),
        ("zo_single_point", False),
        ("feedback_alignment", False),
    ):
        estimator = make_estimator(name)
        state = estimator.init(BACKEND, NETWORK, Key(0))
        assert ("own_estimand" in oracles.of(estimator, state)) == own
    assert set(oracles.of(SpatialBP(), {})) == set(oracles.of(BPTT(), {})) == {"bptt"}
    assert "own_estimand" in oracles.of(SpatialBP(temporal="spatial"), {})


def test_the_surrogate_gradient_is_the_online_one() -> None:
    expected = online_gradient(NETWORK, PARAMS, Batch(INPUTS, TARGETS))
    for name, array in surrogate_gradient(PROBLEM).items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-12, atol=1e-15)
