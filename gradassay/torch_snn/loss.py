"""The loss of the outputs and its derivative, the error."""

from __future__ import annotations

import torch
from torch import Tensor

from gradassay.core.network import Loss
from gradassay.torch_snn.native.loss import fused_loss


def losses_and_errors(
    loss: Loss, outputs: Tensor, targets: Tensor, steps: int, *, fused: bool
) -> tuple[Tensor, Tensor]:
    """Return the loss of each step and sample, and its derivative by the output.

    With l the mixture of `_mixture` and T the number of steps of the whole sequence:

        over steps:         L[t] = l(o[t]) / T,         e[t] = l'(o[t]) / T
        over the sequence:  L[t] = l(mean_t o[t]) / T,  e[t] = l'(mean_t o[t]) / T

    so that the sum of L[t] over t is the sample's loss, and e[t] its derivative by o[t].

    Parameters
    ----------
    loss : Loss
        Mixture and ``over``.
    outputs : tensor, shape (t, R*B, m)
        o; the whole sequence where the loss is of the sequence.
    targets : tensor of int64, shape (R*B,)
        Classes.
    steps : int
        T.
    fused : bool
        In one pass in C, where it can be.

    Returns
    -------
    losses : tensor, shape (t, R*B)
    errors : tensor, shape (t, R*B, m)
    """
    over_sequence = loss.over == "sequence"
    seen = outputs.mean(0, keepdim=True) if over_sequence else outputs
    found = fused_loss(seen, targets, loss.mse_weight, 1 / steps) if fused else None
    values, derivatives = found or _plain(loss.mse_weight, seen, targets, steps)
    if over_sequence:
        return values.repeat(steps, 1), derivatives.repeat(steps, 1, 1)
    return values, derivatives


def _plain(
    mse_weight: float, outputs: Tensor, targets: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """Return l / T and l' / T in plain tensor operations."""
    values, derivatives = _mixture(mse_weight, outputs, targets)
    return values.div_(steps), derivatives.div_(steps)


def _mixture(mse_weight: float, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``l = (1 - mu) CE + mu MSE`` and l', shapes (t, R*B) and (t, R*B, m)."""
    values, derivatives = _cross_entropy(outputs, targets)
    if mse_weight:
        squared, differences = _mean_squared_error(outputs, targets)
        values.mul_(1 - mse_weight).add_(squared, alpha=mse_weight)
        derivatives.mul_(1 - mse_weight).add_(differences, alpha=mse_weight)
    return values, derivatives


def _cross_entropy(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``CE = -log softmax(o)_y`` and ``softmax(o) - onehot(y)``."""
    log_probabilities = torch.log_softmax(outputs, -1)
    index = _class_index(outputs, targets)
    values = log_probabilities.gather(-1, index).squeeze(-1).neg_()
    return values, _minus_onehot(log_probabilities.exp_(), index)


def _mean_squared_error(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``MSE = (1/m) sum (o - onehot(y))^2`` and ``(2/m) (o - onehot(y))``."""
    difference = _minus_onehot(outputs.clone(), _class_index(outputs, targets))
    return difference.square().mean(-1), difference.mul_(2 / outputs.shape[-1])


def _class_index(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the targets as (t, R*B, 1)."""
    return targets[:, None].expand(*outputs.shape[:-1], 1)


def _minus_onehot(array: Tensor, index: Tensor) -> Tensor:
    """Subtract onehot(y) in place."""
    return array.scatter_add_(-1, index, array.new_full((), -1).expand(index.shape))
