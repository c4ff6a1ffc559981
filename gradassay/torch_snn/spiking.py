"""Products with spikes by tables of sums, and with noise apart from the spikes that carry it.

    W (s + alpha z) = W s + alpha W z

Spikes are zeros and ones, noise often signs, and antithetic noise the same again with a minus sign:
each has a cheaper product than their sum, which is dense. What they are is found in the numbers
themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gradassay.core.layers import Linear
from gradassay.core.trace import Presynaptic
from gradassay.torch_snn.native.binary import (
    Bits,
    Term,
    mean_outer,
    opposite_pairs,
    pack,
    pack_columns,
    times_transposed,
)
from gradassay.torch_snn.neuron import Scaled


@dataclass(frozen=True)
class Apart:
    """Noise that is multiplied apart from the spikes.

    Parameters
    ----------
    noise : Scaled
        All of it.
    distinct : tensor, shape (t, R*B, n), or (ceil(t/2), R*B, n) with pairs
        z of all steps, or of the first of each pair.
    bits : Bits or None
        The same where they are signs.
    pairs : bool
        Steps 2j and 2j + 1 carry z and -z.
    """

    noise: Scaled
    distinct: Tensor
    bits: Bits | None
    pairs: bool


def set_apart(noise: Scaled) -> Apart | None:
    """Return noise to be multiplied apart; None where that would cost more than it saves."""
    pairs = opposite_pairs(noise.values)
    distinct = noise.values[::2] if pairs else noise.values
    bits = pack(distinct, signs=True)
    return Apart(noise, distinct, bits, pairs) if pairs or bits else None


def spiking_current(
    layer: Linear, weight: Tensor, bias: Tensor | None, spikes: Tensor, noise: Apart | None
) -> Tensor | None:
    """Return ``W (s + alpha z) + b``, shape (..., outputs); None where s are not zeros and ones.

    Parameters
    ----------
    layer : Linear
        Gives shapes.
    weight, bias : tensor, tensor or None
        As in `gradassay.torch_snn.maps.current`.
    spikes : tensor, shape (..., inputs)
        s.
    noise : Apart or None
        z.
    """
    bits = pack(spikes)
    if bits is None:
        return None
    term = None if noise is None else _term(layer, weight, noise)
    product = times_transposed(bits, weight, bias=bias, term=term)
    return product.reshape(*spikes.shape[:-1], layer.outputs)


def _term(layer: Linear, weight: Tensor, noise: Apart) -> Term:
    """Return ``alpha W z``."""
    if noise.bits is not None:
        product = times_transposed(noise.bits, weight)
    else:
        product = torch.mm(noise.distinct.reshape(-1, layer.inputs), weight.T)
    shape = (*noise.distinct.shape[:-1], layer.outputs)
    return Term(product.reshape(shape), noise.noise.scale, noise.pairs)


def spiking_outer(delta: Tensor, presynaptic: Presynaptic, replicates: int) -> Tensor | None:
    """Return ``(1/B) sum_b sum_t delta[t] a[t]^T`` of each replicate, for spikes or their trace.

    The trace of spikes, ``a[t] = leak * a[t-1] + s[t]`` from 0, leaves the sum over time: with the
    sum of delta backwards, ``D[t] = delta[t] + leak * D[t+1]``, it is that of ``D[t] s[t]^T``.

    Parameters
    ----------
    delta : tensor, shape (t, R*B, outputs)
    presynaptic : Presynaptic
        a, of shape (t, R*B, inputs).
    replicates : int
        R.

    Returns
    -------
    tensor, shape (R, outputs, inputs), or None
        None where a are not zeros and ones, nor a trace of them that is known to be one.
    """
    spikes = presynaptic.values if presynaptic.spikes is None else presynaptic.spikes
    bits = pack_columns(spikes, replicates)
    if bits is None:
        return None
    summed = delta if presynaptic.spikes is None else _backwards(delta, presynaptic.leak)
    return mean_outer(summed, bits, replicates / delta.shape[1])


def _backwards(delta: Tensor, leak: float) -> Tensor:
    """Return ``D[t] = delta[t] + leak * D[t+1]``."""
    if len(delta) == 1:
        return delta
    summed = torch.empty_like(delta, memory_format=torch.contiguous_format)
    after = summed[-1].copy_(delta[-1])
    for t in reversed(range(len(delta) - 1)):
        after = torch.add(delta[t], after, alpha=leak, out=summed[t])
    return summed
