"""Derivatives of a dense layer: by its parameters and by its input."""

from __future__ import annotations

import torch
from torch import Tensor

from gradassay.core.arrays import split_replicates
from gradassay.core.errors import DataError
from gradassay.core.network import Linear
from gradassay.core.trace import Presynaptic


def weight_gradient(
    layer: Linear, delta: Tensor, presynaptic: Presynaptic, replicates: int
) -> dict[str, Tensor]:
    """Return each replicate's gradient of the batch mean, on a leading axis R.

        dW = (1/B) sum_b sum_t delta[t] a[t]^T,   db = (1/B) sum_b sum_t delta[t] a_bias[t]

    A static input's ``a[t] = weights[t] * x`` leaves the sum over time,
    ``dW = (1/B) sum_b (sum_t weights[t] delta[t]) x^T``: one product over B rows, not over t*B.

    Parameters
    ----------
    layer : Linear
        Gives names; no bias, no ``db``.
    delta : tensor, shape (t, R*B, outputs)
        Derivative of each sample's loss by the layer's output.
    presynaptic : Presynaptic
        a, of shape (t, R*B, inputs) or (R*B, inputs).
    replicates : int
        R.

    Raises
    ------
    DataError
        If R does not divide the batch axis.
    """
    steps, rows, outputs = delta.shape
    if replicates < 1 or rows % replicates:
        raise DataError(
            f"delta: got a batch axis of {rows}; expected a multiple of replicates = {replicates}."
        )
    samples = rows // replicates
    gradient = {f"{layer.name}.weight": _mean_product(delta, presynaptic, replicates, samples)}
    if layer.bias:
        summed = delta.reshape(steps, replicates, samples, outputs).sum(2)
        gradient[f"{layer.name}.bias"] = _over_time(presynaptic.bias, summed).div_(samples)
    return gradient


def _mean_product(delta: Tensor, presynaptic: Presynaptic, replicates: int, samples: int) -> Tensor:
    """Return ``(1/B) sum_b sum_t delta[t] a[t]^T`` of each replicate, (R, outputs, inputs)."""
    values = presynaptic.values
    if presynaptic.weights is not None:
        delta, values = _over_time(presynaptic.weights, delta)[None], values[None]
    left, right = split_replicates(delta, replicates), split_replicates(values, replicates)
    product: Tensor = left.new_empty(replicates, left.shape[2], right.shape[2])
    return product.baddbmm_(left.mT, right, beta=0, alpha=1 / samples)  # 1/B costs no extra pass


def _over_time(weights: Tensor, array: Tensor) -> Tensor:
    """Return ``sum_t weights[t] array[t]``."""
    return (weights @ array.reshape(len(weights), -1)).reshape(array.shape[1:])


def input_gradient(weight: Tensor, delta: Tensor) -> Tensor:
    """Return ``W^T delta`` of each step and sample, shape (t, R*B, inputs)."""
    product = torch.mm(delta.reshape(-1, weight.shape[0]), weight)
    return product.reshape(*delta.shape[:-1], weight.shape[1])
