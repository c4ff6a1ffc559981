"""The leaky integrate-and-fire neuron: one element-wise scan over the steps of a block."""

from __future__ import annotations

import torch
from torch import Tensor

from gradassay.core.network import Neuron


def scan(neuron: Neuron, currents: Tensor, rested: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Run the neurons of one layer over a block of steps.

    With I the current and v the membrane potential after the reset:

        u[t] = leak * v[t-1] + I[t]
        s[t] = 1 if u[t] >= V_th else 0        (smooth neuron: sig(k (u[t] - V_th)))
        v[t] = u[t] - V_th s[t]  (soft),  u[t] (1 - s[t])  (hard),  u[t]  (none)

    Parameters
    ----------
    neuron : Neuron
        Leak, threshold, reset; spiking or smooth.
    currents : tensor, shape (t, R*B, n)
        I[t]. Overwritten with the membrane potential, unless its steps share one memory (a static
        input's expanded current).
    rested : tensor, shape (R*B, n), or None
        v of the step before this block, not changed; None before the first step, where it is 0.

    Returns
    -------
    membrane, spikes : tensor, shape (t, R*B, n)
        u (before the reset) and s.
    rested : tensor, shape (R*B, n)
        v of the last step.
    """
    membrane = currents.new_empty(currents.shape) if currents.stride(0) == 0 else currents
    spikes = torch.empty_like(membrane)
    state = torch.zeros_like(currents[0]) if rested is None else rested.clone()
    for current, u, s in zip(currents, membrane, spikes, strict=True):
        torch.add(current, state, alpha=neuron.leak, out=u)
        _fire(neuron, u, out=s)
        _reset(neuron, u, s, out=state)
    return membrane, spikes, state


def surrogate_derivative(neuron: Neuron, membrane: Tensor) -> Tensor:
    """Return ``psi(u) = k sig(x) (1 - sig(x))``, ``x = k (u - V_th)``, of the shape of u."""
    sigmoid = _sigmoid(neuron, membrane, out=torch.empty_like(membrane))
    return sigmoid.addcmul_(sigmoid, sigmoid, value=-1).mul_(neuron.surrogate.scale)


def _sigmoid(neuron: Neuron, u: Tensor, *, out: Tensor) -> Tensor:
    """Write sig(k (u - V_th))."""
    return torch.sub(u, neuron.threshold, out=out).mul_(neuron.surrogate.scale).sigmoid_()


def _fire(neuron: Neuron, u: Tensor, *, out: Tensor) -> None:
    """Write s."""
    if neuron.smooth:
        _sigmoid(neuron, u, out=out)
    else:
        torch.ge(u, neuron.threshold, out=out)


def _reset(neuron: Neuron, u: Tensor, s: Tensor, *, out: Tensor) -> None:
    """Write v."""
    if neuron.reset == "soft":
        torch.sub(u, s, alpha=neuron.threshold, out=out)
    elif neuron.reset == "hard":
        torch.addcmul(u, u, s, value=-1, out=out)
    else:
        out.copy_(u)
