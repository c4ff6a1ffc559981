"""Derivative by the membrane potential through time, and its tangent, inside one layer."""

from __future__ import annotations

import torch
from torch import Tensor

from gradassay.core.errors import DataError
from gradassay.core.neuron import Neuron
from gradassay.core.trace import Trace


def membrane_gradient(
    neuron: Neuron, layer: str, trace: Trace, signal: Tensor, *, reset_gradient: bool
) -> Tensor:
    """Return epsilon, the derivative by the membrane potential, shape (T, R*B, n).

    The contract's recursion

        epsilon[t] = psi[t] (g[t] + (du[t+1]/ds[t]) epsilon[t+1]) + (du[t+1]/du[t]) epsilon[t+1]

    with its two terms in epsilon[t+1] collected:

        epsilon[t] = psi[t] g[t] + c[t] epsilon[t+1],
        c[t]       = du[t+1]/du[t] + psi[t] du[t+1]/ds[t],   epsilon[T] = psi[T] g[T]

    Parameters
    ----------
    neuron, layer, trace, signal, reset_gradient
        As in `gradassay.core.backend.Backend.membrane_gradient`.

    Raises
    ------
    DataError
        If the trace does not hold what is needed, or has another shape than the signal.
    """
    psi = _recorded(trace, "derivative", layer, signal)
    carried = _carried(neuron, layer, trace, signal, reset_gradient=reset_gradient)
    epsilon = psi * signal
    for t in range(len(epsilon) - 2, -1, -1):
        epsilon[t].addcmul_(carried[t], epsilon[t + 1])
    return epsilon


def membrane_tangent(
    neuron: Neuron, layer: str, trace: Trace, currents: Tensor, *, reset_gradient: bool
) -> Tensor:
    """Return u', the tangent of the membrane potential, shape (T, R*B, n).

    The contract's recursion, with its two terms in u'[t-1] collected as in `membrane_gradient`:

        u'[t] = I'[t] + c[t-1] u'[t-1],   u'[1] = I'[1]

    so that ``<membrane_gradient(g), I'> = <psi g, membrane_tangent(I')>`` for all g and I'.

    Parameters
    ----------
    neuron, layer, trace, currents, reset_gradient
        As in `gradassay.core.backend.Backend.membrane_tangent`.

    Raises
    ------
    DataError
        If the trace does not hold what is needed, or has another shape than the currents.
    """
    carried = _carried(neuron, layer, trace, currents, reset_gradient=reset_gradient)
    tangent = currents.clone()
    for t in range(1, len(tangent)):
        tangent[t].addcmul_(carried[t - 1], tangent[t - 1])
    return tangent


def _carried(
    neuron: Neuron, layer: str, trace: Trace, signal: Tensor, *, reset_gradient: bool
) -> Tensor:
    """Return c, by the kind of reset, with the gradient through it kept or cut.

    ======  ============================  =================
    reset   kept                          cut
    ======  ============================  =================
    soft    leak (1 - psi V_th)           leak
    hard    leak (1 - s - psi u)          leak (1 - s)
    none    leak                          leak
    ======  ============================  =================
    """
    carried = torch.ones_like(signal)
    if neuron.reset == "hard":
        carried.sub_(_recorded(trace, "spikes", layer, signal))
    if reset_gradient and neuron.reset != "none":
        psi = _recorded(trace, "derivative", layer, signal)
        if neuron.reset == "soft":
            carried.sub_(psi, alpha=neuron.threshold)
        else:
            carried.addcmul_(psi, _recorded(trace, "membrane", layer, signal), value=-1)
    return carried.mul_(neuron.leak)


def _recorded(trace: Trace, kind: str, layer: str, signal: Tensor) -> Tensor:
    """Return one array of the trace, checked against the signal or currents."""
    found: Tensor | None = getattr(trace, kind).get(layer)
    if found is None:
        raise DataError(
            f"trace: holds no {kind} of {layer!r}; run `forward` with record={{{kind!r}, ...}}."
        )
    if found.shape != signal.shape:
        raise DataError(
            f"argument: got shape {tuple(signal.shape)}; expected {tuple(found.shape)}, that of the"
            f" {kind} of {layer!r} in the trace."
        )
    return found
