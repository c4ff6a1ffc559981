"""Noise on weights: the mean for three weights, by brute force and by draws."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from gradassay.core.network import Loss
from gradassay.core.neuron import Neuron
from gradassay.core.params import Params
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.enumeration import enumerate_estimator
from gradassay.verify.oracles.means import oracle_mean
from gradassay.verify.oracles.noise_rules import cell_rule, layer_rule
from gradassay.verify.oracles.sampled_problems import one_weight_problem, sampled_problems
from gradassay.verify.oracles.small_problems import SmallProblem

BACKEND = ReferenceBackend()
PROBLEM = one_weight_problem()


def flips(problem: SmallProblem) -> np.ndarray:
    """Weights at which some spike flips, by bisection on a fine scan."""
    name = "hidden1.weight"

    def spikes(weight: float) -> bytes:
        moved = Params({**problem.params, name: np.full((1, 1), weight)})
        record = frozenset({"spikes"})
        trace = BACKEND.forward(problem.network, moved, problem.batch, record=record)  # type: ignore[arg-type]
        return np.asarray(trace.spikes["lif1"]).tobytes()

    scan, found = np.linspace(-1.5, 3.5, 503), []
    for low, high in itertools.pairwise(scan):
        if spikes(low) != spikes(high):
            for _ in range(60):
                middle = (low + high) / 2
                low, high = (middle, high) if spikes(middle) == spikes(low) else (low, middle)
            found.append(high)
    return np.array(found)


@pytest.mark.parametrize(
    ("reset", "form", "law"),
    [
        ("soft", "central", "gaussian"),
        ("soft", "forward", "laplace"),
        ("hard", "central", "laplace"),
        ("hard", "forward", "gaussian"),
        ("none", "central", "uniform"),
    ],
)
def test_mean_in_weights_is_noise_times_loss_on_a_grid(
    reset: Any, form: str, law: Any, warm: Any
) -> None:
    """A wide perturbation, so that spikes of several samples and steps flip."""
    network = PROBLEM.network.replace(neuron=Neuron(reset=reset), loss=Loss(0.5, "sequence"))
    problem = dataclasses.replace(PROBLEM, network=network)
    estimator, _ = warm("spsa", problem, law=law, form=form, alpha=0.3)
    oracle = oracle_mean(estimator, problem, {})
    assert oracle is not None
    places = (flips(problem) - 1.005) / 0.3
    assert (np.abs(places) < 1.7).sum() >= 2
    hidden, shares = cell_rule(law, np.concatenate([places, -places]), 3.0, 12)
    readout, weights = layer_rule(law, 2, 28)
    change = losses(problem, hidden, readout, 0.3) / 0.3
    if form == "central":
        change = (change - losses(problem, -hidden, -readout, 0.3) / 0.3) / 2
    else:
        change = change - losses(problem, 0 * hidden[:1], 0 * readout[:1], 0.3) / 0.3
    by_hidden = shares @ (hidden * change) @ weights
    by_readout = shares @ change @ (weights[:, None] * readout)
    found = {"hidden1.weight": by_hidden.reshape(1, 1), "readout.weight": by_readout[:, None]}
    assert relative_difference(oracle.mean, found) < 1e-9


def losses(
    problem: SmallProblem, hidden: np.ndarray, readout: np.ndarray, scale: float
) -> np.ndarray:
    """Mean losses for all pairs of input noise (H, 1) and readout noise (K, 2)."""
    rows = []
    moved = problem.params["readout.weight"][:, 0] + scale * readout
    for z in hidden[:, 0]:
        shifted = problem.params["hidden1.weight"] + scale * z
        params = Params({**problem.params, "hidden1.weight": shifted})
        record = frozenset({"spikes"})
        trace = BACKEND.forward(problem.network, params, problem.batch, record=record)  # type: ignore[arg-type]
        outputs = trace.spikes["lif1"][:, None, :, :] * moved[None, :, None, :]
        flat = outputs.reshape(len(outputs), -1, 2)
        targets = np.tile(problem.batch.targets, len(readout))
        found = BACKEND.loss(problem.network, flat, targets)[0].sum(axis=0)
        rows.append(found.reshape(len(readout), -1).mean(axis=1))
    return np.array(rows)


def test_mean_in_weights_is_the_mean_of_draws(warm: Any, deviation: Any) -> None:
    """2,000 draws; 5.5 standard errors in 3 entries: false alarm below 2e-7."""
    estimator, state = warm("spsa", PROBLEM)
    oracle = oracle_mean(estimator, PROBLEM, state)
    assert oracle is not None
    worst, entries = deviation(estimator, PROBLEM, state, dict(oracle.mean), 2000)
    assert entries == 3
    assert worst < 5.5


def test_signs_on_weights_are_enumerated(warm: Any) -> None:
    estimator, _ = warm("spsa", PROBLEM, law="rademacher")
    oracle = oracle_mean(estimator, PROBLEM, {})
    assert oracle is not None
    network, params, batch = PROBLEM.network, PROBLEM.params, PROBLEM.batch
    exact, _ = enumerate_estimator(estimator, network, params, batch, {})
    assert relative_difference(oracle.mean, exact.mean) < 1e-12


def test_more_weights_have_no_oracle(warm: Any) -> None:
    for law in ("gaussian", "rademacher"):
        estimator, _ = warm("spsa", PROBLEM, law=law)
        assert oracle_mean(estimator, sampled_problems(0)[0], {}) is None
