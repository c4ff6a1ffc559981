"""Zeroth and pseudo-zeroth order under every noise law, against the methods on grids and draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.enumeration import enumerate_estimator
from gradassay.verify.oracles.means import oracle_mean
from gradassay.verify.oracles.noise_rules import layer_rule
from gradassay.verify.oracles.sampled_problems import sampled_problems
from gradassay.verify.oracles.small_problems import SmallProblem, samples_of
from gradassay.verify.oracles.spike_grids import spike_grid

BACKEND = ReferenceBackend()
LAWS = ["gaussian", "uniform", "laplace", "sphere"]
METHODS: list[tuple[str, dict[str, Any]]] = [
    ("zo_single_point", {"traces": "received", "temporal": "local_bptt", "baseline": 0.5}),
    ("zo_two_point", {"temporal": "spatial"}),
    ("zo_two_point", {"form": "forward"}),
    ("pzo_two_point", {}),
]
# one hidden layer with the loss of the step and of the sequence; two layers; a convolution
PROBLEMS = [sampled_problems(0)[number] for number in (0, 1, 2, 5)]
every_method = pytest.mark.parametrize(("name", "options"), METHODS, ids=str)


@every_method
@pytest.mark.parametrize(
    ("law", "number"),
    [*((law, n) for law in ("gaussian", "sphere") for n in range(3)), ("uniform", 2)],
)
def test_derivative_form_is_the_method_on_a_joint_grid(
    law: str, number: int, name: str, options: Any, warm: Any, on_grid: Any
) -> None:
    problem = PROBLEMS[number]
    estimator, state = warm(name, problem, law=law, **options)
    oracle = oracle_mean(estimator, problem, state)
    assert oracle is not None
    joint = number > 0
    expected, _ = on_grid(
        estimator, problem, state, lambda one: spike_grid(one, estimator.noise, joint=joint)
    )
    assert relative_difference(oracle.mean, expected) < 1e-9


@pytest.mark.parametrize("number", [1, 2])
def test_laplace_noise_has_a_corner_in_the_middle(number: int, warm: Any, on_grid: Any) -> None:
    problem = PROBLEMS[number]
    estimator, state = warm("zo_single_point", problem, law="laplace")
    oracle = oracle_mean(estimator, problem, state)
    assert oracle is not None
    expected, _ = on_grid(
        estimator, problem, state, lambda one: spike_grid(one, estimator.noise, joint=True)
    )
    assert relative_difference(oracle.mean, expected) < 1e-8


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_enumeration_of_signs_is_the_mean_over_samples(problem: SmallProblem, warm: Any) -> None:
    for name, options in METHODS:
        estimator, state = warm(name, problem, law="rademacher", **options)
        oracle = oracle_mean(estimator, problem, state)
        assert oracle is not None
        means = [
            enumerate_estimator(estimator, one.network, one.params, one.batch, state)[0].mean
            for one in samples_of(problem)
        ]
        expected = means[0].map(lambda *arrays: np.mean(arrays, axis=0), *means[1:])
        assert relative_difference(oracle.mean, expected) < 1e-11


@pytest.mark.parametrize("law", ["gaussian", "uniform", "laplace"])
def test_noise_below_a_layer_smooths_its_spikes_in_closed_form(law: Any, warm: Any) -> None:
    """``E[z L] / alpha = sum_j k(q_j) (L after - L before spike j flips) / alpha``."""
    problem = PROBLEMS[2]
    estimator, _ = warm("zo_single_point", problem, law=law)
    oracle = oracle_mean(estimator, problem, {})
    assert oracle is not None
    signals = np.array([smoothed_by_jumps(one, law, 0.2) for one in samples_of(problem)])
    assert np.abs(signals).max() > 0.05
    record = frozenset({"derivative", "eligibility"})
    trace = BACKEND.forward(problem.network, problem.params, problem.batch, record=record)  # type: ignore[arg-type]
    delta = trace.derivative["lif1"][0, :, 0] * signals
    expected = delta @ problem.batch.inputs / problem.batch.size
    np.testing.assert_allclose(oracle.mean["hidden1.weight"][0], expected, rtol=1e-9, atol=1e-12)


def smoothed_by_jumps(sample: SmallProblem, law: Any, alpha: float) -> float:
    """The mean of noise times loss for one unit below others, one step."""
    network, params = sample.network, sample.params
    record = frozenset({"spikes"})
    trace = BACKEND.forward(network, params, sample.batch, record=record)  # type: ignore[arg-type]
    weight = params["hidden2.weight"][:, 0]
    current = weight * trace.spikes["lif1"][0, 0, 0] + params["hidden2.bias"]
    places = (1 - current) / (alpha * weight)
    order = np.argsort(places)
    edges = places[order]
    middles = np.concatenate([[edges[0] - 1], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 1]])
    nodes, shares = layer_rule(law, len(weight), 40)
    losses = []
    for z in middles:
        spikes = (current + alpha * weight * z >= 1).astype(float)
        outputs = (spikes + alpha * nodes) @ params["readout.weight"].T + params["readout.bias"]
        targets = np.repeat(sample.batch.targets, len(nodes))
        losses.append(shares @ BACKEND.loss(network, outputs[None], targets)[0][0])
    return float(_tail(law, edges) @ np.diff(losses)) / alpha


def _tail(law: str, place: np.ndarray) -> np.ndarray:
    """``int_q^inf z p(z) dz``, numerically."""
    density = {
        "gaussian": stats.norm,
        "uniform": stats.uniform(-(3**0.5), 2 * 3**0.5),
        "laplace": stats.laplace(scale=0.5**0.5),
    }[law]
    end = 3**0.5 if law == "uniform" else 30.0
    nodes, weights = np.polynomial.legendre.leggauss(400)
    start = np.minimum(np.abs(place), end)[:, None]
    z = start + (end - start) * (1 + nodes) / 2
    tail: np.ndarray = ((end - start) / 2 * weights * z * density.pdf(z)).sum(axis=1)
    return tail


@pytest.mark.parametrize(
    ("law", "number"),
    [("gaussian", 2), ("uniform", 2), ("laplace", 0), ("laplace", 2), ("sphere", 0), ("sphere", 3)],
)
def test_oracles_are_the_means_of_draws(law: str, number: int, warm: Any, deviation: Any) -> None:
    """8,000 draws; 5.5 standard errors in at most 60 entries: false alarm below 3e-6 each."""
    problem = PROBLEMS[number]
    for name in ("zo_two_point", "pzo_two_point"):
        estimator, state = warm(name, problem, law=law)
        oracle = oracle_mean(estimator, problem, state)
        assert oracle is not None
        worst, entries = deviation(estimator, problem, state, dict(oracle.mean), 8_000)
        assert 0 < entries <= 60
        assert worst < 5.5


def test_laws_differ_by_more_than_any_tolerance(warm: Any) -> None:
    found = []
    for law in [*LAWS, "rademacher"]:
        estimator, state = warm("zo_single_point", PROBLEMS[2], law=law)
        oracle = oracle_mean(estimator, PROBLEMS[2], state)
        assert oracle is not None
        found.append(oracle.mean)
    for number, first in enumerate(found):
        for second in found[:number]:
            assert relative_difference(first, second) > 1e-4
