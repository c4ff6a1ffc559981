"""Draws in blocks of a fixed size: what every sampled statistic is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from gradassay.verify.statistics.moments import Float

Vectors = Mapping[str, Float]


@dataclass
class Blocks:
    """Means and variances of blocks of replicates of some vectors, in the order of the blocks.

    Parameters
    ----------
    draw : callable
        ``draw(numbers)`` gives the vectors of the replicates of these numbers, (R, p), by name.
    size : int
        Replicates of a block.
    call : int
        Replicates of one call of `draw`, a multiple of `size`: fixed, so that the numbers do not
        depend on how often somebody looks.
    """

    draw: Callable[[range], Vectors]
    size: int
    call: int
    count: int = 0
    means: dict[str, list[Float]] = field(default_factory=dict[str, list[Float]])
    variances: dict[str, list[Float]] = field(default_factory=dict[str, list[Float]])

    def grow(self, until: int) -> None:
        """Draw until there are so many replicates."""
        while self.count < until:
            for name, rows in self.draw(range(self.count, self.count + self.call)).items():
                if len(rows) != self.call or not np.isfinite(rows).all():
                    raise ValueError(f"{name}: rows of shape {rows.shape}, or not finite numbers")
                blocks = rows.reshape(-1, self.size, rows.shape[-1])
                self.means.setdefault(name, []).append(blocks.mean(axis=1))
                variances = blocks.var(axis=1, ddof=1).sum(axis=-1)
                self.variances.setdefault(name, []).append(variances)
            self.count += self.call

    def mean(self, name: str) -> Float:
        """Return the block means of a vector, (blocks, p)."""
        return np.concatenate(self.means[name])

    def variance(self, name: str) -> Float:
        """Return the unbiased trace of the covariance within each block, (blocks,)."""
        return np.concatenate(self.variances[name])
