"""Checks of what a forward pass is given, before any number is computed."""

from __future__ import annotations

from collections.abc import Set
from typing import get_args

import torch

from gradassay.core.batch import Batch
from gradassay.core.errors import ConfigurationError, DataError, unknown_name
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.trace import Carry, Recorded
from gradassay.torch_snn.placement import require_placed


def block_steps(network: Network, batch: Batch, steps: int | None) -> int:
    """Return the length of a block, checked.

    Raises
    ------
    ConfigurationError
        If it is not in 1..T, or shorter than T with a loss of the sequence.
    DataError
        If the batch is a sequence of another length.
    """
    length = network.steps if steps is None else steps
    if not 1 <= length <= network.steps:
        raise ConfigurationError(f"steps: got {steps!r}; expected 1 to T = {network.steps}.")
    if network.loss.over == "sequence" and length < network.steps:
        raise ConfigurationError(
            f"steps: got a block of {length} with a loss of the sequence; expected the whole"
            f" sequence, T = {network.steps}. Run it in one block, or use the loss of the step."
        )
    if not batch.static and batch.inputs.shape[0] != length:
        raise DataError(
            f"inputs: got {batch.inputs.shape[0]} steps; expected the block's {length}."
            " Give the inputs of this block, and its length as `steps`."
        )
    return length


def require_record(record: Set[str], carry: Carry | None) -> None:
    """Check what a caller wants recorded.

    Raises
    ------
    UsageError
        If a name does not exist.
    ConfigurationError
        If traces are asked for, but the blocks before kept none.
    """
    for name in sorted(set(record) - set(get_args(Recorded))):
        raise unknown_name("record", name, get_args(Recorded))
    if "eligibility" in record and carry is not None and "trace" not in carry:
        raise ConfigurationError(
            "record: got 'eligibility' with a carry that holds no traces; expected it in every"
            " block from the first on."
        )


def require_noise(
    network: Network, noise: Noise, rows: tuple[int, int], dtype: torch.dtype, device: torch.device
) -> None:
    """Check names, shapes (t, R*B, n), dtype and device of the noise.

    Raises
    ------
    UsageError
        If a name is not a spiking layer's.
    DataError
        If an array does not fit.
    """
    units = {layer.name: layer.units for layer in network.spiking}
    for name, z in noise.values.items():
        if name not in units:
            raise unknown_name("noise layer", name, units)
        if tuple(z.shape) != (*rows, units[name]):
            raise DataError(
                f"noise of {name}: got shape {tuple(z.shape)}; expected {(*rows, units[name])},"
                " (steps of the block, batch axis, units)."
            )
        require_placed(f"noise of {name}", z, dtype, device)
