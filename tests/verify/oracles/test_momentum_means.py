"""Momentum feedback: matrices after an update and gradients, against the method."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gradassay.core.keys import Key
from gradassay.core.network import Loss
from gradassay.core.noise import Noise
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.means import mean_momentum_after, oracle_mean
from gradassay.verify.oracles.membrane_cells import membrane_grid
from gradassay.verify.oracles.sampled_problems import sampled_problems
from gradassay.verify.oracles.small_problems import SmallProblem, dyadic_problem
from gradassay.verify.oracles.spike_grids import spike_grid

BACKEND = ReferenceBackend()
ONE_LAYER, SEQUENCE, TWO_LAYERS = sampled_problems(0)[:3]
LAWS = ["gaussian", "uniform", "laplace", "sphere", "rademacher"]
ALONE = [
    dyadic_problem((2,), steps=2, seed=0, samples=1),
    dyadic_problem((2,), steps=2, seed=0, samples=1, loss=Loss(0.25, "sequence")),
    dyadic_problem((1, 2), steps=1, seed=0, samples=1),
]


@pytest.mark.parametrize("problem", [ONE_LAYER, SEQUENCE, TWO_LAYERS], ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("law", "options"),
    [
        *((law, {}) for law in LAWS),
        ("sphere", {"pairing": "none", "traces": "received"}),
        ("gaussian", {"pairing": "batch", "inverse_alpha": False, "temporal": "spatial"}),
        ("uniform", {"pairing": "batch", "start": "zero_uncorrected", "temporal": "local_bptt"}),
    ],
    ids=str,
)
def test_spike_noise_used_before_the_update(
    options: Any, problem: SmallProblem, law: str, warm: Any, on_grid: Any
) -> None:
    estimator, state = warm("opzo", problem, law=law, **options)
    oracle, matrices = (
        oracle_mean(estimator, problem, state),
        mean_momentum_after(estimator, problem, state),
    )
    assert oracle is not None
    assert matrices is not None
    joint = problem is SEQUENCE
    expected, after = on_grid(
        estimator, problem, state, lambda one: spike_grid(one, estimator.noise, joint=joint)
    )
    assert relative_difference(oracle.mean, expected) < 1e-9
    assert relative_difference(matrices, {name: after[name] for name in matrices}) < 1e-9


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("pairing", ["none", "time"])
@pytest.mark.parametrize("problem", ALONE, ids=str)
def test_spike_noise_used_after_the_update(
    problem: SmallProblem, pairing: str, law: str, warm: Any, on_grid: Any
) -> None:
    estimator, state = warm("opzo", problem, law=law, pairing=pairing, use="after", momentum=0.5)
    oracle = oracle_mean(estimator, problem, state)
    assert oracle is not None
    expected, _ = on_grid(
        estimator, problem, state, lambda one: spike_grid(one, estimator.noise, joint=True)
    )
    assert relative_difference(oracle.mean, expected) < 1e-9


@pytest.mark.parametrize("pairing", ["none", "time"])
def test_used_after_the_update_samples_meet_each_others_term(pairing: str, warm: Any) -> None:
    """Two samples with signs of their own, all combinations of both."""
    problem = dyadic_problem((2,), steps=2, seed=0, samples=2)
    estimator, state = warm(
        "opzo", problem, law="rademacher", pairing=pairing, use="after", momentum=0.5
    )
    free = 2 if pairing == "none" else 1
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=4 * free)))
    z = np.moveaxis(signs.reshape(len(signs), free, 2, 2), 1, 0).reshape(free, -1, 2)
    noise = Noise(0.2, {"lif1": z if pairing == "none" else np.concatenate([z, -z])})
    arguments = (BACKEND, problem.network, problem.params, problem.batch, state, Key(0))
    estimate = estimator.estimate(*arguments, replicates=range(len(signs)), noise=noise)
    oracle = oracle_mean(estimator, problem, state)
    matrices = mean_momentum_after(estimator, problem, state)
    assert oracle is not None
    assert matrices is not None
    mean = estimate.gradient.map(lambda rows: rows.mean(axis=0))
    assert relative_difference(oracle.mean, mean) < 1e-12
    assert relative_difference(matrices, {"lif1": estimate.state["lif1"].mean(axis=0)}) < 1e-12


def test_membrane_noise_holds_the_smoothed_derivative_of_each_spike(warm: Any) -> None:
    """One layer, one step: ``E Z = W^T phi(q) / alpha`` unit by unit, mean over samples."""
    problem = dyadic_problem((3,), steps=1, seed=1)
    estimator, state = warm("opzo", problem, position="membrane", alpha=0.5, momentum=0.0)
    matrices = mean_momentum_after(estimator, problem, state)
    assert matrices is not None
    record = frozenset({"membrane"})
    trace = BACKEND.forward(problem.network, problem.params, problem.batch, record=record)  # type: ignore[arg-type]
    slopes = stats.norm.pdf((1 - trace.membrane["lif1"][0]) / 0.5).mean(axis=0) / 0.5
    expected = slopes[:, None] * problem.params["readout.weight"].T
    np.testing.assert_allclose(matrices["lif1"], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("law", "options"),
    [
        ("gaussian", {"pairing": "none"}),
        ("gaussian", {"pairing": "time", "membrane_psi": True}),
        ("uniform", {"pairing": "time", "use": "after", "momentum": 0.5}),
        ("laplace", {"pairing": "none", "membrane_psi": True, "temporal": "local_bptt"}),
        ("laplace", {"pairing": "time", "use": "after", "momentum": 0.5}),
    ],
    ids=str,
)
def test_membrane_noise_is_the_mean_of_draws(
    options: Any, law: str, warm: Any, deviation: Any
) -> None:
    """12,000 draws; 5.5 standard errors in at most 60 entries: false alarm below 3e-6."""
    for problem in (ONE_LAYER, TWO_LAYERS):
        estimator, state = warm("opzo", problem, law=law, position="membrane", alpha=0.5, **options)
        oracle = oracle_mean(estimator, problem, state)
        matrices = mean_momentum_after(estimator, problem, state)
        assert oracle is not None
        assert matrices is not None
        expected = {**oracle.mean, **{f"M {name}": m for name, m in matrices.items()}}
        worst, entries = deviation(estimator, problem, state, expected, 12_000)
        assert 20 < entries <= 60
        assert worst < 5.5


@pytest.mark.parametrize("law", ["gaussian", "uniform", "laplace"])
def test_membrane_noise_is_the_method_on_one_node_for_each_pattern(
    law: str, warm: Any, on_grid: Any
) -> None:
    estimator, state = warm("opzo", ONE_LAYER, law=law, position="membrane", pairing="none")
    oracle = oracle_mean(estimator, ONE_LAYER, state)
    matrices = mean_momentum_after(estimator, ONE_LAYER, state)
    assert oracle is not None
    assert matrices is not None
    expected, after = on_grid(
        estimator, ONE_LAYER, state, lambda one: membrane_grid(one, estimator.noise)
    )
    assert relative_difference(oracle.mean, expected) < 1e-11
    assert relative_difference(matrices, after) < 1e-11


@pytest.mark.parametrize(
    ("name", "law"),
    [
        *(("intermediate_global", law) for law in LAWS),
        ("opzo+0.01*local_learning+0.1*intermediate_global", "gaussian"),
        ("opzo+0.01*local_learning+0.1*intermediate_global", "rademacher"),
    ],
)
def test_feedback_from_the_middle(name: str, law: str, warm: Any, on_grid: Any) -> None:
    estimator, state = warm(name, TWO_LAYERS, law=law)
    oracle = oracle_mean(estimator, TWO_LAYERS, state)
    assert oracle is not None
    expected, _ = on_grid(
        estimator, TWO_LAYERS, state, lambda one: spike_grid(one, estimator.noise, joint=True)
    )
    assert relative_difference(oracle.mean, expected) < 1e-9


def test_frozen_matrices_stay_and_sleeping_gradients_are_0(warm: Any) -> None:
    estimator, state = warm("opzo", ONE_LAYER, freeze_after=2)
    matrices = mean_momentum_after(estimator, ONE_LAYER, state)
    assert matrices is not None
    np.testing.assert_array_equal(matrices["lif1"], state["lif1"])
    for warm_up, zero in ((2, False), (3, True)):
        for name in ("opzo", "opzo+0.5*local_learning"):
            estimator, state = warm(name, ONE_LAYER, warm_up=warm_up)
            oracle = oracle_mean(estimator, ONE_LAYER, state)
            assert oracle is not None
            assert (float(oracle.mean.norm()) == 0) == zero


def test_what_noise_of_two_kinds_meets_in_has_no_oracle(warm: Any) -> None:
    for options in (
        {"pairing": "batch", "use": "after"},
        {"position": "membrane", "membrane_psi": True, "use": "after"},
        {"position": "membrane", "law": "sphere"},
    ):
        estimator, state = warm("opzo", ONE_LAYER, **options)
        assert oracle_mean(estimator, ONE_LAYER, state) is None
    assert mean_momentum_after(estimator, ONE_LAYER, state) is None
    dfa, state = warm("dfa", ONE_LAYER)
    assert mean_momentum_after(dfa, ONE_LAYER, state) is None
