"""An estimator's own draws on a small problem, block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from gradassay.core.estimator import Estimate
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.verify.checks.case import Case, Given
from gradassay.verify.checks.recording import RecordingBackend
from gradassay.verify.statistics.moments import Float

# replicates of one call of an estimator: fixed, so that no number of workers can change a bit
BLOCK = 128

Vectors = Mapping[str, Float]


@dataclass(frozen=True)
class Draws:
    """One block of draws.

    Parameters
    ----------
    estimate : Estimate
        With a leading axis of `BLOCK` replicates.
    noise : Noise or None
        What its first noisy forward pass was given.
    params : tuple of Params
        What its forward passes were given, where the noise is on the weights.
    """

    estimate: Estimate
    noise: Noise | None
    params: tuple[Params, ...] = ()


def draw_block(case: Case, given: Given, number: int, purpose: str = "draw") -> Draws:
    """Return the draws of one block: replicates ``128 number`` to ``128 number + 127``.

    Draws of different purposes are independent.
    """
    backend = RecordingBackend()
    estimate = case.estimator.estimate(
        backend,
        case.problem.network,
        given.params,
        given.batch,
        given.state,
        case.key / purpose,
        replicates=range(number * BLOCK, (number + 1) * BLOCK),
    )
    noise = backend.noises[0] if backend.noises else None
    model = case.estimator.noise
    in_weights = model is not None and model.position == "weights"
    return Draws(estimate, noise, tuple(backend.params) if in_weights else ())


@dataclass
class BlockMeans:
    """Means and variances of blocks of draws of some vectors, in the order of the blocks.

    Parameters
    ----------
    read : callable
        ``read(draws)`` gives the vectors of a block by name, each (BLOCK, p).
    """

    read: Callable[[Draws], Vectors]
    means: dict[str, list[Float]] = field(default_factory=dict[str, list[Float]])
    variances: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def add(self, draws: Draws) -> None:
        """Add a block."""
        for name, rows in self.read(draws).items():
            if rows.shape[0] != BLOCK or not np.isfinite(rows).all():
                raise ValueError(f"{name}: got rows of shape {rows.shape} or not finite numbers")
            self.means.setdefault(name, []).append(rows.mean(axis=0))
            variance = float(rows.var(axis=0, ddof=1).sum())
            self.variances.setdefault(name, []).append(variance)

    def mean(self, name: str) -> Float:
        """Return the block means of one vector, (blocks, p)."""
        return np.stack(self.means[name])

    def variance(self, name: str) -> Float:
        """Return the trace of the covariance within each block, (blocks,)."""
        return np.asarray(self.variances[name])
