"""Surrogate derivatives: of the smooth function, at the edges, far out, and in the neuron."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch

from gradassay.core.neuron import Neuron, Surrogate, SurrogateKind
from gradassay.torch_snn.surrogate import derivative_, smooth_, surrogate_derivative

KINDS = get_args(SurrogateKind)
PEAKS: dict[str, Callable[[float], float]] = {
    "sigmoid": lambda k: k / 4,
    "arctan": lambda k: k / 2,
    "triangle": lambda k: k,
    "rectangle": lambda k: k,
    "superspike": lambda k: 1.0,
    "gaussian": lambda k: k / math.sqrt(2 * math.pi),
}
# S far below and far above the threshold
LIMITS: dict[str, Callable[[float], tuple[float, float]]] = {
    "superspike": lambda k: (0.5 - 1 / k, 0.5 + 1 / k),
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
EVERY_SCALE = pytest.mark.parametrize("scale", [0.7, 2.0, 4.0])


@EVERY_KIND
@EVERY_SCALE
def test_psi_is_the_numerical_derivative_of_s(kind: SurrogateKind, scale: float) -> None:
    surrogate, h = Surrogate(kind, scale), 1e-6
    x = torch.linspace(-3, 3, 61, dtype=torch.float64) + 0.0137  # off the kinks by far more than h
    numerical = (smooth_(surrogate, x + h) - smooth_(surrogate, x - h)) / (2 * h)
    assert torch.allclose(derivative_(surrogate, x.clone()), numerical, rtol=1e-6, atol=1e-8)


@EVERY_KIND
@EVERY_SCALE
def test_peak_is_at_the_threshold_where_s_is_a_half(kind: SurrogateKind, scale: float) -> None:
    surrogate = Surrogate(kind, scale)
    x = torch.tensor([-0.1, 0.0, 0.1], dtype=torch.float64)
    psi = derivative_(surrogate, x.clone())
    assert float(psi[1]) == pytest.approx(PEAKS[kind](scale), rel=1e-14)
    assert float(psi[0]) == pytest.approx(float(psi[2]), rel=1e-14)
    assert float(psi.max()) == float(psi[1])
    assert float(smooth_(surrogate, x)[1]) == 0.5


def test_edges_of_triangle_and_rectangle() -> None:
    x = torch.tensor([-0.25, -0.125, -0.0625, 0.0625, 0.125, 0.25])
    assert derivative_(Surrogate("triangle", 4.0), x.clone()).tolist() == [0, 2, 3, 3, 2, 0]
    assert derivative_(Surrogate("rectangle", 4.0), x.clone()).tolist() == [0, 0, 4, 4, 0, 0]
    assert smooth_(Surrogate("triangle", 4.0), x.clone()).tolist() == [
        0,
        0.125,
        0.28125,
        0.71875,
        0.875,
        1,
    ]
    assert smooth_(Surrogate("rectangle", 4.0), x.clone()).tolist() == [0, 0, 0.25, 0.75, 1, 1]


@EVERY_KIND
def test_huge_membrane_potentials_reach_the_limits_in_float32(kind: SurrogateKind) -> None:
    surrogate = Surrogate(kind, 4.0)
    x = torch.tensor([-1e30, -1e6, 1e6, 1e30])
    psi, s = derivative_(surrogate, x.clone()), smooth_(surrogate, x.clone())
    assert ((psi >= 0) & (psi < 1e-10)).all()
    low, high = LIMITS[kind](4.0) if kind in LIMITS else (0.0, 1.0)
    assert torch.allclose(s, torch.tensor([low, low, high, high]), atol=1e-6)


@EVERY_KIND
def test_float32_is_float64_within_rounding(kind: SurrogateKind) -> None:
    surrogate = Surrogate(kind, 4.0)
    x = torch.linspace(-5, 5, 1001)
    for function, size in ((derivative_, PEAKS[kind](4.0)), (smooth_, 1.0)):
        single, double = function(surrogate, x.clone()), function(surrogate, x.double())
        # k x carries a rounding of up to 4 * 5 ulp, which a slope of psi of up to k^2 passes on
        assert float((single.double() - double).abs().max()) < 3e-6 * max(size, 1.0), function


@EVERY_KIND
def test_spikes_are_a_step_and_the_recorded_derivative_is_psi_of_what_the_firing_saw(
    make_problem: Any, kind: SurrogateKind
) -> None:
    neuron = Neuron(0.6, 0.9, surrogate=Surrogate(kind, 0.8))
    for position in ("spike", "membrane"):
        p = make_problem(neuron=neuron, alpha=0.3, position=position)
        trace = p.forward()
        for name, u in trace.membrane.items():
            seen = u + 0.3 * p.noise.values[name] if position == "membrane" else u
            assert torch.equal(trace.spikes[name], (seen >= 0.9).double())
            assert torch.allclose(trace.derivative[name], surrogate_derivative(neuron, seen))
            same = trace.received[name] is trace.spikes[name]
            assert same == (position == "membrane")
