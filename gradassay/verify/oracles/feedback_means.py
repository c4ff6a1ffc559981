"""Means of methods that draw nothing to make their signal: exact, fixed and local feedback.

Written as derivatives that autograd takes on another way down (`guided_network`), with none of the
methods' code. Under noise that is injected for another part of a sum, they are averaged over it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from gradassay.core.layers import Conv2d, Linear, Spiking
from gradassay.core.noise import Law, Noise
from gradassay.core.params import Params
from gradassay.estimators.feedback import READOUT
from gradassay.verify.oracles.autograd_network import effective_weight
from gradassay.verify.oracles.autograd_oracle import as_tensor
from gradassay.verify.oracles.declared import LocalRule, local_rule
from gradassay.verify.oracles.guided_network import (
    Guide,
    GuidedPass,
    Slope,
    Tensors,
    derivative,
    row_losses,
)
from gradassay.verify.oracles.noise_grid import NoiseGrid
from gradassay.verify.oracles.one_sample import OneSample
from gradassay.verify.oracles.single_neuron_laws import expected_surrogate

EXACT: dict[str, LocalRule] = {
    "online_bp": LocalRule("online"),
    "spatial_bp": LocalRule("spatial"),
    "bptt": LocalRule("local_bptt"),
}


def surrogate_mean(case: OneSample, grid: NoiseGrid) -> Params:
    """Return the surrogate gradient by autograd: ``online_bp``, ``spatial_bp`` or ``bptt``."""
    kept = "kept" in case.estimand.options
    rule = LocalRule(EXACT[case.estimand.name].temporal, "clean", kept)
    return case.mean_gradient(grid, Guide(rule, direct=False), None)


def fixed_feedback_mean(case: OneSample, grid: NoiseGrid) -> Params:
    """Return the gradient with ``g_l[t] = B_l e[t]``, B_l of the state."""
    names = [layer.name for layer in case.problem.network.spiking]

    def signals(seen: GuidedPass, noise: Noise | None) -> Tensors:
        errors = seen.errors
        return {name: errors @ case.matrix(name).T for name in names}

    return case.mean_gradient(grid, Guide(local_rule(case.estimator)), signals)


def fixed_weights_mean(case: OneSample, grid: NoiseGrid) -> Params:
    """Return the gradient with the matrices of the state in place of weights on the way down."""
    down = {name: case.matrix(name) for name in case.state}
    return case.mean_gradient(
        grid, Guide(local_rule(case.estimator), direct=False, downward=down), None
    )


def sign_of_weights_mean(case: OneSample, grid: NoiseGrid) -> Params:
    """Return the gradient with ``c sign(W)``, c = gain mean |W|, for W on the way down."""
    gain: float = getattr(case.estimator, "gain", 1.0)
    tensors = {name: as_tensor(array) for name, array in case.problem.params.items()}
    down = {}
    for layer in case.problem.network.weighted:
        if isinstance(layer, Linear | Conv2d):
            weight = effective_weight(layer, tensors)
            down[layer.name] = gain * weight.abs().mean() * weight.sign()
    return case.mean_gradient(
        grid, Guide(local_rule(case.estimator), direct=False, downward=down), None
    )


def local_loss_mean(case: OneSample, grid: NoiseGrid) -> Params:
    """Return the gradient of each layer's own loss, of the readout ``o_l = B_l^T s_l``."""
    names = [layer.name for layer in case.problem.network.spiking]

    def signals(seen: GuidedPass, noise: Noise | None) -> Tensors:
        return {name: local_signal(case, seen, name, case.matrix(READOUT + name)) for name in names}

    return case.mean_gradient(grid, Guide(local_rule(case.estimator)), signals)


def local_signal(
    case: OneSample, seen: GuidedPass, layer: str, matrix: torch.Tensor
) -> torch.Tensor:
    """Return the derivative of a local loss by the layer's spikes, (T, K, n)."""
    spikes = seen.spikes[layer].detach().requires_grad_()
    losses = row_losses(case.problem.network.loss, spikes @ matrix, seen.targets)
    return derivative(losses, [spikes])[0]


def expected_surrogate_mean(case: OneSample, grid: NoiseGrid) -> Params:
    """Return backpropagation in space with the mean of LocalZO's random surrogate for psi.

    Exact because every path from the loss to a weight meets one draw of a layer and step at most,
    and draws of different layers and steps are independent.
    """
    guide = Guide(local_rule(case.estimator), direct=False, slope=_expected_slope(case))
    return case.mean_gradient(grid, guide, None)


def _expected_slope(case: OneSample) -> Slope:
    """Return the expected surrogate as a slope; one unit on a sphere draws a sign."""
    width: float = getattr(case.estimator, "width", 1.0)
    law: Law = getattr(case.estimator, "law", "gaussian")
    threshold = case.problem.network.neuron.threshold

    def slope(layer: Spiking, step: int, membrane: torch.Tensor) -> torch.Tensor:
        own: Law = "rademacher" if law == "sphere" and layer.units == 1 else law
        distance = membrane.numpy() - threshold
        found = expected_surrogate(own, distance, width=width, units=layer.units)
        return as_tensor(np.asarray(found))

    return slope


DETERMINISTIC: dict[str, tuple[str, Callable[[OneSample, NoiseGrid], Params]]] = {
    **dict.fromkeys(EXACT, ("surrogate gradient by autograd", surrogate_mean)),
    "fixed_feedback": ("feedback of the error through the state's matrices", fixed_feedback_mean),
    "fixed_weights": ("derivatives sent down through the state's matrices", fixed_weights_mean),
    "sign_of_weights": ("derivatives sent down through the signs", sign_of_weights_mean),
    "local_loss": ("gradient of each layer's own loss", local_loss_mean),
    "expected_surrogate": ("surrogate gradient with the expected slope", expected_surrogate_mean),
}
