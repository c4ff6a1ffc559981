"""Loss of each sample and step, and its derivative by the output."""

from __future__ import annotations

import numpy as np

from gradassay.core.network import Loss
from gradassay.reference_snn.neuron import Float


def losses_and_errors(
    loss: Loss, outputs: Float, targets: np.ndarray, steps: int
) -> tuple[Float, Float]:
    """Return the losses and the errors of a block of outputs.

    Loss of the step, with ``y`` the one-hot target and m classes:

        L[t] = ((1 - mu) CE(o[t], y) + mu MSE(o[t], y)) / T
        e[t] = dL[t]/do[t] = ((1 - mu) (softmax(o[t]) - y) + mu 2 (o[t] - y) / m) / T

    Loss of the sequence: the mixture once, of the mean of o[t] over time; each step carries 1/T of
    it, and ``dL/do[t]`` is 1/T of the derivative by the mean.

    Parameters
    ----------
    loss : Loss
        mu, and step or sequence.
    outputs : array, shape (t, B, m)
        o.
    targets : array of int, shape (B,)
        Classes.
    steps : int
        T of the whole sequence; for a loss of the sequence t = T.

    Returns
    -------
    losses : array, shape (t, B)
        Sum over steps: the loss of the sample.
    errors : array, shape (t, B, m)
        e.
    """
    onehot = np.eye(outputs.shape[-1])[targets]
    if loss.over == "step":
        value, slope = _mixture(loss.mse_weight, outputs, onehot)
        return value / steps, slope / steps
    value, slope = _mixture(loss.mse_weight, outputs.mean(axis=0, keepdims=True), onehot)
    return (
        np.repeat(value, steps, axis=0) / steps,
        np.repeat(slope, steps, axis=0) / steps,
    )


def _mixture(mse_weight: float, outputs: Float, onehot: Float) -> tuple[Float, Float]:
    """Return the mixture of CE and MSE, shape (t, B), and its slope, shape (t, B, m)."""
    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    cross_entropy = -((shifted - log_sum) * onehot).sum(axis=-1)
    softmax = np.exp(shifted - log_sum)
    difference = outputs - onehot
    squared = (difference**2).mean(axis=-1)
    value = (1 - mse_weight) * cross_entropy + mse_weight * squared
    slope = (1 - mse_weight) * (softmax - onehot) + mse_weight * (
        2 * difference / outputs.shape[-1]
    )
    return value, slope
