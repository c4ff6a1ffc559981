"""One sample, one method, its state, and the noise of the pass: what a mean is computed for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from gradassay.core.batch import Batch
from gradassay.core.claims import Estimand
from gradassay.core.estimator import Estimator, State
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.params import Params
from gradassay.verify.oracles.autograd_oracle import as_tensor
from gradassay.verify.oracles.guided_network import (
    Guide,
    GuidedPass,
    Tensors,
    guided_gradient,
    run_guided,
)
from gradassay.verify.oracles.noise_grid import NoiseGrid
from gradassay.verify.oracles.small_problems import SmallProblem

# signals(pass, noise): what stands for the derivative at the spikes, (T, K, n) by layer
Signals = Callable[[GuidedPass, Noise | None], Tensors]


@dataclass(frozen=True)
class OneSample:
    """What an oracle of one sample depends on.

    Parameters
    ----------
    estimator : Estimator
        As declared.
    estimand : Estimand
        Claimed.
    problem : SmallProblem
        Its batch holds one sample.
    state : State
        Before the estimate.
    injected : NoiseModel or None
        Noise that the forward pass takes in: the method's own, or that of the sum it is part of.
    """

    estimator: Estimator
    estimand: Estimand
    problem: SmallProblem
    state: State
    injected: NoiseModel | None

    def matrix(self, name: str) -> torch.Tensor:
        """Return an array of the state."""
        return as_tensor(np.asarray(self.state[name]))

    def run(self, batch: Batch, guide: Guide, noise: Noise | None) -> GuidedPass:
        """Return a pass, its weights cut from the graph."""
        weights = {name: as_tensor(array) for name, array in self.problem.params.items()}
        with torch.enable_grad():
            return run_guided(self.problem.network, weights, batch, guide, noise)

    def mean_gradient(self, grid: NoiseGrid, guide: Guide, signals: Signals | None) -> Params:
        """Return the mean over a grid of the gradient that signals make.

        The gradient of the loss by what lies above the last spiking layer, and beside it, where
        `signals` is not None, of ``<g_l[t], s_l[t]>`` by each layer's own weights.
        """
        total: Params | None = None
        for batch, part in grid.chunks(self.problem.batch):
            shares, noise = as_tensor(part.weights), part.noise

            def objective(
                seen: GuidedPass, shares: torch.Tensor = shares, noise: Noise | None = noise
            ) -> torch.Tensor:
                value = (shares * seen.losses.sum(dim=0)).sum()
                for name, signal in (signals(seen, noise) if signals else {}).items():
                    weighted = shares[:, None] * signal.detach()
                    value = value + (weighted * seen.spikes[name]).sum()
                return value

            way = _averaged(guide, part)
            found = guided_gradient(
                self.problem.network, self.problem.params, batch, way, objective, noise=noise
            )
            total = found if total is None else total.map(np.add, found)
        if total is None:
            raise ValueError("a grid needs at least one node")
        return total

    def mean_signals(
        self, grid: NoiseGrid, guide: Guide, signals: Signals
    ) -> dict[str, torch.Tensor]:
        """Return the mean of signals over a grid, (T, 1, n) by layer."""
        total: dict[str, torch.Tensor] = {}
        for batch, part in grid.chunks(self.problem.batch):
            shares = as_tensor(part.weights)[:, None]
            seen = self.run(batch, guide, part.noise)
            for name, signal in signals(seen, part.noise).items():
                mean = (shares * signal.detach()).sum(dim=1, keepdim=True)
                total[name] = total[name] + mean if name in total else mean
        return total


def _averaged(guide: Guide, part: NoiseGrid) -> Guide:
    """Return the guide with the grid's mean slopes for psi, where the grid has any."""
    slopes = part.slopes
    if slopes is None or guide.slope is not None:
        return guide
    return dataclasses.replace(
        guide, slope=lambda layer, step, membrane: as_tensor(slopes[layer.name][step])
    )
