"""Checks of what the verbs are given, before any number is computed."""

from __future__ import annotations

from collections.abc import Set
from typing import get_args

import torch
from torch import Tensor

from gradassay.core.errors import ConfigurationError, DataError, unknown_name
from gradassay.core.layers import Synapse, Weighted
from gradassay.core.network import Network
from gradassay.core.noise import Noise, require_injectable
from gradassay.core.signs import LazySigns
from gradassay.core.trace import Carry, Recorded
from gradassay.torch_snn.placement import require_placed
from gradassay.torch_snn.recorder import BIAS_TRACES


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
    for kind, name in BIAS_TRACES.items():
        if kind in record and carry is not None and name not in carry:
            raise ConfigurationError(
                f"record: got {kind!r} with a carry that holds no traces of it; expected it in"
                " every block from the first on."
            )


def require_noise(
    network: Network, noise: Noise, rows: tuple[int, int], dtype: torch.dtype, device: torch.device
) -> None:
    """Check position, names, shapes (t, R*B, n), dtype and device of the noise.

    Raises
    ------
    UsageError
        If it is not for a forward pass, or a name is not a hidden spiking layer's.
    DataError
        If an array does not fit.
    """
    require_injectable(network, noise, *rows)
    for name in noise.values:
        values = noise.values
        z = values.empty() if isinstance(values, LazySigns) else values[name]
        require_placed(f"noise of {name}", z, dtype, device)


def require_map(layer: Synapse, weight: Tensor | None, name: str, array: Tensor) -> None:
    """Check weight and argument of a linear map or its transpose.

    Raises
    ------
    DataError
        If the argument is not (t, R*B, units), the weight neither of the layer's shape nor with a
        leading R that divides the batch axis, or missing, or given without need.
    """
    require_units(name, array, layer.inputs if name == "values" else layer.outputs)
    wanted = layer.weight_shape if isinstance(layer, Weighted) else None
    if weight is None or wanted is None:
        if (weight is None) != (wanted is None):
            got = weight if weight is None else tuple(weight.shape)
            raise DataError(f"weight of {layer.name}: got {got}; expected {wanted}.")
        return
    lead = tuple(weight.shape)[: max(0, weight.ndim - len(wanted))]
    fits = len(lead) < 2 and tuple(weight.shape) == (*lead, *wanted)
    if not fits or (lead and (not lead[0] or array.shape[1] % lead[0])):
        raise DataError(
            f"weight of {layer.name}: got shape {tuple(weight.shape)}; expected {wanted}, or R of"
            f" these with R a divisor of the batch axis, {array.shape[1]}."
        )


def require_units(name: str, array: Tensor, units: int) -> None:
    """Check that an activity is (t, R*B, units).

    Raises
    ------
    DataError
        If it has another number of axes or units.
    """
    if array.ndim != 3 or array.shape[2] != units:
        raise DataError(f"{name}: got shape {tuple(array.shape)}; expected (t, R*B, {units}).")


def require_outputs(network: Network, outputs: Tensor, targets: Tensor) -> None:
    """Check the outputs that a loss is asked of.

    Raises
    ------
    DataError
        If they are not (t, R*B, m), or the targets not (R*B,).
    ConfigurationError
        If the loss is of the sequence and they are not the whole of it.
    """
    if outputs.ndim != 3 or tuple(targets.shape) != (outputs.shape[1],):
        raise DataError(
            f"outputs: got shape {tuple(outputs.shape)} with targets {tuple(targets.shape)};"
            " expected (t, R*B, m) with (R*B,)."
        )
    if network.loss.over == "sequence" and len(outputs) < network.steps:
        raise ConfigurationError(
            f"outputs: got {len(outputs)} steps with a loss of the sequence; expected the whole"
            f" sequence, T = {network.steps}."
        )
