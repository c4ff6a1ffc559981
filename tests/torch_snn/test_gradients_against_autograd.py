"""Gradients from the verbs against autograd through plain loops written here, in float64."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear, one_hot

from gradassay.core.network import Loss, Network, Neuron

CASES = [
    pytest.param(
        {
            "hidden": (7, 6, 4)[:depth],
            "static": static,
            "steps": steps,
            "neuron": Neuron(leak=0.6, threshold=0.9, reset=reset, smooth=smooth),  # type: ignore[arg-type]
            "loss": Loss((0.0, 0.3, 1.0)[number % 3], over),  # type: ignore[arg-type]
        },
        id=f"{reset}-T{steps}-depth{depth}-{'smooth' if smooth else 'spiking'}-{over}"
        f"-{'static' if static else 'sequence'}-mse{number % 3}",
    )
    for number, (reset, steps, depth, over, static, smooth) in enumerate(
        itertools.product(
            ("soft", "hard", "none"),
            (1, 7),
            (1, 2, 3),
            ("step", "sequence"),
            (True, False),
            (False, True),
        )
    )
]


class Spike(torch.autograd.Function):
    """Step forwards, sigmoid surrogate backwards."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, threshold: float, k: float) -> Tensor:
        ctx.save_for_backward(u)
        ctx.threshold, ctx.k = threshold, k
        return (u >= threshold).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (u,) = ctx.saved_tensors
        sigmoid = 1 / (1 + torch.exp(-ctx.k * (u - ctx.threshold)))
        return grad * ctx.k * sigmoid * (1 - sigmoid), None, None


def fire(neuron: Neuron, u: Tensor) -> Tensor:
    if neuron.smooth:
        return torch.sigmoid(neuron.surrogate.scale * (u - neuron.threshold))
    spikes: Tensor = Spike.apply(u, neuron.threshold, neuron.surrogate.scale)  # type: ignore[no-untyped-call]
    return spikes


def rest(neuron: Neuron, u: Tensor, s: Tensor) -> Tensor:
    """Membrane potential after the reset."""
    if neuron.reset == "soft":
        return u - neuron.threshold * s
    return u * (1 - s) if neuron.reset == "hard" else u


def mixture(loss: Loss, o: Tensor, y: Tensor) -> Tensor:
    squared = ((o - one_hot(y, o.shape[1]).to(o.dtype)) ** 2).mean()
    return (1 - loss.mse_weight) * cross_entropy(o, y) + loss.mse_weight * squared


def mean_loss(network: Network, outputs: list[Tensor], y: Tensor) -> Tensor:
    if network.loss.over == "sequence":
        return mixture(network.loss, torch.stack(outputs).mean(0), y)
    return torch.stack([mixture(network.loss, o, y) for o in outputs]).sum() / network.steps


