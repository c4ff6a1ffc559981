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
from gradassay.core.noise import Noise
from gradassay.core.trace import Presynaptic, SpikeTrace
from gradassay.torch_snn.native.compiled import PRECISIONS
from gradassay.torch_snn.native.packing import (
    Bits,
    opposite_pairs,
    pack,
    pack_raw,
    pack_raw_columns,
)
from gradassay.torch_snn.native.products import Term, mean_outer, times_transposed
from gradassay.torch_snn.packed import Spikes, columns_of, rows_of


@dataclass(frozen=True)
class Apart:
    """Noise that is multiplied apart from the spikes.

    Parameters
    ----------
    scale : float
        alpha.
    shape : tuple of int
        Of z for all steps that have one of their own: (t, R*B, n), or (ceil(T/2), R*B, n) with
        pairs.
    distinct : Bits or tensor
        That z: bits where they are signs.
    pairs : bool
        Steps 2j and 2j + 1 carry z and -z.
    """

    scale: float
    shape: tuple[int, ...]
    distinct: Bits | Tensor
    pairs: bool


def set_apart(noise: Noise, layer: str) -> Apart | None:
    """Return noise to be multiplied apart; None where that would cost more than it saves.

    Parameters
    ----------
    noise : Noise
        On spikes.
    layer : str
        Of the population.
    """
    if layer in noise.raw:
        signs = noise.raw[layer]
        bits = pack_raw(signs)
        if bits is not None:
            shape = (len(signs.raw), *signs.shape[1:])
            return Apart(noise.scale, shape, bits, signs.pairs)
    values: Tensor = noise.values[layer]
    pairs = opposite_pairs(values)
    distinct = values[::2] if pairs else values
    bits = pack(distinct, signs=True)
    if not pairs and bits is None:
        return None
    return Apart(noise.scale, tuple(distinct.shape), distinct if bits is None else bits, pairs)


def spiking_current(
    layer: Linear, weight: Tensor, bias: Tensor | None, spikes: Spikes, noise: Apart | None
) -> Tensor | None:
    """Return ``W (s + alpha z) + b``, shape (..., outputs); None where s are not zeros and ones.

    Parameters
    ----------
    layer : Linear
        Gives shapes.
    weight, bias : tensor, tensor or None
        As in `gradassay.torch_snn.maps.current`.
    spikes : tensor or Packed, shape (..., inputs)
        s.
    noise : Apart or None
        z.
    """
    bits = rows_of(spikes)
    if bits is None:
        return None
    term = None if noise is None else _term(layer, weight, noise)
    product = times_transposed(bits, weight, bias=bias, term=term)
    return product.reshape(*spikes.shape[:-1], layer.outputs)


def _term(layer: Linear, weight: Tensor, noise: Apart) -> Term:
    """Return ``alpha W z``."""
    if isinstance(noise.distinct, Bits):
        product = times_transposed(noise.distinct, weight)
    else:
        product = torch.mm(noise.distinct.reshape(-1, layer.inputs), weight.T)
    values = product.reshape(*noise.shape[:-1], layer.outputs)
    return Term(values, noise.scale, noise.pairs)


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
    trace = presynaptic if isinstance(presynaptic, SpikeTrace) else None
    bits = columns_of(trace.spikes if trace else presynaptic.values, replicates)
    if bits is None:
        return None
    summed = _backwards(delta, trace.leak) if trace and trace.leak else delta
    return mean_outer(summed, bits, replicates / delta.shape[1])


def noise_outer(noise: Noise, layer: str, right: Tensor, replicates: int) -> Tensor | None:
    """Return ``(1/B) sum_b sum_t z[t] right[t]^T``, (R, n, m), of signs that are bits; else None.

    Of those of other steps or replicates than are asked for, None as well.

    With pairs of steps, ``z[2j+1] = -z[2j]``, it is the sum over j of
    ``z[2j] (right[2j] - right[2j+1])^T``.

    Parameters
    ----------
    noise : Noise
        z of a whole sequence.
    layer : str
        Of the population.
    right : tensor, shape (T, R*B, m)
    replicates : int
        R.
    """
    signs = noise.raw.get(layer)
    if signs is None or right.dtype not in PRECISIONS:
        return None
    if signs.steps != len(right) or signs.raw.shape[1] != replicates:
        return None
    bits = pack_raw_columns(signs)
    if bits is None:
        return None
    seen = right
    if signs.pairs:
        seen = right[::2].clone()
        seen[: len(right) // 2] -= right[1::2]
    product: Tensor = mean_outer(seen, bits, replicates / right.shape[1]).mT
    return product


def _backwards(delta: Tensor, leak: float) -> Tensor:
    """Return ``D[t] = delta[t] + leak * D[t+1]``."""
    if len(delta) == 1:
        return delta
    summed = torch.empty_like(delta, memory_format=torch.contiguous_format)
    after = summed[-1].copy_(delta[-1])
    for t in reversed(range(len(delta) - 1)):
        after = torch.add(delta[t], after, alpha=leak, out=summed[t])
    return summed
