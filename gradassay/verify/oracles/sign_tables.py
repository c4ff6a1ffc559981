"""A forward pass under every combination of signs: losses and outputs as a table.

The estimand's signal is read off by flipping one sign at a time, without the estimator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.network import Network
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.params import Params
from gradassay.core.trace import Recorded, Trace
from gradassay.estimators.passes import Pass
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.enumeration import Signs
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float


@dataclass(frozen=True)
class SignTable:
    """One sample's forward pass under all combinations of signs, from the reference.

    Parameters
    ----------
    signs : Signs
        Numbering of the combinations.
    observed : Pass
        The pass: noise, and a trace with everything in it, rows numbered by combination.
    clean : Trace
        The pass without noise, once for each combination.
    """

    signs: Signs
    observed: Pass
    clean: Trace

    @classmethod
    def build(cls, signs: Signs, params: Params, sample: Batch, model: NoiseModel) -> SignTable:
        """Run the reference once on all combinations; `sample` is a batch of one."""
        backend, count = ReferenceBackend(), 2**signs.count
        noise = Noise(model.scale, signs.values(), model.position)
        tiled = sample.tiled(count)
        everything = frozenset(get_args(Recorded))
        trace, clean = (
            backend.forward(signs.network, params, tiled, noise=given, record=everything)
            for given in (noise if model.injected else None, None)
        )
        observed = Pass(backend, signs.network, params, tiled, trace, noise, count)
        return cls(signs, observed, clean)

    @property
    def network(self) -> Network:
        """The model."""
        return self.signs.network

    @property
    def scale(self) -> float:
        """The noise's alpha."""
        return self.observed.noise.scale if self.observed.noise is not None else 1.0

    @property
    def values(self) -> Mapping[str, Float]:
        """Each layer's z, (T, 2^count, n), by name."""
        return self.observed.noise.values if self.observed.noise is not None else {}

    @property
    def losses(self) -> Float:
        """Losses of all steps, (T, 2^count)."""
        losses: Float = self.observed.trace.losses
        return losses

    def central_difference(self, table: Float, layer: str, step: int, unit: int) -> Float:
        """Return ``(f(z_i = 1) - f(z_i = -1)) / (2 alpha)`` for every combination.

        Parameters
        ----------
        table : array, shape (2^count, ...)
            f of every combination.
        layer, step, unit
            Which sign is flipped; z_i is the noise that this unit receives at this step.
        """
        flipped = np.arange(len(table)) ^ (1 << self.signs.bit(layer, step, unit))
        sign = self.values[layer][step, :, unit]
        sign = sign.reshape(-1, *[1] * (table.ndim - 1))
        difference: Float = (table - table[flipped]) * sign / (2 * self.scale)
        return difference

    def opposite(self, table: Float) -> Float:
        """Return f with all signs flipped, for every combination."""
        return table[::-1]


def sign_table(problem: SmallProblem, model: NoiseModel) -> SignTable:
    """Return the forward pass of a problem of one sample under all signs of some noise."""
    signs = Signs(problem.network, model.pairing)
    return SignTable.build(signs, problem.params, problem.batch, model)