def weights_of(params: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    return params[f"{name}.weight"], params[f"{name}.bias"]


def bptt_outputs(
    problem: Any, params: Mapping[str, Tensor], *, reset_gradient: bool
) -> list[Tensor]:
    network, neuron = problem.network, problem.network.neuron
    *hidden, readout = network.weighted
    state = {layer.name: torch.zeros(()) for layer in hidden}
    outputs = []
    for t in range(network.steps):
        x = problem.batch.inputs if problem.batch.static else problem.batch.inputs[t]
        for layer in hidden:
            u = neuron.leak * state[layer.name] + linear(x, *weights_of(params, layer.name))
            x = fire(neuron, u)
            state[layer.name] = rest(neuron, u, x if reset_gradient else x.detach())
        outputs.append(linear(x, *weights_of(params, readout.name)))
    return outputs


def online_outputs(problem: Any, params: Mapping[str, Tensor]) -> list[Tensor]:
    """State detached at every step; weights see the trace, signals see the detached weights."""
    network, neuron = problem.network, problem.network.neuron
    *hidden, readout = network.weighted
    state = {layer.name: torch.zeros(()) for layer in hidden}
    trace = {layer.name: torch.zeros(()) for layer in hidden}
    outputs, one = [], 0.0
    for t in range(network.steps):
        clean = problem.batch.inputs if problem.batch.static else problem.batch.inputs[t]
        received, one = clean, neuron.leak * one + 1
        for layer, spiking in zip(hidden, network.spiking, strict=True):
            w, b = weights_of(params, layer.name)
            trace[layer.name] = neuron.leak * trace[layer.name] + clean.detach()
            seen = linear(trace[layer.name], w, b * one)
            current = linear(received, w.detach(), b.detach()) + (seen - seen.detach())
            u = neuron.leak * state[layer.name] + current
            received = clean = fire(neuron, u)
            state[layer.name] = rest(neuron, u, clean).detach()
            if problem.noise is not None:
                received = clean + problem.noise.scale * problem.noise.values[spiking.name][t]
        w, b = weights_of(params, readout.name)
        seen = linear(clean.detach(), w, b)
        outputs.append(linear(received, w.detach(), b.detach()) + (seen - seen.detach()))
    return outputs


def autograd(problem: Any, outputs: Any, **options: Any) -> dict[str, Tensor]:
    params = {n: a.clone().requires_grad_() for n, a in problem.params.items()}
    loss = mean_loss(problem.network, outputs(problem, params, **options), problem.batch.targets)
    gradients = torch.autograd.grad(loss, list(params.values()))
    return dict(zip(params, gradients, strict=True))


def assert_close(got: Mapping[str, Tensor], wanted: Mapping[str, Tensor], bound: float) -> None:
    assert set(got) == set(wanted)
    for name, array in wanted.items():
        assert got[name].shape == array.shape
        error = float((got[name] - array).norm() / (array.norm() + 1e-30))
        assert error <= bound, f"{name}: relative error {error:.1e}, bound {bound:.0e}"


@pytest.mark.parametrize("case", CASES)
def test_online_gradient_is_autograd_with_detached_state_and_weights_that_see_the_trace(
    make_problem: Any, case: dict[str, Any]
) -> None:
    problem = make_problem(**case)
    assert_close(problem.online(problem.forward()), autograd(problem, online_outputs), 1e-10)


@pytest.mark.parametrize("reset_gradient", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_gradient_through_time_is_plain_autograd(
    make_problem: Any, case: dict[str, Any], reset_gradient: bool
) -> None:
    problem = make_problem(**case)
    wanted = autograd(problem, bptt_outputs, reset_gradient=reset_gradient)
    assert_close(problem.through_time(reset_gradient=reset_gradient), wanted, 1e-10)


@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
@pytest.mark.parametrize("static", [True, False])
def test_noise_reaches_the_next_layer_and_not_the_trace(
    make_problem: Any, reset: str, static: bool
) -> None:
    problem = make_problem((7, 6, 4), static=static, alpha=0.3, neuron=Neuron(reset=reset))  # type: ignore[arg-type]
    outputs = torch.stack(online_outputs(problem, problem.params))
    assert torch.allclose(problem.forward().outputs, outputs, rtol=1e-12, atol=1e-12)
    assert_close(problem.online(problem.forward()), autograd(problem, online_outputs), 1e-10)


def test_online_rule_is_through_time_with_one_hidden_layer_soft_reset_and_detached_reset(
    make_problem: Any,
) -> None:
    problem = make_problem((7,), steps=7, static=False)
    wanted = problem.through_time(reset_gradient=False)
    assert_close(problem.online(problem.forward()), wanted, 1e-12)


@pytest.mark.parametrize("over", ["step", "sequence"])
@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
def test_smooth_gradient_with_reset_gradient_is_finite_difference_of_the_loss(
    make_problem: Any, reset: str, static: bool, over: str
) -> None:
    problem = make_problem(
        (4, 3),
        static=static,
        steps=3,
        neuron=Neuron(reset=reset, smooth=True),  # type: ignore[arg-type]
        loss=Loss(0.4, over),  # type: ignore[arg-type]
    )
    differences = {n: torch.empty_like(a) for n, a in problem.params.items()}
    h = 1e-5
    for name, array in problem.params.items():
        entries, wanted = array.view(-1), differences[name].view(-1)
        for i in range(len(entries)):
            value, ends = float(entries[i]), []
            for moved in (value + h, value - h):
                entries[i] = moved
                ends.append(float(problem.forward().losses.sum(0).mean()))
            entries[i] = value
            wanted[i] = (ends[0] - ends[1]) / (2 * h)
    assert_close(problem.through_time(reset_gradient=True), differences, 1e-7)
