"""One step of the leaky integrate-and-fire neuron, and its derivatives, as in the equations."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from gradassay.core.neuron import Neuron, Surrogate

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
    """Return the spikes: 1 where u >= V_th, else 0; for a smooth neuron S(u - V_th)."""
    if neuron.smooth:
        return smooth_spike(neuron.surrogate, membrane - neuron.threshold)
    return (membrane >= neuron.threshold).astype(np.float64)


def smooth_spike(surrogate: Surrogate, x: Float) -> Float:
    """Return S(x), whose derivative is psi; the table stands in `gradassay.core.neuron`."""
    k = surrogate.scale
    if surrogate.kind == "sigmoid":
        return sigmoid(k * x)
    if surrogate.kind == "arctan":
        return np.arctan(math.pi * k * x / 2) / math.pi + 0.5
    if surrogate.kind == "triangle":
        y = np.clip(k * x, -1, 1)
        return 0.5 + y - y * np.abs(y) / 2
    if surrogate.kind == "rectangle":
        return np.clip(k * x + 0.5, 0, 1)
    if surrogate.kind == "superspike":
        return x / (1 + k * np.abs(x)) + 0.5
    distribution: Float = ndtr(k * x)
    return distribution


def surrogate_derivative(neuron: Neuron, membrane: Float) -> Float:
    """Return psi(u); the table stands in `gradassay.core.neuron`."""
    k, x = neuron.surrogate.scale, membrane - neuron.threshold
    kind = neuron.surrogate.kind
    if kind == "sigmoid":
        value = sigmoid(k * x)
        return k * value * (1 - value)
    if kind == "arctan":
        return (k / 2) / (1 + (math.pi * k * x / 2) ** 2)
    if kind == "triangle":
        return k * np.maximum(0, 1 - k * np.abs(x))
    if kind == "rectangle":
        return k * (np.abs(x) < 1 / (2 * k)).astype(np.float64)
    if kind == "superspike":
        return 1 / (1 + k * np.abs(x)) ** 2
    return k * np.exp(-((k * x) ** 2) / 2) / math.sqrt(2 * math.pi)


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
