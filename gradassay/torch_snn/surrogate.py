"""The surrogate of a spike's derivative, psi, and the smooth function S that it derives from.

The equations stand in `gradassay.core.neuron.Surrogate`. The functions here work in place on
``x = u - V_th``; where k x overflows, they reach their limits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gradassay.core.neuron import Neuron, Surrogate


def surrogate_derivative(neuron: Neuron, membrane: Tensor) -> Tensor:
    """Return psi(u) in new memory, of the shape of u."""
    return derivative_(neuron.surrogate, membrane - neuron.threshold)


def derivative_(surrogate: Surrogate, x: Tensor) -> Tensor:
    """Put psi in place of ``x = u - V_th``."""
    k = surrogate.scale
    match surrogate.kind:
        case "sigmoid":
            sigmoid = x.mul_(k).sigmoid_()
            return sigmoid.addcmul_(sigmoid, sigmoid, value=-1).mul_(k)
        case "arctan":
            return x.mul_(math.pi * k / 2).square_().add_(1).reciprocal_().mul_(k / 2)
        case "triangle":
            return x.abs_().mul_(-k).add_(1).clamp_(min=0).mul_(k)
        case "rectangle":
            return x.abs_().lt_(1 / (2 * k)).mul_(k)
        case "superspike":
            return x.abs_().mul_(k).add_(1).reciprocal_().square_()
        case "gaussian":
            return x.mul_(k).square_().mul_(-0.5).exp_().mul_(k / math.sqrt(2 * math.pi))


def smooth_(surrogate: Surrogate, x: Tensor) -> Tensor:
    """Put S in place of ``x = u - V_th``."""
    k = surrogate.scale
    match surrogate.kind:
        case "sigmoid":
            return x.mul_(k).sigmoid_()
        case "arctan":
            return x.mul_(math.pi * k / 2).atan_().div_(math.pi).add_(0.5)
        case "triangle":
            y = x.mul_(k).clamp_(-1, 1)
            return y.addcmul_(y, y.abs(), value=-0.5).add_(0.5)
        case "rectangle":
            return x.mul_(k).add_(0.5).clamp_(0, 1)
        case "superspike":
            return x.div_(x.abs().mul_(k).add_(1)).add_(0.5)
        case "gaussian":
            torch.special.ndtr(x.mul_(k), out=x)
            return x
