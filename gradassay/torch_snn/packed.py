"""Spikes that are bits, and numbers where those are asked for."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from gradassay.torch_snn.native.packing import Bits, pack, pack_columns, turned, unpacked


class Packed:
    """Spikes (t, R*B, n) whose bits are known.

    Parameters
    ----------
    words : tensor
        Of `Bits` of the rows of all steps.
    shape : tuple of int
    dtype : torch.dtype
        Of the spikes as numbers.
    values : tensor, shape (t, R*B, n), or None
        The spikes as numbers, if there are any; else they are made when they are asked for.
    """

    def __init__(
        self, words: Tensor, shape: tuple[int, ...], dtype: torch.dtype, values: Tensor | None
    ) -> None:
        steps, rows, units = shape
        self.bits = Bits(words, 1, steps * rows, units, signs=False)
        self.shape, self.dtype = shape, dtype
        if values is not None:
            self.values = values

    @cached_property
    def values(self) -> Tensor:
        """The spikes as numbers."""
        return unpacked(self.bits, self.dtype).reshape(self.shape)


Spikes = Tensor | Packed


def numbers(spikes: Spikes) -> Tensor:
    """Return spikes as numbers."""
    return spikes.values if isinstance(spikes, Packed) else spikes


def rows_of(spikes: Spikes) -> Bits | None:
    """Return the bits of their rows; None where they are not to be had."""
    return spikes.bits if isinstance(spikes, Packed) else pack(spikes)


def columns_of(spikes: Spikes, replicates: int) -> Bits | None:
    """Return the bits of the columns of each replicate; None where they are not to be had."""
    if isinstance(spikes, Packed):
        return turned(spikes.bits, spikes.shape[0], replicates)
    return pack_columns(spikes, replicates)
