"""Means of momentum feedback: of the matrices M after an update, and of the gradient.

Z_l = mean over samples and steps of z_l[t] o~[t]^T / alpha
M_l <- lambda M_l + (1 - lambda) gain Z_l
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from gradassay.core.claims import MomentumFeedback
from gradassay.core.layers import Spiking
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.estimators.feedback import READOUT
from gradassay.verify.oracles.autograd_oracle import as_tensor
from gradassay.verify.oracles.declared import is_asleep, is_frozen, local_rule, meets_sequence
from gradassay.verify.oracles.feedback_means import local_signal
from gradassay.verify.oracles.guided_network import (
    Guide,
    GuidedPass,
    Tensors,
    derivative,
    row_losses,
)
from gradassay.verify.oracles.noise_grid import NoiseGrid
from gradassay.verify.oracles.one_sample import OneSample
from gradassay.verify.oracles.smoothed_means import is_smooth
from gradassay.verify.statistics.moments import Float


@dataclasses.dataclass(frozen=True)
class MomentumOptions:
    """What OPZO's options say about M, beside its claim.

    Parameters
    ----------
    claim : MomentumFeedback
        lambda, order of update and use, correction, gain.
    whole_sequence : bool
        Noise of a step meets the sum of all steps' outputs.
    frozen : bool
        M is not updated any more.
    asleep : bool
        The gradient is 0 because M is not warm.
    updates : int
        k, before the pass.
    """

    claim: MomentumFeedback
    whole_sequence: bool
    frozen: bool
    asleep: bool
    updates: int

    @classmethod
    def of(cls, case: OneSample, claim: MomentumFeedback) -> MomentumOptions:
        """Read it from an estimator and its state."""
        options = case.estimator
        return cls(
            claim,
            meets_sequence(options),
            is_frozen(options, case.state),
            is_asleep(options, case.state),
            int(case.state["updates"]),
        )

    def weight(self, updates: int) -> float:
        """Return ``1 - lambda^k``, what a corrected M is divided by; 1 for one that is not."""
        return 1 - self.claim.momentum ** max(updates, 1) if self.claim.corrected else 1.0


def mean_term(case: OneSample, grid: NoiseGrid, momentum: MomentumOptions) -> dict[str, Float]:
    """Return ``gain E Z_l`` of one sample, (n, m) by layer.

    In the last hidden layer the transposed Jacobian of the outputs, by autograd, whatever the law;
    elsewhere noise times output over the grid.
    """
    network, total = case.problem.network, dict[str, Float]()
    for batch, part in grid.chunks(case.problem.batch):
        seen = case.run(batch, Guide(local_rule(case.estimator)), part.noise)
        shares = as_tensor(part.weights)
        for layer in network.spiking:
            per_row = _term(case, seen, part.noise, layer, momentum)
            mean = torch.einsum("k,knm->nm", shares, per_row).numpy()
            total[layer.name] = total.get(layer.name, 0.0) + momentum.claim.gain * mean
    return total


def _term(
    case: OneSample,
    seen: GuidedPass,
    noise: Noise | None,
    layer: Spiking,
    momentum: MomentumOptions,
) -> torch.Tensor:
    """Return what has the mean of Z at each node, (K, n, m)."""
    if noise is None or case.injected is None:
        raise ValueError(f"{case.estimator.name} claims momentum feedback but injects no noise")
    outputs, steps = seen.outputs, len(seen.outputs)
    if is_smooth(case, layer, case.injected):
        columns = [seen.by_sent(layer.name, column) for column in outputs.unbind(dim=-1)]
        return torch.stack(columns, dim=-1).mean(dim=0)
    met = (
        outputs.sum(dim=0, keepdim=True).expand_as(outputs) if momentum.whole_sequence else outputs
    )
    z = as_tensor(noise.values[layer.name])
    return torch.einsum("tkn,tkm->knm", z, met.detach()) / (steps * noise.scale)


def momentum_gradients(
    cases: Sequence[OneSample], grids: Sequence[NoiseGrid], claim: MomentumFeedback
) -> list[Params]:
    """Return each sample's part in the mean of momentum feedback.

    M used before its update is fixed: ``g[t] = M e[t] / (1 - lambda^k)``. Used after it,

        g_b[t] = (lambda M + (1 - lambda) (sum of all samples' Z) / B) e_b[t] / (1 - lambda^(k + 1))

    where another sample's Z is independent of e_b and stands for its mean, while the sample's own
    is taken at each node, with the error at the same noise.
    """
    momentum = MomentumOptions.of(cases[0], claim)
    fixed = claim.use == "before" or momentum.frozen
    if not fixed and _entangled(cases):
        return []
    terms = [] if fixed else [mean_term(c, g, momentum) for c, g in zip(cases, grids, strict=True)]
    found = []
    for number, (case, grid) in enumerate(zip(cases, grids, strict=True)):
        others = [term for place, term in enumerate(terms) if place != number]
        signals = _Feedback(case, momentum, others, fixed)
        slope = _unit_slope if leaves_psi_out(case) else None
        gradient = case.mean_gradient(grid, Guide(local_rule(case.estimator), slope=slope), signals)
        found.append(gradient.zeros_like() if momentum.asleep else gradient)
    return found


def _entangled(cases: Sequence[OneSample]) -> bool:
    """Whether the new term of M meets what depends on the same noise, other than the error.

    The halves of a batch may share their noise; psi on the membrane potential sees the noise that M
    multiplies, and a node there holds its mean alone.
    """
    model = cases[0].injected
    shared = model is not None and model.pairing == "batch" and len(cases) > 1
    signs = model is not None and model.law == "rademacher"
    on_membrane = model is not None and model.position == "membrane" and not signs
    return shared or (on_membrane and not leaves_psi_out(cases[0]))


@dataclasses.dataclass(frozen=True)
class _Feedback:
    """The signals of one sample."""

    case: OneSample
    momentum: MomentumOptions
    others: Sequence[Mapping[str, Float]]
    fixed: bool

    def __call__(self, seen: GuidedPass, noise: Noise | None) -> Tensors:
        claim, errors = self.momentum.claim, seen.errors
        names = [layer.name for layer in self.case.problem.network.spiking]
        if self.fixed:
            weight = self.momentum.weight(self.momentum.updates)
            return {name: errors @ self.case.matrix(name).T / weight for name in names}
        if noise is None:
            raise ValueError("momentum feedback needs noise")
        weight = self.momentum.weight(self.momentum.updates + 1)
        share = claim.momentum, (1 - claim.momentum) / (len(self.others) + 1)
        agreement = self._agreement(seen, errors) * (claim.gain / noise.scale)
        found = {}
        for name in names:
            known = share[0] * np.asarray(self.case.state[name])
            known = known + share[1] * sum(term[name] for term in self.others)
            own = torch.einsum("skt,skn->tkn", agreement, as_tensor(noise.values[name]))
            found[name] = (errors @ as_tensor(known).T + share[1] * own) / weight
        return found

    def _agreement(self, seen: GuidedPass, errors: torch.Tensor) -> torch.Tensor:
        """Return ``o[s] . e[t] / T``, (T, K, T)."""
        outputs = seen.outputs.detach()
        if self.momentum.whole_sequence:
            outputs = outputs.sum(dim=0, keepdim=True).expand_as(outputs)
        return torch.einsum("skm,tkm->skt", outputs, errors) / len(outputs)


def intermediate_mean(case: OneSample, grid: NoiseGrid) -> Params:
    """Return the mean of feedback from a middle layer k: ``M_l e_k`` before it, ``B_k e_k`` in it.

    M is used before its update, corrected for its start at 0; nothing reaches the layers above k.
    """
    state = case.state
    (middle,) = (name.removeprefix(READOUT) for name in state if name.startswith(READOUT))
    before = [layer.name for layer in case.problem.network.spiking if layer.name in state]
    memory: float = getattr(case.estimator, "momentum", 0.0)
    weight = 1 - memory ** max(int(state["updates"]), 1)
    readout = case.matrix(READOUT + middle)

    def signals(seen: GuidedPass, noise: Noise | None) -> Tensors:
        outputs = (seen.spikes[middle].detach() @ readout).requires_grad_()
        losses = row_losses(case.problem.network.loss, outputs, seen.targets)
        errors = derivative(losses, [outputs])[0]
        found = {name: errors @ case.matrix(name).T / weight for name in before}
        return {**found, middle: local_signal(case, seen, middle, readout)}

    return case.mean_gradient(grid, Guide(local_rule(case.estimator)), signals)


def needs_joint_noise(case: OneSample, claim: MomentumFeedback | None) -> bool:
    """Whether noise of different steps of the last hidden layer meets in one product."""
    over_sequence = case.problem.network.loss.over == "sequence"
    return over_sequence or (claim is not None and claim.use == "after")


def leaves_psi_out(case: OneSample) -> bool:
    """Whether M holds the spike's derivative already: noise on the membrane, unless told to."""
    on_membrane = case.injected is not None and case.injected.position == "membrane"
    return on_membrane and not getattr(case.estimator, "membrane_psi", True)


def _unit_slope(layer: Spiking, step: int, membrane: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(membrane)
