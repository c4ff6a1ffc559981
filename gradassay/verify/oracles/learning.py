"""The state after one estimate, as the claimed rule makes it of a pass in torch.

None of the methods' code is used: the pass is the oracles' own network, and gradients are taken by
autograd of a loss in which the learnt matrix stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gradassay.core.claims import Learns
from gradassay.core.errors import DataError
from gradassay.core.estimator import State
from gradassay.core.noise import Noise
from gradassay.estimators.feedback import READOUT
from gradassay.verify.oracles.autograd_oracle import as_tensor
from gradassay.verify.oracles.declared import LocalRule
from gradassay.verify.oracles.guided_network import (
    Guide,
    GuidedPass,
    Tensors,
    derivative,
    row_losses,
    run_guided,
)
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float


@dataclass(frozen=True)
class Lesson:
    """What a rule makes the next state of.

    Parameters
    ----------
    claim : Learns
        The rule.
    problem : SmallProblem
        Gives network and loss.
    state : mapping from name to tensor
        Before the pass, the part that the rule is about.
    seen : GuidedPass
        The pass.
    noise : Noise or None
        What the pass took in; NumPy arrays (T, B, n).
    """

    claim: Learns
    problem: SmallProblem
    state: Tensors
    seen: GuidedPass
    noise: Noise | None

    @property
    def layers(self) -> list[str]:
        """Names of the hidden spiking layers."""
        return [layer.name for layer in self.problem.network.spiking]

    def before(self, name: str) -> torch.Tensor:
        """Return an array of the state.

        Raises
        ------
        DataError
            If it is not there.
        """
        if name not in self.state:
            raise DataError(
                f"state: got {sorted(self.state)}; expected {name!r} among them, as the rule"
                f" {self.claim.rule!r} has it."
            )
        return self.state[name]

    def slope(
        self, matrix: torch.Tensor, outputs: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """Return the derivative by a matrix of the mean loss of the outputs made with it."""
        with torch.enable_grad():
            moved = matrix.detach().clone().requires_grad_()
            losses = row_losses(self.problem.network.loss, outputs(moved), self.seen.targets)
            found = derivative(losses.sum(dim=0).mean(), [moved])
        return found[0]


def learnt_state(
    claims: Sequence[Learns], problem: SmallProblem, state: State, noise: Noise | None
) -> dict[str, Float]:
    """Return the state after one estimate, by the rules that are claimed.

    Parameters
    ----------
    claims : sequence of Learns
        Each is about its own part of the state.
    problem : SmallProblem
        Network, parameters, batch.
    state : State
        Before the estimate, NumPy.
    noise : Noise or None
        What the forward pass takes in, NumPy arrays (T, B, n).

    Returns
    -------
    dict from name to array
        All that the rules are about, and nothing else.

    Raises
    ------
    DataError
        If an array that a rule is about is not in the state.
    """
    weights = {name: as_tensor(array) for name, array in problem.params.items()}
    with torch.enable_grad():
        seen = run_guided(problem.network, weights, problem.batch, Guide(LocalRule()), noise)
    after = dict[str, Float]()
    for claim in claims:
        own = {
            name.removeprefix(claim.under): as_tensor(np.asarray(array))
            for name, array in state.items()
            if name.startswith(claim.under)
        }
        found = RULES[claim.rule](Lesson(claim, problem, own, seen, noise))
        after |= {claim.under + name: array.numpy() for name, array in found.items()}
    return after


def _nothing(lesson: Lesson) -> Tensors:
    """Return the state as it was."""
    return lesson.state


def _kolen_pollack(lesson: Lesson) -> Tensors:
    """Return B after a step of weights that would read out the layer beside the readout.

    ``dB_l`` is the derivative of the mean loss of ``o[t] + P^T s_l[t]`` by P at P = 0.
    """
    claim, after = lesson.claim, {}
    outputs = lesson.seen.outputs.detach()
    for name in lesson.layers:
        matrix, spikes = lesson.before(name), lesson.seen.spikes[name].detach()
        slope = lesson.slope(torch.zeros_like(matrix), _reading(spikes, outputs))
        after[name] = matrix - claim.step * (slope + claim.decay * matrix)
    return after


def _reading(
    spikes: torch.Tensor, others: torch.Tensor | float = 0.0
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what gives the outputs of a readout of some spikes, and other outputs beside."""
    return lambda matrix: others + spikes @ matrix


def _local_loss(lesson: Lesson) -> Tensors:
    """Return the readouts of all layers after a step down their own losses."""
    return dict(_learnt_readout(lesson, name) for name in lesson.layers)


def _learnt_readout(lesson: Lesson, layer: str) -> tuple[str, torch.Tensor]:
    """Return a readout's name and its matrix after a step."""
    matrix, spikes = lesson.before(READOUT + layer), lesson.seen.spikes[layer].detach()
    slope = lesson.slope(matrix, _reading(spikes))
    return READOUT + layer, matrix - lesson.claim.step * slope


def _momentum(lesson: Lesson) -> Tensors:
    """Return M after one more term, and the middle readout after a step, where there is one."""
    claim, layers, noise = lesson.claim, lesson.layers, lesson.noise
    if noise is None:
        raise DataError("noise: got none; expected some, as a running average of it is claimed.")
    outputs, after = lesson.seen.outputs.detach(), dict[str, torch.Tensor]()
    middle = [name.removeprefix(READOUT) for name in lesson.state if name.startswith(READOUT)]
    for name in middle:
        outputs = lesson.seen.spikes[name].detach() @ lesson.before(READOUT + name)
        layers = layers[: layers.index(name)]
        after |= [_learnt_readout(lesson, name)]
    if claim.output == "sequence":
        outputs = outputs.sum(dim=0, keepdim=True).expand_as(outputs)
    updates = lesson.before("updates")
    frozen = claim.freeze_after is not None and int(updates) >= claim.freeze_after
    kept = 1.0 if frozen else claim.momentum
    for name in layers:
        z = as_tensor(np.asarray(noise.values[name])) / noise.scale
        term = torch.einsum("tbn,tbm->nm", z, outputs) / (z.shape[0] * z.shape[1])
        after[name] = kept * lesson.before(name) + (1 - kept) * claim.gain * term
    return {**after, "updates": updates if frozen else updates + 1}


def _mean_loss(lesson: Lesson) -> Tensors:
    """Return the running mean of the loss after one more batch."""
    kept, losses = lesson.claim.momentum, lesson.seen.losses.detach()
    over_sequence = lesson.problem.network.loss.over == "sequence"
    mean = losses.sum(dim=0).mean() if over_sequence else losses.mean()
    baseline = kept * lesson.before("baseline") + (1 - kept) * mean
    return {"baseline": baseline, "updates": lesson.before("updates") + 1}


RULES: Mapping[str, Callable[[Lesson], Tensors]] = {
    "nothing": _nothing,
    "kolen_pollack": _kolen_pollack,
    "local_loss": _local_loss,
    "momentum": _momentum,
    "mean_loss": _mean_loss,
}
