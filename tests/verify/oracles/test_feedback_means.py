"""Oracles of methods that draw nothing for their signal, against the methods themselves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.params import Params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.means import oracle_mean
from gradassay.verify.oracles.sampled_problems import sampled_problems
from gradassay.verify.oracles.small_problems import SmallProblem, agreement_problems
from gradassay.verify.oracles.spike_grids import spike_grid

BACKEND = ReferenceBackend()
TEMPORAL = ["online", "spatial", "local_bptt"]
WITH_CURRENTS = [p for p in agreement_problems(3) if not isinstance(p.network.output, Spiking)]
every_problem = pytest.mark.parametrize("problem", agreement_problems(3), ids=lambda p: p.name)


def estimated(name: str, problem: SmallProblem, **options: Any) -> tuple[Params, Params]:
    """Gradient of the method, and its oracle."""
    estimator = make_estimator(name, **options)
    state = estimator.init(BACKEND, problem.network, Key(1))
    arguments = (BACKEND, problem.network, problem.params, problem.batch, state, Key(2))
    oracle = oracle_mean(estimator, problem, state)
    assert oracle is not None
    return estimator.estimate(*arguments).gradient, oracle.mean


@every_problem
@pytest.mark.parametrize("temporal", TEMPORAL)
@pytest.mark.parametrize(
    "name",
    [
        "spatial_bp",
        "feedback_alignment",
        "sign_symmetric",
        "dfa",
        "dkp",
        "local_learning",
        "dfa+0.01*local_learning",
        "spatial_bp+0.5*dfa",
    ],
)
def test_deterministic_methods_are_their_oracles(
    name: str, temporal: str, problem: SmallProblem
) -> None:
    found, expected = estimated(name, problem, temporal=temporal)
    assert relative_difference(found, expected) < 1e-11


@every_problem
@pytest.mark.parametrize("kept", [True, False])
def test_bptt_is_its_oracle(kept: bool, problem: SmallProblem) -> None:
    found, expected = estimated("bptt", problem, reset_gradient=kept)
    assert relative_difference(found, expected) < 1e-11


def test_spiking_readouts_are_differentiated_exactly() -> None:
    problem = agreement_problems(3)[2]
    layers = (*problem.network.layers, Spiking("out", problem.network.classes))
    spiking = dataclasses.replace(problem, network=problem.network.replace(layers=layers))
    for name in ("spatial_bp", "dfa", "local_learning"):
        for temporal in TEMPORAL:
            found, expected = estimated(name, spiking, temporal=temporal)
            assert relative_difference(found, expected) < 1e-11


@pytest.mark.parametrize("problem", WITH_CURRENTS, ids=lambda p: p.name)
@pytest.mark.parametrize("law", ["gaussian", "uniform", "laplace", "sphere"])
def test_expected_surrogate_is_that_of_signs_where_every_law_is_a_rectangle(
    law: str, problem: SmallProblem
) -> None:
    """With signs it is the rectangle itself; other laws differ from it, and from psi.

    Where outputs are spikes their own derivative is the neuron's, not random.
    """
    signs, expected = estimated("localzo", problem, law="rademacher")
    neuron = problem.network.neuron
    rectangle = Neuron(neuron.leak, neuron.threshold, neuron.reset, Surrogate("rectangle", 1.0))
    network = problem.network.replace(neuron=rectangle)
    exact, _ = estimated("spatial_bp", dataclasses.replace(problem, network=network))
    assert relative_difference(expected, exact) < 1e-11
    assert relative_difference(signs, exact) < 1e-11
    assert relative_difference(estimated("localzo", problem, law=law)[1], exact) > 1e-3


@pytest.mark.parametrize(
    ("law", "temporal"),
    [
        ("gaussian", "local_bptt"),
        ("uniform", "spatial"),
        ("laplace", "online"),
        ("sphere", "online"),
    ],
)
def test_expected_surrogate_is_the_mean_of_draws(law: str, temporal: str, deviation: Any) -> None:
    """40,000 draws; 5.5 standard errors in any of 58 entries: false alarm below 3e-6."""
    problem = sampled_problems(3)[4]  # no potential is so far from the threshold that none fires
    estimator = make_estimator("localzo", law=law, temporal=temporal)
    oracle = oracle_mean(estimator, problem, {})
    assert oracle is not None
    worst, entries = deviation(estimator, problem, {}, dict(oracle.mean), 40_000)
    assert 0 < entries <= 58
    assert worst < 5.5


@pytest.mark.parametrize("name", ["spatial_bp", "feedback_alignment", "local_learning", "dfa"])
@pytest.mark.parametrize(
    ("law", "temporal"),
    [("gaussian", "local_bptt"), ("uniform", "online"), ("rademacher", "spatial")],
)
def test_in_a_sum_they_are_averaged_over_the_noise_of_the_pass(
    name: str, temporal: str, law: str, warm: Any, on_grid: Any
) -> None:
    problem = sampled_problems(0)[2]
    estimator, state = warm(f"opzo+0.5*{name}", problem, temporal=temporal, law=law)
    oracle = oracle_mean(estimator, problem, state)
    assert oracle is not None
    expected, _ = on_grid(
        estimator, problem, state, lambda one: spike_grid(one, estimator.noise, joint=False)
    )
    assert relative_difference(oracle.mean, expected) < 1e-11
    quiet = oracle_mean(make_estimator(name, temporal=temporal), problem, _part(state, name))
    assert quiet is not None
    assert relative_difference(quiet.mean, expected) > 1e-6


def _part(state: State, name: str) -> State:
    start = f"{name}/"
    return {n.removeprefix(start): np.asarray(a) for n, a in state.items() if n.startswith(start)}
