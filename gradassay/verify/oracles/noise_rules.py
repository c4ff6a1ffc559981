"""Quadrature against the noise laws, and integration by parts under each of them.

For smooth f and noise z of a law with independent entries, density p and ``k(w) = int_w^inf z p(z)
dz``, integration by parts gives (``k' = -z p``; k is itself a density, of integral E z^2 = 1)

    E[z_i f(x + a z)] / a = E[kappa(z_i) f_i(x + a z)],     kappa = k / p,  f_i = df/dx_i

and on the sphere of radius sqrt(n), n >= 2, where tangential derivatives integrate to (n - 1) times
the normal,

    E[z f(x + a z)] / a = E[(n I - z z^T) grad f(x + a z)] / (n - 1),

the gradient of the mean of f over the ball (divergence theorem). (Derived.)

========== ==================== ===================================
law        kappa(z)             k(w)
========== ==================== ===================================
gaussian   1                    phi(w)
uniform    (3 - z^2) / 2        (3 - w^2) / (4 sqrt 3)
laplace    (1 + sqrt 2 |z|) / 2 (w + b) exp(-w / b) / 2, b = 1 / sqrt 2
========== ==================== ===================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy import special, stats

from gradassay.core.noise import Law
from gradassay.verify.statistics.moments import Float

# what is left outside is below 1e-15
SUPPORT: dict[str, float] = {"gaussian": 8.3, "uniform": math.sqrt(3), "laplace": 25.0}
NEGLIGIBLE = 1e-21

Rule = tuple[Float, Float]

_DENSITIES = {
    "gaussian": stats.norm(),
    "uniform": stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)),
    "laplace": stats.laplace(scale=math.sqrt(0.5)),
}


def by_parts(law: Law, z: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    """Return what has the mean of ``z f(x + a z) / a``, from the gradient of f at ``x + a z``.

    Parameters
    ----------
    law : {"gaussian", "uniform", "laplace", "sphere"}
        On the sphere with two units or more.
    z : tensor, shape (..., n)
        Noise.
    slope : tensor, shape (..., n)
        Gradient of f.
    """
    if law == "gaussian":
        return slope
    if law == "uniform":
        return (3 - z**2) / 2 * slope
    if law == "laplace":
        return (1 + math.sqrt(2) * z.abs()) / 2 * slope
    units = z.shape[-1]
    along = (z * slope).sum(dim=-1, keepdim=True)
    return (units * slope - z * along) / (units - 1)


def distribution(law: Law) -> Any:
    """Return the distribution of one entry of noise with independent entries and a density."""
    return _DENSITIES[law]


def layer_rule(law: Law, units: int, size: int) -> Rule:
    """Return nodes (K, n) and weights (K,) for the noise of one layer and step.

    Parameters
    ----------
    law : str
        Law.
    units : int
        n.
    size : int
        Nodes in each coordinate, or angle.
    """
    if law == "sphere":
        nodes, weights = sphere_rule(units, size)
    else:
        nodes, weights = product_rule([_line_rule(law, size)] * units)
    kept = weights > NEGLIGIBLE
    return nodes[kept], weights[kept]


def product_rule(rules: Sequence[Rule]) -> Rule:
    """Return the product of rules: nodes side by side, (K, sum of dimensions), and weights."""
    nodes, weights = np.zeros((1, 0)), np.ones(1)
    for more, shares in rules:
        columns = more.reshape(len(more), -1)
        nodes = np.concatenate(
            [np.repeat(nodes, len(columns), axis=0), np.tile(columns, (len(nodes), 1))], axis=1
        )
        weights = np.outer(weights, shares).ravel()
    return nodes, weights


def sphere_rule(units: int, size: int) -> Rule:
    """Return a rule on the sphere of radius sqrt(n), exact for polynomials of degree 2 size - 1.

    One unit is a sign, two are a circle in equal steps; each further coordinate x has the weight
    ``(1 - x^2)^((n - 3) / 2)``, whose Gauss rule is Gegenbauer's.
    """
    if units == 1:
        return np.array([[1.0], [-1.0]]), np.full(2, 0.5)
    angles = 2 * np.pi * (np.arange(2 * size) + 0.5) / (2 * size)
    nodes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    weights = np.full(len(angles), 1 / len(angles))
    for dimension in range(3, units + 1):
        place, shares = special.roots_gegenbauer(size, (dimension - 2) / 2)
        radius = np.sqrt(1 - place**2)
        rings = radius[:, None, None] * nodes
        axis = np.broadcast_to(place[:, None, None], (*rings.shape[:2], 1))
        nodes = np.concatenate([rings, axis], axis=2).reshape(-1, dimension)
        weights = np.outer(shares / shares.sum(), weights).ravel()
    return math.sqrt(units) * nodes, weights


def cell_rule(law: Law, breaks: Float, longest: float, size: int) -> Rule:
    """Return a rule on the line, Gauss-Legendre against the density in cells between breaks.

    Parameters
    ----------
    law : {"gaussian", "uniform", "laplace"}
        Law.
    breaks : array
        Where the integrand may jump.
    longest : float
        Length of a cell at most.
    size : int
        Nodes in a cell.
    """
    end = SUPPORT[law]
    inside = breaks[np.abs(breaks) < end]
    edges = np.unique(np.concatenate([[-end, 0.0, end], inside]))
    counts = np.ceil(np.diff(edges) / longest).astype(int)
    starts = [
        np.linspace(a, b, n, endpoint=False)
        for a, b, n in zip(edges, edges[1:], counts, strict=False)
    ]
    fine = np.append(np.concatenate(starts), end)
    place, shares = np.polynomial.legendre.leggauss(size)
    half = np.diff(fine)[:, None] / 2
    nodes = (fine[:-1, None] + half + half * place).ravel()
    weights = (half * shares).ravel() * distribution(law).pdf(nodes)
    return nodes[:, None], weights


def _line_rule(law: Law, size: int) -> Rule:
    """Return a Gauss rule of one entry."""
    if law == "gaussian":
        nodes, weights = np.polynomial.hermite_e.hermegauss(size)
        return nodes, weights / math.sqrt(2 * math.pi)
    if law == "uniform":
        nodes, weights = np.polynomial.legendre.leggauss(size)
        return math.sqrt(3) * nodes, weights / 2
    if law == "laplace":
        nodes, weights = np.polynomial.laguerre.laggauss((size + 1) // 2)
        half = nodes * math.sqrt(0.5)
        return np.concatenate([half, -half]), np.concatenate([weights, weights]) / 2
    return np.array([1.0, -1.0]), np.full(2, 0.5)
