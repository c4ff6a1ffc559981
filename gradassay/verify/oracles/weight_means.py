"""Means of perturbed weights: gradients of the loss smoothed over all parameters.

One z perturbs all parameters and is shared by the batch. Where a network has a single input weight
w and a single hidden unit, its spikes are constant between thresholds that are linear in w, and
given the spikes the loss is smooth in the readout: cells for the one, Gauss rules for the other.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch

from gradassay.core.layers import Linear
from gradassay.core.noise import NoiseModel
from gradassay.core.params import Params
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.autograd_oracle import as_tensor
from gradassay.verify.oracles.guided_network import derivative, row_losses
from gradassay.verify.oracles.noise_rules import (
    SUPPORT,
    by_parts,
    distribution,
    layer_rule,
)
from gradassay.verify.oracles.single_neuron_laws import expected_surrogate
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float

MOST_READOUT_WEIGHTS = 3
READOUT_NODES = 14


@dataclass(frozen=True)
class _Cells:
    """Where the spikes do not change with the input weight.

    Parameters
    ----------
    probability : array, shape (C,)
    jumps : array, shape (C,)
        Integral of ``z p(z)`` over each cell: what ``E z L`` weights a cell's loss with.
    spikes : array, shape (C, T, B)
    """

    probability: Float
    jumps: Float
    spikes: Float


def smoothed_in_weights(problem: SmallProblem, model: NoiseModel) -> Params | None:
    """Return the mean of a zeroth-order draw in the weights; None unless one weight reaches spikes.

    ``E[z L(w + alpha z)] / alpha``: for the readout's weights the mean of their derivative by
    parts, for the input weight the sum over cells of the mean loss times ``int z p(z) dz / alpha``.

    Parameters
    ----------
    problem : SmallProblem
        One input, one hidden unit, static input, no biases, at most three classes.
    model : NoiseModel
        Gaussian, uniform or Laplace, on the weights.
    """
    network = problem.network
    hidden, readout = network.weighted[0], network.readout
    single = network.inputs == 1 and len(network.shapes) == 2 and problem.batch.static
    dense = isinstance(hidden, Linear) and isinstance(readout, Linear) and len(network.layers) == 3
    small = network.classes <= MOST_READOUT_WEIGHTS and readout.inputs == 1
    known = model.law in SUPPORT and not network.neuron.smooth
    if not (single and dense and small and known):
        return None
    cells = _cells(problem, model)
    nodes, shares = layer_rule(model.law, network.classes, READOUT_NODES)
    losses, slopes = _losses(problem, cells.spikes, nodes, model.scale)
    parts = by_parts(model.law, as_tensor(nodes), as_tensor(slopes)).numpy()
    by_readout = np.einsum("c,k,ckm->m", cells.probability, shares, parts)
    by_input = (cells.jumps @ (losses @ shares)) / model.scale
    return Params(
        {
            f"{hidden.name}.weight": by_input.reshape(1, 1),
            f"{readout.name}.weight": by_readout[:, None],
        }
    )


def _cells(problem: SmallProblem, model: NoiseModel) -> _Cells:
    """Cut the line of the input weight's noise wherever any sample's spike may flip."""
    network, law = problem.network, model.law
    weight = float(problem.params[f"{network.weighted[0].name}.weight"].item())
    edges = (_thresholds(problem) - weight) / model.scale
    end = SUPPORT[law]
    edges = np.unique(np.concatenate([[-end, end], edges[np.abs(edges) < end]]))
    tail = expected_surrogate(law, edges, width=1.0)
    middles = (edges[1:] + edges[:-1]) / 2
    spikes = [_spikes(problem, weight + model.scale * z) for z in middles]
    cdf = distribution(law).cdf(edges)
    return _Cells(np.diff(cdf), tail[:-1] - tail[1:], np.stack(spikes))


def _thresholds(problem: SmallProblem) -> Float:
    """Return all input weights at which a membrane potential can be at the threshold.

    Given the spikes so far the membrane potential is linear in the weight with a static input,
    ``u[t] = A w x - R``, so that every history of spikes gives one weight for each sample.
    """
    neuron, found = problem.network.neuron, list[float]()
    for steps in range(1, problem.network.steps + 1):
        for history in itertools.product((0.0, 1.0), repeat=steps - 1):
            gain, offset = 1.0, 0.0
            for spike in history:
                kept = 1 - spike if neuron.reset == "hard" else 1.0
                removed = neuron.threshold * spike if neuron.reset == "soft" else 0.0
                gain = 1 + neuron.leak * kept * gain
                offset = neuron.leak * (kept * offset + removed)
            for x in np.ravel(problem.batch.inputs):
                if x != 0:
                    found.append((neuron.threshold + offset) / (gain * float(x)))
    return np.array(found)


def _spikes(problem: SmallProblem, weight: float) -> Float:
    """Return the hidden unit's spikes at an input weight, (T, B)."""
    name = f"{problem.network.weighted[0].name}.weight"
    moved = Params({**problem.params, name: np.full((1, 1), weight)})
    trace = ReferenceBackend().forward(
        problem.network, moved, problem.batch, record=frozenset({"spikes"})
    )
    (spikes,) = trace.spikes.values()
    found: Float = spikes[..., 0]
    return found


def _losses(
    problem: SmallProblem, spikes: Float, nodes: Float, scale: float
) -> tuple[Float, Float]:
    """Return mean loss (C, K) and its gradient by the readout (C, K, m) at all nodes."""
    network = problem.network
    readout = as_tensor(problem.params[f"{network.readout.name}.weight"])[:, 0]
    targets = torch.tensor(np.asarray(problem.batch.targets))
    losses, slopes = [], []
    for pattern in as_tensor(spikes):
        moved = (readout + scale * as_tensor(nodes)).requires_grad_()
        with torch.enable_grad():
            outputs = pattern[:, None, :, None] * moved[None, :, None, :]
            rows = row_losses(network.loss, outputs.flatten(1, 2), targets.repeat(len(nodes)))
            mean = rows.sum(dim=0).reshape(len(nodes), -1).mean(dim=1)
            slopes.append(derivative(mean, [moved])[0].numpy())
        losses.append(mean.detach().numpy())
    return np.stack(losses), np.stack(slopes)
