"""One step of the leaky integrate-and-fire neuron, and its derivatives, as in the equations."""

from __future__ import annotations

import numpy as np

from gradassay.core.network import Neuron

Float = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def sigmoid(x: Float) -> Float:
    """Return 1 / (1 + exp(-x)) without overflow: exp is only taken of numbers that are not above 0.

    Parameters
    ----------
    x : array
        Any shape.
    """
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, decay) / (1.0 + decay)


def charge(neuron: Neuron, membrane: Float, spikes: Float, current: Float) -> Float:
    """Return the membrane potential u[t] before the reset of step t.

    ============ ==================================================
    soft reset   ``u[t] = leak * (u[t-1] - V_th * s[t-1]) + I[t]``
    hard reset   ``u[t] = leak * u[t-1] * (1 - s[t-1]) + I[t]``
    no reset     ``u[t] = leak * u[t-1] + I[t]``
    ============ ==================================================

    Parameters
    ----------
    neuron : Neuron
        Leak, threshold V_th, reset.
    membrane, spikes : array, shape (B, n)
        u[t-1] and s[t-1].
    current : array, shape (B, n)
        I[t] = W r[t] + b.
    """
    if neuron.reset == "soft":
        return neuron.leak * (membrane - neuron.threshold * spikes) + current
    if neuron.reset == "hard":
        return neuron.leak * (membrane * (1 - spikes)) + current
    return neuron.leak * membrane + current


def fire(neuron: Neuron, membrane: Float) -> Float:
    """Return the spikes: 1 where u >= V_th, else 0; for a smooth neuron sig(k (u - V_th))."""
    if neuron.smooth:
        return sigmoid(neuron.surrogate.scale * (membrane - neuron.threshold))
    return (membrane >= neuron.threshold).astype(np.float64)


def surrogate_derivative(neuron: Neuron, membrane: Float) -> Float:
    """Return psi(u) = k sig(x) (1 - sig(x)), x = k (u - V_th)."""
    scale = neuron.surrogate.scale
    value = sigmoid(scale * (membrane - neuron.threshold))
    return scale * value * (1 - value)


def membrane_by_membrane(neuron: Neuron, spikes: Float) -> Float:
    """Return du[t+1]/du[t] with the spike held fixed: the leak; 0 after a hard reset."""
    if neuron.reset == "hard":
        return neuron.leak * (1 - spikes)
    return np.full_like(spikes, neuron.leak)


def membrane_by_spike(neuron: Neuron, membrane: Float) -> Float:
    """Return du[t+1]/ds[t], the path through the reset.

    ============ =====================
    soft reset   ``-leak * V_th``
    hard reset   ``-leak * u[t]``
    no reset     ``0``
    ============ =====================
    """
    if neuron.reset == "soft":
        return np.full_like(membrane, -neuron.leak * neuron.threshold)
    if neuron.reset == "hard":
        return -neuron.leak * membrane
    return np.zeros_like(membrane)
