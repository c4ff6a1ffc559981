"""Noise on the membrane potential as a grid with one node for each pattern of spikes.

Noise there acts through the spikes alone, so that every coordinate of it is seen only through the
interval it lies in. A node at the mean of the noise in its interval, with the interval's
probability, is exact for whatever is affine in each coordinate given the spikes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.core.noise import Law, Noise, NoiseModel
from gradassay.reference_snn import ReferenceBackend
from gradassay.reference_snn.neuron import surrogate_derivative
from gradassay.verify.oracles.noise_grid import NoiseGrid, free_steps
from gradassay.verify.oracles.noise_rules import SUPPORT, distribution
from gradassay.verify.oracles.single_neuron_laws import expected_surrogate
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float

MOST_PATTERNS = 2**12
SLOPE_NODES = 48


@dataclass(frozen=True)
class _Boxes:
    """Intervals of all free coordinates, by layer (free steps, K, n), for K patterns of spikes."""

    low: dict[str, Float]
    high: dict[str, Float]

    @property
    def count(self) -> int:
        return int(next(iter(self.low.values())).shape[1])

    def taken(self, rows: np.ndarray) -> _Boxes:
        """Return some rows; a copy."""
        return _Boxes(*({n: a[:, rows] for n, a in side.items()} for side in (self.low, self.high)))

    def split(self, layer: str, place: tuple[int, int], at: Float) -> _Boxes:
        """Return the patterns with one coordinate cut in two, those that are empty left out."""
        step, unit = place
        below, above = (self.taken(np.arange(self.count)) for _ in range(2))
        below.high[layer][step, :, unit] = np.minimum(at, self.high[layer][step, :, unit])
        above.low[layer][step, :, unit] = np.maximum(at, self.low[layer][step, :, unit])
        parts = []
        for part in (below, above):
            filled = part.low[layer][step, :, unit] < part.high[layer][step, :, unit]
            parts.append(part.taken(np.flatnonzero(filled)))
        low, high = (
            {n: np.concatenate([getattr(p, side)[n] for p in parts], axis=1) for n in self.low}
            for side in ("low", "high")
        )
        return _Boxes(low, high)


def membrane_grid(problem: SmallProblem, model: NoiseModel) -> NoiseGrid | None:
    """Return the grid of one sample; None if the law has no density or there are too many nodes.

    Parameters
    ----------
    problem : SmallProblem
        A batch of one sample.
    model : NoiseModel
        On the membrane potential; paired over time or not.
    """
    network = problem.network
    units = sum(layer.units for layer in network.spiking)
    if model.law in ("sphere", "rademacher") or 2 ** (network.steps * units) > MOST_PATTERNS:
        return None
    paired = model.pairing == "time"
    free = free_steps(network.steps, model.pairing)
    shapes = {layer.name: (free, 1, layer.units) for layer in network.spiking}
    boxes = _Boxes(
        {name: np.full(shape, -np.inf) for name, shape in shapes.items()},
        {name: np.full(shape, np.inf) for name, shape in shapes.items()},
    )
    for step in range(network.steps):
        for layer in network.spiking:
            for unit in range(layer.units):
                q = _threshold(problem, model, boxes, layer.name, step)[:, unit]
                at = -q if paired and step % 2 else q
                boxes = boxes.split(layer.name, (step // 2 if paired else step, unit), at)
    noise = _noise(model, boxes, network.steps)
    slopes = _mean_slopes(problem, model, boxes, noise)
    return NoiseGrid(noise, _probabilities(model.law, boxes), slopes)


def _threshold(
    problem: SmallProblem, model: NoiseModel, boxes: _Boxes, layer: str, step: int
) -> Float:
    """Return the noise from which on each unit of a layer spikes, (K, n)."""
    membrane = _membranes(problem, _noise(model, boxes, problem.network.steps))[layer][step]
    found: Float = (problem.network.neuron.threshold - membrane) / model.scale
    return found


def _membranes(problem: SmallProblem, noise: Noise) -> Mapping[str, Float]:
    """Return the membrane potentials of all hidden layers, (T, K, n)."""
    count = next(iter(noise.values.values())).shape[1]
    trace = ReferenceBackend().forward(
        problem.network,
        problem.params,
        problem.batch.tiled(count),
        noise=noise,
        record=frozenset({"membrane"}),
    )
    return trace.membrane


def _mean_slopes(
    problem: SmallProblem, model: NoiseModel, boxes: _Boxes, noise: Noise
) -> dict[str, Float]:
    """Return the mean of psi over each box, (T, K, n): Gauss-Legendre on both sides of 0."""
    neuron, law, found = problem.network.neuron, model.law, dict[str, Float]()
    place, shares = np.polynomial.legendre.leggauss(SLOPE_NODES)
    for name, membranes in _membranes(problem, noise).items():
        low, high = (np.clip(a[name], -SUPPORT[law], SUPPORT[law]) for a in (boxes.low, boxes.high))
        middle = np.clip(0.0, low, high)
        total, share = np.zeros_like(membranes), np.zeros_like(low)
        for start, end in ((low, middle), (middle, high)):
            half = ((end - start) / 2)[..., None]
            z = start[..., None] + half * (1 + place)
            weights = half * shares * distribution(law).pdf(z)
            share = share + weights.sum(axis=-1)
            for step in range(len(membranes)):
                paired = model.pairing == "time"
                number, sign = (step // 2, 1 - 2 * (step % 2)) if paired else (step, 1)
                seen = membranes[step][..., None] + model.scale * sign * z[number]
                psi = surrogate_derivative(neuron, seen)
                total[step] += (weights[number] * psi).sum(axis=-1)
        count = len(membranes)
        whole = np.repeat(share, 2, axis=0)[:count] if model.pairing == "time" else share
        found[name] = np.divide(total, whole, out=np.zeros_like(total), where=whole > 0)
    return found


def _noise(model: NoiseModel, boxes: _Boxes, steps: int) -> Noise:
    """Return the mean of the noise in each box, (T, K, n)."""
    values = {}
    for name, low in boxes.low.items():
        high = boxes.high[name]
        share = distribution(model.law).cdf(high) - distribution(model.law).cdf(low)
        moment = _tail(model.law, low) - _tail(model.law, high)
        mean = np.divide(moment, share, out=np.zeros_like(moment), where=share > 0)
        if model.pairing == "time":
            mean = np.stack([mean, -mean], axis=1).reshape(-1, *mean.shape[1:])[:steps]
        values[name] = mean
    return Noise(model.scale, values, "membrane")


def _tail(law: Law, place: Float) -> Float:
    """Return ``int_w^inf z p(z) dz``, 0 at both ends."""
    finite = np.where(np.isfinite(place), place, 0.0)
    tail: Float = np.where(np.isfinite(place), expected_surrogate(law, finite, width=1.0), 0.0)
    return tail


def _probabilities(law: Law, boxes: _Boxes) -> Float:
    """Return the probability of each pattern."""
    cdf = distribution(law).cdf
    weights = np.ones(boxes.count)
    for name, low in boxes.low.items():
        weights = weights * (cdf(boxes.high[name]) - cdf(low)).prod(axis=(0, 2))
    return weights
