"""The leaky integrate-and-fire neuron: one element-wise scan over the steps of a block."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gradassay.core.neuron import Neuron
from gradassay.core.signs import RawSigns
from gradassay.torch_snn.surrogate import smooth_


class Scaled(NamedTuple):
    """Noise ``scale * values``, (t, R*B, n)."""

    values: Tensor
    scale: float


class ScaledSigns(NamedTuple):
    """Noise ``scale * z`` of signs that are bits still."""

    signs: RawSigns
    scale: float


def scan(
    neuron: Neuron,
    currents: Tensor,
    rested: Tensor | None,
    noise: Scaled | None = None,
    *,
    overwrite: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run the neurons of one layer over a block of steps.

    With I the current and v the membrane potential after the reset:

        u[t] = leak * v[t-1] + I[t]
        s[t] = 1 if u[t] + alpha z[t] >= V_th else 0    (smooth neuron: S(u[t] + alpha z[t] - V_th))
        v[t] = u[t] - V_th s[t]  (soft),  u[t] (1 - s[t])  (hard),  u[t]  (none)

    Parameters
    ----------
    neuron : Neuron
        Leak, threshold, reset; spiking or smooth.
    currents : tensor, shape (t, R*B, n)
        I[t].
    rested : tensor, shape (R*B, n), or None
        v of the step before this block, not changed; None before the first step, where it is 0.
    noise : Scaled or None
        alpha and z.
    overwrite : bool
        Put the membrane potential in the memory of the currents.

    Returns
    -------
    membrane, spikes : tensor, shape (t, R*B, n)
        u (before the reset, without noise) and s.
    rested : tensor, shape (R*B, n)
        v of the last step.
    """
    membrane = currents if overwrite else currents.new_empty(currents.shape)
    spikes = torch.empty_like(membrane)
    state = torch.zeros_like(currents[0]) if rested is None else rested.clone()
    for t, (current, u, s) in enumerate(zip(currents, membrane, spikes, strict=True)):
        torch.add(current, state, alpha=neuron.leak, out=u)
        seen = u if noise is None else torch.add(u, noise.values[t], alpha=noise.scale, out=s)
        _fire(neuron, seen, out=s)
        _reset(neuron, u, s, out=state)
    return membrane, spikes, state


def _fire(neuron: Neuron, seen: Tensor, *, out: Tensor) -> None:
    """Write s."""
    if neuron.smooth:
        smooth_(neuron.surrogate, torch.sub(seen, neuron.threshold, out=out))
    else:
        torch.ge(seen, neuron.threshold, out=out)


def _reset(neuron: Neuron, u: Tensor, s: Tensor, *, out: Tensor) -> None:
    """Write v."""
    if neuron.reset == "soft":
        torch.sub(u, s, alpha=neuron.threshold, out=out)
    elif neuron.reset == "hard":
        torch.addcmul(u, u, s, value=-1, out=out)
    else:
        out.copy_(u)
