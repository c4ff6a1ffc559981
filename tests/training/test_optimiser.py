from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch

from gradassay.core.params import Params
from gradassay.training import TrainingSettings
from gradassay.training.optimiser import AdamW, MomentumSGD, optimiser_for, scaled_down
from gradassay.training.schedule import learning_rate_at

STEPS = 25
CONVERT = pytest.mark.parametrize("convert", [np.array, torch.tensor], ids=["numpy", "torch"])
COSINE = TrainingSettings(epochs=5, learning_rate=0.3)

ORACLES: dict[str, tuple[TrainingSettings, Callable[..., torch.optim.Optimizer], dict[str, Any]]]
ORACLES = {
    "sgd": (COSINE.replace(momentum=0.0), torch.optim.SGD, {}),
    "momentum": (COSINE, torch.optim.SGD, {"momentum": 0.9}),
    "decay": (
        COSINE.replace(weight_decay=0.1),
        torch.optim.SGD,
        {"momentum": 0.9, "weight_decay": 0.1},
    ),
    "adamw": (
        COSINE.replace(optimiser="adamw", second_momentum=0.99, weight_decay=0.1),
        torch.optim.AdamW,
        {"betas": (0.9, 0.99), "weight_decay": 0.1},
    ),
}


@CONVERT
@pytest.mark.parametrize("name", ORACLES)
def test_updates_are_those_of_torch(convert: Callable[..., Any], name: str) -> None:
    settings, oracle_class, options = ORACLES[name]
    generator = np.random.default_rng(0)
    start = {"a.weight": generator.normal(size=(4, 3)), "a.bias": generator.normal(size=4)}
    oracle_params = {name: torch.tensor(array) for name, array in start.items()}
    parameters: Iterable[torch.Tensor] = oracle_params.values()
    oracle = oracle_class(parameters, lr=0.3, **options)
    ours = optimiser_for(settings, Params({n: convert(a) for n, a in start.items()}))
    for step in range(STEPS):
        rate = learning_rate_at(settings, step, 5)
        gradient = {name: generator.normal(size=array.shape) for name, array in start.items()}
        for name, array in oracle_params.items():
            array.grad = torch.tensor(gradient[name])
        oracle.param_groups[0]["lr"] = rate
        oracle.step()
        ours.step(Params({n: convert(g) for n, g in gradient.items()}), rate)
    for name, array in oracle_params.items():
        np.testing.assert_allclose(np.asarray(ours.params[name]), array.numpy(), 0, 1e-12)


@CONVERT
@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_restored_optimiser_goes_on_alike(convert: Callable[..., Any], optimiser: str) -> None:
    settings = TrainingSettings(optimiser=optimiser)  # type: ignore[arg-type]
    params = Params({"a.bias": convert(np.ones(3))})
    gradient = Params({"a.bias": convert(np.arange(3.0))})
    ours, other = optimiser_for(settings, params), optimiser_for(settings, params)
    for _ in range(3):
        ours.step(gradient, 0.1)
    other.restore(ours.params, ours.buffers)
    for each in (ours, other):
        each.step(gradient, 0.1)
    assert ours.buffers.keys() == other.buffers.keys()
    np.testing.assert_array_equal(
        np.asarray(ours.params["a.bias"]), np.asarray(other.params["a.bias"])
    )
    assert ours.params["a.bias"] is not other.params["a.bias"]


def test_cosine_is_that_of_torch_and_ends_at_zero() -> None:
    settings = TrainingSettings(epochs=5, learning_rate=0.2)
    weight = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.SGD([weight], lr=0.2)
    oracle = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=STEPS)
    for step in range(STEPS + 1):
        ours = learning_rate_at(settings, step, 5)
        assert ours == pytest.approx(oracle.get_last_lr()[0], abs=1e-15)
        optimiser.step()
        oracle.step()
    assert learning_rate_at(settings, 0, 5) == 0.2
    assert ours == 0.0


def test_constant_schedule_stays() -> None:
    settings = TrainingSettings(epochs=5, learning_rate=0.2, schedule="constant")
    assert {learning_rate_at(settings, step, 5) for step in range(STEPS)} == {0.2}


def test_steps_fall_at_the_milestones() -> None:
    settings = TrainingSettings(
        epochs=5, learning_rate=1.0, schedule="step", milestones=(0.4, 0.8), step_factor=0.5
    )
    rates = [learning_rate_at(settings, step, 5) for step in range(STEPS)]
    assert rates == [1.0] * 10 + [0.5] * 10 + [0.25] * 5


def test_warm_up_rises_to_the_full_rate() -> None:
    settings = TrainingSettings(
        epochs=5, learning_rate=1.0, schedule="constant", warm_up_epochs=0.8
    )
    assert [learning_rate_at(settings, step, 5) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]


@CONVERT
def test_a_gradient_is_scaled_down_to_the_norm(convert: Callable[..., Any]) -> None:
    gradient = Params({"a": convert(np.array([3.0])), "b": convert(np.array([4.0]))})
    assert scaled_down(gradient, 5.0) is gradient
    shorter = scaled_down(gradient, 1.0)
    assert float(shorter.norm()) == pytest.approx(1.0)
    assert float(shorter["a"][0]) == pytest.approx(0.6)


@CONVERT
@pytest.mark.parametrize(
    "make",
    [lambda params: MomentumSGD(params, 0.9), lambda params: AdamW(params, 0.9, 0.999)],
    ids=["sgd", "adamw"],
)
def test_the_arrays_it_was_given_stay(
    convert: Callable[..., Any], make: Callable[[Params], MomentumSGD]
) -> None:
    given = convert(np.ones(3))
    optimiser = make(Params({"a.bias": given}))
    optimiser.step(Params({"a.bias": convert(np.ones(3))}), 0.5)
    np.testing.assert_array_equal(np.asarray(given), np.ones(3))
    np.testing.assert_allclose(np.asarray(optimiser.params["a.bias"]), np.full(3, 0.5))
