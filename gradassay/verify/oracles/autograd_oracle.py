"""Independent oracle: the surrogate gradient of a network by torch autograd over a plain loop.

It shares the specification with the backends, and no arithmetic.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
import torch
from torch.nn import functional

from gradassay.core.batch import Batch
from gradassay.core.errors import unknown_name
from gradassay.core.network import Loss, Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.verify.oracles.autograd_network import Temporal, Unrolled, Weights


def autograd_gradient(
    network: Network,
    params: Params,
    batch: Batch,
    *,
    temporal: Temporal,
    reset_gradient: bool = False,
    noise: Noise | None = None,
) -> Params:
    """Return the surrogate gradient of the mean loss by torch autograd, float64.

    ================ ==========================================================================
    ``through_time`` plain autograd through the whole sequence (BPTT); weights see what the
                     layer received, noise included
    ``online``       membrane potential and spikes are detached at every step; the weights of
                     layers that reach neurons see the trace of their clean input, their biases
                     that of 1, the others the clean input itself (OTTT)
    ``spatial``      detached likewise; all weights see the clean input of the step (SLTT)
    ================ ==========================================================================

    Autograd goes on from a standardised layer's effective weight to its weight and gain.

    Parameters
    ----------
    network, params, batch
        The model; NumPy arrays.
    temporal : {"online", "spatial", "through_time"}
        As above.
    reset_gradient : bool
        Let the gradient pass through the reset; means something through time only.
    noise : Noise or None
        On the spikes or on the membrane potential of hidden layers; NumPy arrays (T, B, n).

    Returns
    -------
    Params
        NumPy float64.

    Raises
    ------
    UsageError
        If `temporal` is another word.
    """
    if temporal not in get_args(Temporal):
        raise unknown_name("temporal", temporal, get_args(Temporal))
    weights = {name: as_tensor(array).requires_grad_() for name, array in params.items()}
    with torch.enable_grad():
        loss = autograd_loss(
            network, weights, batch, temporal=temporal, reset_gradient=reset_gradient, noise=noise
        )
        gradients = torch.autograd.grad(loss, list(weights.values()))
    return Params({n: g.numpy() for n, g in zip(weights, gradients, strict=True)})


def autograd_loss(
    network: Network,
    weights: Weights,
    batch: Batch,
    *,
    temporal: Temporal = "through_time",
    reset_gradient: bool = False,
    noise: Noise | None = None,
) -> torch.Tensor:
    """Return the mean loss of a batch in autograd's graph, a float64 number.

    Parameters
    ----------
    network, batch, temporal, reset_gradient, noise
        As in `autograd_gradient`.
    weights : mapping from name to tensor
        The parameters.
    """
    drawn = None if noise is None else noise.map(as_tensor)
    unrolled = Unrolled(network, weights, temporal, reset_gradient=reset_gradient, noise=drawn)
    outputs, targets = unrolled.run(as_tensor(batch.inputs)), np.asarray(batch.targets)
    return mean_loss(network.loss, outputs, torch.tensor(targets))


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """Return a float64 copy of a NumPy array."""
    return torch.tensor(np.asarray(array), dtype=torch.float64)


def mean_loss(loss: Loss, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the loss, mean over the batch, of outputs of shape (T, B, m)."""
    seen = outputs.mean(dim=0, keepdim=True) if loss.over == "sequence" else outputs
    repeated = targets.repeat(len(seen))
    flat = seen.reshape(len(repeated), -1)
    onehot = functional.one_hot(repeated, flat.shape[1]).to(flat.dtype)
    cross_entropy = functional.cross_entropy(flat, repeated)
    squared = functional.mse_loss(flat, onehot)
    return (1 - loss.mse_weight) * cross_entropy + loss.mse_weight * squared
