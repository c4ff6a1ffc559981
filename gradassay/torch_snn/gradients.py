"""Gradients of the parameters of one layer, from delta and what the layer was given."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gradassay.core.arrays import split_replicates
from gradassay.core.errors import DataError
from gradassay.core.layers import Conv2d, Gain, Linear, Weighted
from gradassay.core.trace import Presynaptic
from gradassay.torch_snn.convolution import kernel_gradient, position_sums
from gradassay.torch_snn.spike_products import spiking_outer
from gradassay.torch_snn.standardisation import parameter_gradient


def weight_gradient(
    layer: Weighted,
    params: Mapping[str, Tensor],
    delta: Tensor,
    presynaptic: Presynaptic,
    replicates: int,
    *,
    fused: bool,
) -> dict[str, Tensor]:
    """Return each replicate's gradient of the batch mean, on a leading axis R.

        dW = (1/B) sum_b sum_t delta[t] a[t]^T,   db = (1/B) sum_b sum_t delta[t] a_bias[t]

    for a convolution summed over positions too, for a `Gain` over units; then through the
    standardisation (`gradassay.torch_snn.standardisation`). A static input's
    ``a[t] = weights[t] * x`` leaves the sum over time, ``dW = (1/B) sum_b (sum_t weights[t]
    delta[t]) x^T``: one product over B rows, not over t*B.

    Parameters
    ----------
    layer : Linear, Conv2d or Gain
        Gives names; no bias, no ``db``.
    params : mapping
        Parameters, which a standardised layer needs.
    delta : tensor, shape (t, R*B, outputs)
        Derivative of each sample's loss by the layer's output.
    presynaptic : Presynaptic
        a, of shape (t, R*B, inputs) or (R*B, inputs).
    replicates : int
        R.
    fused : bool
        Take products with spikes by tables of sums where that is cheaper
        (`gradassay.torch_snn.spike_products`).

    Raises
    ------
    DataError
        If R does not divide the batch axis.
    """
    rows = delta.shape[1]
    if replicates < 1 or rows % replicates:
        raise DataError(
            f"delta: got a batch axis of {rows}; expected a multiple of replicates = {replicates}."
        )
    bias = presynaptic.bias
    product = None
    if presynaptic.weights is not None:
        folded = _over_time(presynaptic.weights, delta)[None]
        product = _mean_product(layer, folded, presynaptic.values[None], replicates)
        if presynaptic.weights is bias:  # the bias's input goes the same way
            delta, bias = folded, bias.new_ones(1)
    elif fused and isinstance(layer, Linear):
        product = spiking_outer(delta, presynaptic, replicates)
    if product is None:
        product = _mean_product(layer, delta, presynaptic.values, replicates)
    if isinstance(layer, Gain):
        return {f"{layer.name}.weight": product}
    gradient = parameter_gradient(layer, params, product)
    if layer.bias:
        gradient[f"{layer.name}.bias"] = _bias_gradient(layer, delta, bias, replicates)
    return gradient


def _mean_product(layer: Weighted, delta: Tensor, values: Tensor, replicates: int) -> Tensor:
    """Return ``(1/B) sum_b sum_t delta[t] a[t]^T`` of each replicate, (R, *weight_shape)."""
    samples = delta.shape[1] // replicates
    if isinstance(layer, Conv2d):
        return kernel_gradient(layer, delta, values, replicates).div_(samples)
    if isinstance(layer, Gain):
        products: Tensor = torch.linalg.vecdot(delta, values)
        split = products.reshape(-1, replicates, samples)
        return split.sum((0, 2)).div_(samples)[:, None]
    left, right = split_replicates(delta, replicates), split_replicates(values, replicates)
    product: Tensor = left.new_empty(replicates, left.shape[2], right.shape[2])
    return product.baddbmm_(left.mT, right, beta=0, alpha=1 / samples)  # 1/B costs no extra pass


def _bias_gradient(layer: Weighted, delta: Tensor, bias: Tensor, replicates: int) -> Tensor:
    """Return ``(1/B) sum_b sum_t delta[t] a_bias[t]`` of each replicate, (R, units)."""
    steps, rows, outputs = delta.shape
    samples = rows // replicates
    summed = delta.reshape(steps, replicates, samples, outputs).sum(2)
    if isinstance(layer, Conv2d):
        summed = position_sums(layer, summed)
    return _over_time(bias, summed).div_(samples)


def _over_time(weights: Tensor, array: Tensor) -> Tensor:
    """Return ``sum_t weights[t] array[t]``."""
    return (weights @ array.reshape(len(weights), -1)).reshape(array.shape[1:])
