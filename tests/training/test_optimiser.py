from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from gradassay.core.params import Params
from gradassay.training.optimiser import MomentumSGD, learning_rate_at

STEPS = 25


@pytest.mark.parametrize("convert", [np.array, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_updates_are_those_of_torch_sgd(convert: Callable[..., Any], momentum: float) -> None:
    generator = np.random.default_rng(0)
    start = {"a.weight": generator.normal(size=(4, 3)), "a.bias": generator.normal(size=4)}
    oracle_params = {name: torch.tensor(array) for name, array in start.items()}
    oracle = torch.optim.SGD(oracle_params.values(), lr=0.3, momentum=momentum)
    ours = MomentumSGD(Params({n: convert(a) for n, a in start.items()}), momentum)
    for step in range(STEPS):
        rate = learning_rate_at(0.3, "cosine", step, STEPS)
        gradient = {name: generator.normal(size=array.shape) for name, array in start.items()}
        for name, array in oracle_params.items():
            array.grad = torch.tensor(gradient[name])
        oracle.param_groups[0]["lr"] = rate
        oracle.step()
        ours.step({n: convert(g) for n, g in gradient.items()}, rate)
    for name, array in oracle_params.items():
        np.testing.assert_allclose(np.asarray(ours.params[name]), array.numpy(), 0, 1e-12)


def test_cosine_is_that_of_torch_and_ends_at_zero() -> None:
    weight = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.SGD([weight], lr=0.2)
    oracle = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=STEPS)
    for step in range(STEPS + 1):
        ours = learning_rate_at(0.2, "cosine", step, STEPS)
        assert ours == pytest.approx(oracle.get_last_lr()[0], abs=1e-15)
        optimiser.step()
        oracle.step()
    assert learning_rate_at(0.2, "cosine", 0, STEPS) == 0.2
    assert ours == 0.0


def test_constant_schedule_stays() -> None:
    assert {learning_rate_at(0.2, "constant", step, STEPS) for step in range(STEPS)} == {0.2}


@pytest.mark.parametrize("convert", [np.array, torch.tensor], ids=["numpy", "torch"])
def test_the_arrays_it_was_given_stay(convert: Callable[..., Any]) -> None:
    given = convert(np.ones(3))
    optimiser = MomentumSGD(Params({"a.bias": given}), 0.9)
    optimiser.step({"a.bias": convert(np.ones(3))}, 0.5)
    np.testing.assert_array_equal(np.asarray(given), np.ones(3))
    np.testing.assert_array_equal(np.asarray(optimiser.params["a.bias"]), np.full(3, 0.5))
