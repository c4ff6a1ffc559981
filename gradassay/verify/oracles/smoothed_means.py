"""Means of zeroth and pseudo-zeroth order under any noise law, integrated over grids of noise.

What noise on the last hidden layer does is smooth, and its signal is integrated in the derivative
form of `noise_rules`; what noise below it does to the spikes is a jump, and its signal is
integrated as noise times loss, or output, in cells between the jumps.
"""

from __future__ import annotations

import torch

from gradassay.core.layers import Spiking
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.params import Params
from gradassay.verify.oracles.autograd_oracle import as_tensor
from gradassay.verify.oracles.declared import local_rule
from gradassay.verify.oracles.guided_network import Guide, GuidedPass, Tensors
from gradassay.verify.oracles.noise_grid import NO_NOISE, NoiseGrid
from gradassay.verify.oracles.noise_rules import by_parts
from gradassay.verify.oracles.one_sample import OneSample


def smoothed_loss_mean(case: OneSample, grid: NoiseGrid) -> Params:
    """Return the mean of zeroth order in node space.

    ``g_l[t] = E[z_l[t] L(alpha z)] / alpha``, L of the step or of the sequence, with psi and traces
    of the noisy pass; of the first of a pair with z and -z, whose other loss adds the same at -z;
    or of a clean pass.
    """
    guide = Guide(local_rule(case.estimator))
    at = case.estimand.at

    def signals(seen: GuidedPass, noise: Noise | None) -> Tensors:
        own = noise_times(case, seen, noise, seen.losses)
        if at != "first" or noise is None:
            return own
        opposite = noise.map(lambda z: -z)
        batch = case.problem.batch.tiled(seen.losses.shape[1])
        other = case.run(batch, guide, opposite)
        theirs = noise_times(case, other, opposite, other.losses)
        return {name: (own[name] + theirs[name]) / 2 for name in own}

    if at == "clean":
        given = case.mean_signals(grid, guide, signals)
        return case.mean_gradient(NO_NOISE, guide, lambda seen, noise: given)
    return case.mean_gradient(grid, guide, signals)


def smoothed_jacobian_mean(case: OneSample, grid: NoiseGrid) -> Params:
    """Return the mean of two-point pseudo-zeroth order.

    ``g_l[t] = E[z_l[t] o~[t]^T] e[t] / alpha``, e, psi and traces of a clean pass.
    """
    guide = Guide(local_rule(case.estimator))
    clean = case.run(case.problem.batch, guide, None).errors

    def signals(seen: GuidedPass, noise: Noise | None) -> Tensors:
        return noise_times(case, seen, noise, (seen.outputs * clean).sum(dim=-1), of_step=True)

    given = case.mean_signals(grid, guide, signals)
    return case.mean_gradient(NO_NOISE, guide, lambda seen, noise: given)


def noise_times(
    case: OneSample,
    seen: GuidedPass,
    noise: Noise | None,
    values: torch.Tensor,
    *,
    of_step: bool = False,
) -> dict[str, torch.Tensor]:
    """Return, at each node, what has the mean of noise times a value over alpha.

    Parameters
    ----------
    case : OneSample
        Gives law and network.
    seen : GuidedPass
        The noisy pass.
    noise : Noise or None
        Its noise.
    values : tensor, shape (T, K)
        Of each step.
    of_step : bool
        Noise meets the value of its own step; if not, as the loss of the network is: of the step or
        of the sequence.

    Returns
    -------
    dict from hidden spiking layer's name to tensor, shape (T, K, n)
    """
    model, network = case.injected, case.problem.network
    if noise is None or model is None:
        raise ValueError(f"{case.estimator.name} claims an estimand under noise but injects none")
    by_step = of_step or network.loss.over == "step"
    met = values if by_step else values.sum(dim=0, keepdim=True)
    found = {}
    for layer in network.spiking:
        z = as_tensor(noise.values[layer.name])
        if is_smooth(case, layer, model):
            found[layer.name] = by_parts(model.law, z, seen.by_sent(layer.name, values))
        else:
            found[layer.name] = z * met[..., None] / model.scale
    return found


def is_smooth(case: OneSample, layer: Spiking, model: NoiseModel) -> bool:
    """Whether a layer's noise reaches the outputs at its own step only, through linear maps.

    Then the derivative form holds, if the law has one.
    """
    network = case.problem.network
    last = layer == network.spiking[-1] and network.output not in network.populations
    derivable = model.law != "rademacher" and not (model.law == "sphere" and layer.units == 1)
    return last and derivable and model.position == "spike"
