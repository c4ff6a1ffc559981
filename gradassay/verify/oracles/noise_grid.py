"""Noise as a grid: nodes and weights that replace the mean over all draws."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.noise import Noise, Pairing
from gradassay.verify.statistics.moments import Float

ROWS_AT_ONCE = 32768
MOST_NODES = 500_000


@dataclass(frozen=True)
class NoiseGrid:
    """Noise of one sample at K nodes, with a weight each; the weights add up to 1.

    Parameters
    ----------
    noise : Noise or None
        Arrays (T, K, n) by spiking layer's name; None where nothing is injected, one node.
    weights : array, shape (K,)
    slopes : mapping from spiking layer's name to array (T, K, n), or None
        Mean of the surrogate derivative over what a node stands for; None where the node's own is
        right.
    """

    noise: Noise | None
    weights: Float
    slopes: Mapping[str, Float] | None = None

    def chunks(self, sample: Batch) -> Iterator[tuple[Batch, NoiseGrid]]:
        """Yield the sample repeated for some of the nodes, and those nodes."""
        for start in range(0, len(self.weights), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            noise = (
                None
                if self.noise is None
                else self.noise.map(operator.itemgetter((slice(None), rows)))
            )
            slopes = self.slopes and {name: a[:, rows] for name, a in self.slopes.items()}
            part = NoiseGrid(noise, self.weights[rows], slopes)
            tiled = sample.tiled(len(part.weights))
            yield Batch(tiled.inputs, tiled.targets), part


def free_steps(steps: int, pairing: Pairing) -> int:
    """Return the number of steps that have a draw of their own; pairs over time share one."""
    return (steps + 1) // 2 if pairing == "time" else steps


NO_NOISE = NoiseGrid(None, np.ones(1))
