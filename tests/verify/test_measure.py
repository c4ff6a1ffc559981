"""Measured intervals against exact values, memory, and independence of the way of computing."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, DataError
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.noise import NoiseModel
from gradassay.core.params import Params, initial_params
from gradassay.core.records import Measurement
from gradassay.estimators import make_estimator, zoo_names
from gradassay.reference_snn import ReferenceBackend, online_gradient
from gradassay.verify.measuring import draws as draws_module
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.measurement import measure
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.oracles.enumeration import enumerate_estimator

BACKEND = ReferenceBackend()


def small_problem(samples: int, hidden: tuple[int, ...] = (3, 2), steps: int = 2) -> Problem:
    network = fully_connected(3, hidden, 3, steps=steps)
    generator = Key(1).generator()
    return Problem.build(
        "small",
        BACKEND,
        network,
        initial_params(network, Key(1), gain=2.0),
        generator.random((samples, 3)) * 2,
        np.arange(samples) % 3,
    )


def per_sample(problem: Problem) -> list[Batch]:
    return [
        Batch(problem.inputs[s : s + 1], problem.targets[s : s + 1]) for s in range(problem.size)
    ]


def surrogate(problem: Problem) -> Params:
    whole = Batch(problem.inputs, problem.targets)
    return online_gradient(problem.network, problem.params, whole)


def total(rows: list[Measurement], quantity: str, oracle: str = "surrogate_bp") -> Measurement:
    found = [
        row
        for row in rows
        if row.layer == "total" and row.quantity == quantity and row.oracle in ("", oracle)
    ]
    assert len(found) == 1
    return found[0]


def exact_zeroth_order(problem: Problem, estimator: Estimator) -> dict[str, float]:
    """Mini-batches of one sample: enumerate the noise for every sample of the population."""
    moments = [
        enumerate_estimator(estimator, problem.network, problem.params, sample, {})[0]
        for sample in per_sample(problem)
    ]
    oracle, count = surrogate(problem), problem.size
    mean = Params({n: sum(m.mean[n] for m in moments) / count for n in oracle})
    between = [m.mean.map(np.subtract, mean) for m in moments]
    bias = mean.map(np.subtract, oracle)
    unit = float(oracle.dot(oracle))
    exact = {
        "squared_bias": float(bias.dot(bias)) / unit,
        "noise_variance": sum(m.variance for m in moments) / count / unit,
        "batch_variance": sum(float(b.dot(b)) for b in between) / count / unit,
    }
    return exact | {"mean_squared_error": sum(exact.values())}


def count_misses(problem: Problem, exact: dict[str, float], runs: int) -> dict[str, int]:
    estimator = make_estimator("zo_single_point", law="rademacher", alpha=0.5)
    design = Design(blocks=16, batches=6, draws=4, batch_size=1, warmup=0)
    misses = dict.fromkeys(exact, 0)
    for seed in range(runs):
        rows = measure({"zo": estimator}, problem, {"zo": design}, seed=seed)
        for quantity, truth in exact.items():
            row = total(rows, quantity)
            misses[quantity] += not row.low <= truth <= row.high
    return misses


def assert_nominal(misses: dict[str, int], runs: int) -> None:
    """Fails by chance less than 1 time in 10,000 a quantity where the coverage is 0.93 or more."""
    for quantity, count in misses.items():
        assert count <= stats.binom.isf(1e-4, runs, 0.07), (quantity, count, runs)


def test_intervals_cover_the_enumerated_bias_variance_and_error_over_200_seeds() -> None:
    problem = small_problem(3)
    estimator = make_estimator("zo_single_point", law="rademacher", alpha=0.5)
    exact = exact_zeroth_order(problem, estimator)
    assert min(exact.values()) > 0.01
    assert_nominal(count_misses(problem, exact, 200), 200)


@pytest.mark.campaign
def test_intervals_cover_the_enumerated_bias_variance_and_error_over_2000_seeds() -> None:
    problem = small_problem(3)
    estimator = make_estimator("zo_single_point", law="rademacher", alpha=0.5)
    misses = count_misses(problem, exact_zeroth_order(problem, estimator), 2000)
    print({quantity: 1 - count / 2000 for quantity, count in misses.items()})
    assert_nominal(misses, 2000)


def test_spatial_bp_has_no_bias_no_noise_and_the_finite_populations_batch_variance() -> None:
    problem = small_problem(12)
    oracle = surrogate(problem)
    singles = [online_gradient(problem.network, problem.params, s) for s in per_sample(problem)]
    spread = sum(float(g.map(np.subtract, oracle).dot(g.map(np.subtract, oracle))) for g in singles)
    # variance of the mean of 4 of 12 samples without replacement
    exact = spread / 12 * (12 - 4) / (12 - 1) / 4 / float(oracle.dot(oracle))
    design = Design(blocks=16, batches=400, draws=1, batch_size=4, warmup=0)
    rows = measure(
        {"bp": make_estimator("spatial_bp")}, problem, {"bp": design}, seed=0, level=0.9999
    )
    batch = total(rows, "batch_variance")
    assert batch.low <= exact <= batch.high
    assert batch.high - batch.low < 0.3 * exact
    bias = total(rows, "squared_bias")
    assert bias.low <= 0 <= bias.high
    for quantity in ("noise_variance", "state_variance"):
        row = total(rows, quantity)
        assert row.low == row.value == row.high == 0


def test_state_variance_of_dfa_is_that_over_its_random_feedback() -> None:
    problem = small_problem(4, hidden=(5,), steps=3)
    whole, gain = Batch(problem.inputs, problem.targets), 2.0
    trace = BACKEND.forward(
        problem.network,
        problem.params,
        whole,
        record=frozenset({"derivative", "eligibility"}),
    )
    psi, traced = trace.derivative["lif1"], trace.eligibility["hidden1"]
    seen = np.concatenate(
        [traced.values, np.broadcast_to(traced.bias[:, None, None], (3, 4, 1))], axis=-1
    )
    # G_ij = sum_m B_im sum_tb psi_i e_m a_j / 4, with Var B_im = gain^2 / 5
    coefficients = np.einsum("tbi,tbm,tbj->ijm", psi, trace.errors, seen) / 4
    oracle = surrogate(problem)
    exact = (gain**2 / 5) * float((coefficients**2).sum()) / float(oracle.dot(oracle))
    design = Design(blocks=400, batches=2, draws=1, batch_size=4, warmup=3)
    rows = measure(
        {"dfa": make_estimator("dfa", gain=gain)}, problem, {"dfa": design}, seed=1, level=0.9999
    )
    state = total(rows, "state_variance")
    assert state.low <= exact <= state.high
    assert state.high - state.low < exact
    hidden = {n: a for n, a in oracle.items() if n.startswith("hidden1")}
    bias = total(rows, "squared_bias")
    truth = sum(float((a**2).sum()) for a in hidden.values()) / float(oracle.dot(oracle))
    assert bias.low <= truth <= bias.high


def test_error_is_the_sum_of_squared_bias_and_the_parts_of_the_variance() -> None:
    problem = small_problem(20, hidden=(6, 4), steps=4)
    estimator = make_estimator("opzo", momentum=0.5)
    design = Design(blocks=24, batches=12, draws=4, batch_size=4, warmup=5)
    rows = measure({"opzo": estimator}, problem, {"opzo": design}, seed=3)
    parts = ("squared_bias", "noise_variance", "batch_variance", "state_variance")
    added = sum(total(rows, name).value for name in parts)
    assert added == pytest.approx(total(rows, "mean_squared_error").value, rel=1e-9)


def test_zeroth_order_is_unbiased_for_the_smoothed_loss_and_not_for_surrogate_bp() -> None:
    problem = small_problem(3)
    estimator = make_estimator("zo_single_point", alpha=0.5)
    design = Design(blocks=32, batches=150, draws=8, batch_size=1, warmup=0)
    rows = measure(
        {"zo": estimator}, problem, {"zo": design}, seed=5, smoothing=NoiseModel(0.5), level=0.9999
    )
    smoothed = total(rows, "squared_bias", "smoothed_loss")
    assert smoothed.low <= 0 <= smoothed.high
    against_bp = total(rows, "squared_bias", "surrogate_bp")
    assert against_bp.low > 0


def test_chunks_change_results_by_rounding_only(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = small_problem(8)
    estimators = {"opzo": make_estimator("opzo"), "zo": make_estimator("zo_single_point")}
    designs = dict.fromkeys(
        estimators, Design(blocks=5, batches=7, draws=5, batch_size=2, warmup=3)
    )
    results = []
    for largest in (256, 8, 3, 1):
        monkeypatch.setattr(draws_module, "LARGEST_CHUNK", largest)
        results.append(measure(estimators, problem, designs, seed=2, smoothing=NoiseModel(0.2)))
    for other in results[1:]:
        for row, expected in zip(other, results[0], strict=True):
            assert row.value == pytest.approx(expected.value, rel=1e-9, abs=1e-12)
            assert row.low == pytest.approx(expected.low, rel=1e-6, abs=1e-9)


def test_one_estimators_numbers_do_not_depend_on_its_company() -> None:
    problem = small_problem(8)
    design = Design(blocks=5, batches=3, draws=2, batch_size=2, warmup=2)
    pair = {name: make_estimator(name) for name in ("opzo", "dfa")}
    together = measure(pair, problem, dict.fromkeys(pair, design), seed=2)
    alone = measure({"dfa": pair["dfa"]}, problem, {"dfa": design}, seed=2)
    assert [row for row in together if row.subject == "dfa"] == alone


def test_memory_does_not_grow_with_the_number_of_replicates() -> None:
    problem = small_problem(3, hidden=(4,), steps=1)
    estimator = make_estimator("zo_single_point", law="rademacher")
    peaks = []
    for draws in (32, 3125):  # 1,024 and 100,000 replicates
        design = Design(blocks=16, batches=2, draws=draws, batch_size=1, warmup=0)
        tracemalloc.start()
        measure({"zo": estimator}, problem, {"zo": design}, seed=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 2e6
    assert peaks[1] < 10e6


def test_sequences_are_measured_as_static_inputs_are() -> None:
    static = small_problem(8)
    sequence = dataclasses.replace(static, inputs=np.stack([static.inputs] * 2))
    estimators = {name: make_estimator(name) for name in ("bptt", "opzo")}
    designs = dict.fromkeys(
        estimators, Design(blocks=5, batches=3, draws=2, batch_size=2, warmup=2)
    )
    for found, expected in zip(
        measure(estimators, sequence, designs, seed=2),
        measure(estimators, static, designs, seed=2),
        strict=True,
    ):
        assert found.value == pytest.approx(expected.value, rel=1e-9, abs=1e-12)


def test_layers_without_bias_are_measured() -> None:
    network = fully_connected(3, (4, 3), 3, bias=False, steps=3)
    problem = Problem.build(
        "no bias",
        BACKEND,
        network,
        initial_params(network, Key(1), gain=2.0),
        Key(1).generator().random((6, 3)) * 2,
        np.arange(6) % 3,
    )
    estimators = {name: make_estimator(name) for name in zoo_names()}
    designs = dict.fromkeys(
        estimators, Design(blocks=5, batches=3, draws=2, batch_size=2, warmup=2)
    )
    rows = measure(estimators, problem, designs, seed=2)
    assert {row.subject for row in rows} == set(zoo_names())
    assert all(np.isfinite([row.value, row.low, row.high]).all() for row in rows)


def test_budget_is_spread_over_the_design() -> None:
    noisy = Design.for_budget(make_estimator("opzo"), 2048, batch_size=16)
    assert (noisy.draws, noisy.replicates) == (4, 2048)
    exact = Design.for_budget(make_estimator("spatial_bp"), 2048, batch_size=16)
    assert (exact.draws, exact.replicates) == (1, 2048)
    with pytest.raises(ConfigurationError, match="budget: got 100; expected at least 256"):
        Design.for_budget(make_estimator("opzo"), 100, batch_size=16)
    with pytest.raises(ConfigurationError, match="design blocks: got 2; expected at least 4"):
        dataclasses.replace(noisy, blocks=2)


def test_bad_problems_are_refused() -> None:
    problem = small_problem(3)
    with pytest.raises(DataError, match="not finite"):
        Problem.build(
            "nan",
            BACKEND,
            problem.network,
            problem.params,
            problem.inputs * np.nan,
            problem.targets,
        )
    with pytest.raises(ConfigurationError, match="batch size: got 4; expected 1 to 3"):
        problem.draw_indices(4, Key(0))
