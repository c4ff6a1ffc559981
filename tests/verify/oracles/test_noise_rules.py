"""Quadrature against the noise laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from gradassay.verify.oracles.noise_rules import SUPPORT, by_parts, cell_rule, layer_rule
from gradassay.verify.oracles.zeroth_order_laws import even_moments

LAWS = ["gaussian", "uniform", "laplace", "sphere", "rademacher"]


@pytest.mark.parametrize("units", [1, 2, 3, 4])
@pytest.mark.parametrize("law", LAWS)
def test_rules_have_the_moments_of_their_law(law: Any, units: int) -> None:
    nodes, weights = layer_rule(law, units, 12)
    moments = even_moments(law, units)
    first = nodes[:, 0]
    assert weights.sum() == pytest.approx(1, rel=1e-13)
    np.testing.assert_allclose(weights @ nodes, 0, atol=1e-13)
    np.testing.assert_allclose((weights * nodes.T) @ nodes, np.eye(units), atol=1e-12)
    assert weights @ first**4 == pytest.approx(moments.four, rel=1e-12)
    assert weights @ first**6 == pytest.approx(moments.six, rel=1e-12)
    if units > 1:
        second = nodes[:, 1]
        assert weights @ (first * second) ** 2 == pytest.approx(moments.two_two, rel=1e-12)
        assert weights @ (first**4 * second**2) == pytest.approx(moments.four_two, rel=1e-12)
    if units > 2:
        products = np.prod(nodes[:, :3], axis=1) ** 2
        assert weights @ products == pytest.approx(moments.two_two_two, rel=1e-12)


@pytest.mark.parametrize("units", [2, 3])
@pytest.mark.parametrize("law", ["gaussian", "uniform", "laplace", "sphere"])
def test_integration_by_parts_is_noise_times_function(law: Any, units: int) -> None:
    """f(x) = log sum exp(W x) + x_0 x_1^2 at x + a z, a = 0.4."""
    generator = np.random.default_rng(0)
    weight, start, scale = torch.tensor(generator.normal(size=(3, units))), 0.3, 0.4
    nodes, weights = layer_rule(law, units, 40)
    z = torch.tensor(nodes)
    place = (start + scale * z).requires_grad_()
    values = torch.logsumexp(place @ weight.T, dim=1) + place[:, 0] * place[:, 1] ** 2
    (slope,) = torch.autograd.grad(values.sum(), [place])
    expected = (weights * values.detach().numpy()) @ nodes / scale
    found = weights @ by_parts(law, z, slope).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("law", ["gaussian", "uniform", "laplace"])
def test_cells_integrate_a_jump_exactly(law: Any) -> None:
    """The integral of z over z > q is k(q); of exp(z / 4) over it, by one cell more or less."""
    nodes, weights = cell_rule(law, np.array([0.37, -1.2, 50.0]), 3.0, 12)
    z, q = nodes[:, 0], 0.37
    tail = {
        "gaussian": math.exp(-(q**2) / 2) / math.sqrt(2 * math.pi),
        "uniform": (3 - q**2) / (4 * math.sqrt(3)),
        "laplace": (q + math.sqrt(0.5)) * math.exp(-q * math.sqrt(2)) / 2,
    }[law]
    assert weights.sum() == pytest.approx(1, abs=1e-13)
    assert weights @ (z * (z > q)) == pytest.approx(tail, rel=1e-12)
    finer, shares = cell_rule(law, np.array([0.37]), 0.7, 20)
    expected = shares @ (np.exp(finer[:, 0] / 4) * (finer[:, 0] > q))
    assert weights @ (np.exp(z / 4) * (z > q)) == pytest.approx(expected, rel=1e-12)
    assert np.abs(z).max() < SUPPORT[law]
