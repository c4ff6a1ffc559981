"""Two ways to what is expected agree: the reference, and a neuron that takes any conventions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from gradassay.crosscheck.conventions import Conventions, Reset
from gradassay.crosscheck.expected import (
    expected_answer,
    network_for,
    simulated_answer,
    unrolled_outputs,
)
from gradassay.crosscheck.implementation import Profile
from gradassay.crosscheck.problems import Problem, problems
from gradassay.verify.oracles.autograd_oracle import as_tensor, mean_loss

PROBLEMS = problems(3)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
@pytest.mark.parametrize("kept", [False, True])
def test_the_general_neuron_is_the_reference_under_its_conventions(
    problem: Problem, reset: Reset, kept: bool
) -> None:
    conventions = Conventions(reset=reset)
    profile = Profile(conventions, reset_gradient=kept)
    network = network_for(problem.task.network, profile)
    task = dataclasses.replace(problem.task, network=network, differentiated="through_time")
    right, general = expected_answer(task, profile), simulated_answer(task, profile)
    for name, spikes in right.spikes.items():
        np.testing.assert_array_equal(general.spikes[name], spikes)
        np.testing.assert_allclose(general.membrane[name], right.membrane[name], atol=1e-12)
    weights = {name: as_tensor(array).requires_grad_() for name, array in task.params.items()}
    outputs = unrolled_outputs(task, weights, profile)
    loss = mean_loss(network.loss, outputs, torch.tensor(task.targets))
    for name, found in zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True):
        np.testing.assert_allclose(found.numpy(), right.gradient[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_problems_are_lively_and_the_dyadic_one_has_ties(problem: Problem) -> None:
    answer = expected_answer(problem.task, Profile())
    first = answer.spikes["lif1"]
    assert 0 < first.mean() < 1
    ties = sum(int((u == 1).sum()) for u in answer.membrane.values())
    assert bool(ties) == problem.exact
    if problem.name.startswith("strong"):
        assert (answer.membrane["lif1"] > 2).any()
