"""Gradients from the verbs against autograd through the model of conftest, in float64."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from gradassay.core.network import Loss
from gradassay.core.neuron import Neuron, Surrogate, SurrogateKind

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
GRAPHS = ("conv", "plain-conv", "strided", "residual", "mixed", "encoder")
STATIC = pytest.mark.parametrize("static", [True, False], ids=["static", "sequence"])
RESETS = pytest.mark.parametrize("reset", ["soft", "hard", "none"])
POSITIONS = pytest.mark.parametrize("position", ["spike", "membrane"])


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
    assert_close(problem.online(problem.forward()), problem.autograd("eligibility"), 1e-10)


@pytest.mark.parametrize("reset_gradient", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_gradient_through_time_is_plain_autograd(
    make_problem: Any, case: dict[str, Any], reset_gradient: bool
) -> None:
    problem = make_problem(**case)
    wanted = problem.autograd("activity", reset_gradient=reset_gradient)
    assert_close(problem.through_time(reset_gradient=reset_gradient), wanted, 1e-10)


@RESETS
@STATIC
@POSITIONS
@pytest.mark.parametrize("smooth", [False, True], ids=["spiking", "smooth"])
@pytest.mark.parametrize("graph", GRAPHS)
def test_graph_with_noise_has_the_gradients_of_autograd(
    make_problem: Any, graph: str, reset: str, static: bool, position: str, smooth: bool
) -> None:
    problem = make_problem(
        graph,
        static=static,
        steps=4,
        alpha=0.3,
        position=position,
        neuron=Neuron(0.6, 0.9, reset, smooth=smooth),  # type: ignore[arg-type]
        loss=Loss(0.3),
    )
    trace = problem.forward()
    assert torch.allclose(trace.outputs, problem.model_outputs(), rtol=1e-11, atol=1e-11)
    for kind in ("eligibility", "received_eligibility"):
        assert_close(problem.online(trace, kind=kind), problem.autograd(kind), 1e-9)
    for kept in (True, False):
        got = problem.through_time(reset_gradient=kept, kind="received_activity")
        assert_close(got, problem.autograd("activity", reset_gradient=kept), 1e-9)


@pytest.mark.parametrize("graph", GRAPHS)
def test_recorded_spikes_are_steps_of_the_membranes_neither_silent_nor_always_firing(
    make_problem: Any, graph: str
) -> None:
    trace = make_problem(graph, steps=4, neuron=Neuron(0.6, 0.9)).forward()
    for name, spikes in trace.spikes.items():
        assert torch.equal(spikes, (trace.membrane[name] >= 0.9).double()), name
        assert 0.02 < float(spikes.mean()) < 0.98, name


@RESETS
@STATIC
@POSITIONS
def test_noise_reaches_the_next_layer_and_not_the_trace(
    make_problem: Any, reset: str, static: bool, position: str
) -> None:
    neuron = Neuron(reset=reset)  # type: ignore[arg-type]
    problem = make_problem((7, 6, 4), static=static, alpha=0.3, position=position, neuron=neuron)
    trace = problem.forward()
    assert torch.allclose(trace.outputs, problem.model_outputs(), rtol=1e-12, atol=1e-12)
    assert_close(problem.online(trace), problem.autograd("eligibility"), 1e-10)


@STATIC
@pytest.mark.parametrize("smooth", [False, True], ids=["spiking", "smooth"])
@pytest.mark.parametrize("kind", get_args(SurrogateKind))
def test_each_surrogate_has_the_gradients_of_autograd(
    make_problem: Any, kind: SurrogateKind, smooth: bool, static: bool
) -> None:
    neuron = Neuron(0.6, 0.9, "hard", Surrogate(kind, 0.8), smooth)
    problem = make_problem((7, 6), static=static, alpha=0.2, position="membrane", neuron=neuron)
    assert_close(problem.online(problem.forward()), problem.autograd("eligibility"), 1e-10)
    assert_close(problem.through_time(reset_gradient=True), problem.autograd("activity"), 1e-10)


def test_online_rule_is_through_time_with_one_hidden_layer_soft_reset_and_detached_reset(
    make_problem: Any,
) -> None:
    problem = make_problem((7,), steps=7, static=False)
    wanted = problem.through_time(reset_gradient=False)
    assert_close(problem.online(problem.forward()), wanted, 1e-12)


def differences(problem: Any, h: float = 1e-5) -> dict[str, Tensor]:
    """Central differences of the loss by every parameter."""
    found = {n: torch.empty_like(a) for n, a in problem.params.items()}
    for name, array in problem.params.items():
        entries, wanted = array.view(-1), found[name].view(-1)
        for i in range(len(entries)):
            value, ends = float(entries[i]), []
            for moved in (value + h, value - h):
                entries[i] = moved
                ends.append(problem.loss_of(problem.params))
            entries[i] = value
            wanted[i] = (ends[0] - ends[1]) / (2 * h)
    return found


@pytest.mark.parametrize("over", ["step", "sequence"])
@STATIC
@RESETS
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
    assert_close(problem.through_time(reset_gradient=True), differences(problem), 1e-7)


@pytest.mark.parametrize("graph", ["strided", "mixed", "encoder"])
def test_smooth_gradient_of_a_graph_is_finite_difference_of_the_loss(
    make_problem: Any, graph: str
) -> None:
    neuron = Neuron(smooth=True, surrogate=Surrogate("gaussian", 1.5))
    problem = make_problem(graph, steps=2, neuron=neuron, alpha=0.2, position="membrane")
    assert_close(problem.through_time(reset_gradient=True), differences(problem), 1e-6)
