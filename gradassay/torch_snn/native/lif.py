"""The fused pass over one layer's neurons, called on tensors."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gradassay.core.neuron import Neuron
from gradassay.torch_snn.native.compiled import (
    PRECISIONS,
    entry,
    native_library,
    require_dtype,
    require_fit,
)
from gradassay.torch_snn.native.packing import words_of
from gradassay.torch_snn.neuron import Scaled, ScaledSigns

RESETS = ("soft", "hard", "none")
SURROGATES = ("sigmoid", "arctan", "triangle", "rectangle", "superspike", "gaussian")
GIVEN = ("currents", "rested", "noise", "signs", "trace_before", "received_trace_before")
LEFT = ("left", "trace_left", "received_trace_left")
MADE = ("membrane", "spikes", "received", "derivative", "trace", "received_trace")


@dataclass
class Fused:
    """What one fused pass takes and makes.

    Parameters
    ----------
    currents : tensor, shape (t, R*B, n), or (R*B, n) where they are static
        I.
    steps : int
        t.
    rested : tensor, shape (R*B, n), or None
        v of the step before; None for 0.
    noise : Scaled, ScaledSigns or None
        alpha and z.
    on_membrane : bool
        Whether the noise is on the membrane potential that the firing sees, or on the spikes.
    traces : mapping from record to tensor (R*B, n) or None
        ``trace`` (of the clean spikes), ``received_trace`` (with the noise on them): the step
        before's, None for 0. Of those that are there the last step is made, of all that are
        wanted all steps.
    wanted : set of str
        Of `MADE`, and ``bits``; these only for n that 8 divides where the noise is bits too.
    overwrite : bool
        Put the derivative, or the membrane potential, in the memory of the currents.
    """

    currents: Tensor
    steps: int
    rested: Tensor | None = None
    noise: Scaled | ScaledSigns | None = None
    on_membrane: bool = False
    traces: Mapping[str, Tensor | None] = field(default_factory=dict[str, Tensor | None])
    wanted: frozenset[str] = frozenset()
    overwrite: bool = False


def available(neuron: Neuron, tensor: Tensor) -> bool:
    """Return whether the fused pass takes such a neuron and such a tensor here.

    Parameters
    ----------
    neuron : Neuron
        Smooth neurons have no fused pass.
    tensor : tensor
        Of float32 or float64 on the CPU.
    """
    on_cpu = tensor.device.type == "cpu" and tensor.dtype in PRECISIONS
    return on_cpu and not neuron.smooth and native_library() is not None


def run(neuron: Neuron, given: Fused) -> dict[str, Tensor]:
    """Return what was wanted, each (t, R*B, n), and ``left``: v of the last step.

    ``trace_left`` and ``received_trace_left`` are the last step of the traces, ``bits`` the words
    that `gradassay.torch_snn.native.packing.pack` makes of the clean spikes.

    The equations are those of `gradassay.torch_snn.neuron.scan`,
    `gradassay.torch_snn.surrogate.surrogate_derivative` and `gradassay.torch_snn.traces`.

    Parameters
    ----------
    neuron : Neuron
        Not smooth.
    given : Fused
        Tensors of one precision on the CPU.

    Raises
    ------
    DataError
        If shapes or precisions do not fit each other.
    """
    shape = (given.steps, *given.currents.shape[-2:])
    arrays = _contiguous(given, shape)
    currents, static = arrays["currents"], given.currents.ndim == 2
    made = {name: currents.new_empty(shape) for name in given.wanted if name in MADE}
    if given.overwrite and not static:
        reused = next((name for name in ("derivative", "membrane") if name in made), None)
        if reused:
            made[reused] = currents
    if "bits" in given.wanted:
        made["bits"] = words_of(1, shape[0] * shape[1], shape[2])
    left = {"left": currents.new_empty(shape[1:])}
    left |= {f"{name}_left": currents.new_empty(shape[1:]) for name in given.traces}
    layer, call = _entry(currents.dtype)
    call(
        layer(
            steps=given.steps,
            size=left["left"].numel(),
            row=shape[2],
            current_stride=0 if static else left["left"].numel(),
            **{name: _address(arrays.get(name)) for name in GIVEN},
            **{name: _address(made.get(name)) for name in MADE},
            **{name: _address(left.get(name)) for name in LEFT},
            bits=_address(made.get("bits")),
            scale=0.0 if given.noise is None else given.noise.scale,
            leak=neuron.leak,
            threshold=neuron.threshold,
            sharpness=neuron.surrogate.scale,
            on_membrane=given.on_membrane,
            reset=RESETS.index(neuron.reset),
            surrogate=SURROGATES.index(neuron.surrogate.kind),
            pairs=isinstance(given.noise, ScaledSigns) and given.noise.signs.pairs,
        ),
        torch.get_num_threads(),
    )
    return {**made, **left}


def _contiguous(given: Fused, shape: tuple[int, ...]) -> dict[str, Tensor]:
    """Return what a pass is given, of `GIVEN`, row after row in memory, checked."""
    arrays = {
        "currents": given.currents,
        "rested": given.rested,
        "noise": given.noise.values if isinstance(given.noise, Scaled) else None,
        "trace_before": given.traces.get("trace"),
        "received_trace_before": given.traces.get("received_trace"),
    }
    shapes = {"noise": shape, "currents": shape[1:] if given.currents.ndim == 2 else shape}
    found = {name: array.contiguous() for name, array in arrays.items() if array is not None}
    for name, array in found.items():
        require_fit(name, tuple(array.shape), shapes.get(name, shape[1:]))
        require_dtype(name, array.dtype, given.currents.dtype)
    if isinstance(given.noise, ScaledSigns):
        require_fit("noise", given.noise.signs.shape, shape)
        found["signs"] = torch.from_numpy(given.noise.signs.raw).contiguous()
    return found


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


@cache
def _entry(dtype: torch.dtype) -> tuple[type[ctypes.Structure], Any]:
    """Return the arguments' structure, as in lif.h, and the function that takes it."""
    name, real = PRECISIONS[dtype]
    fields: list[tuple[str, Any]] = [(n, ctypes.c_int64) for n in ("steps", "size", "row")]
    fields += [("current_stride", ctypes.c_int64)]
    fields += [(n, ctypes.c_void_p) for n in (*GIVEN, *MADE, *LEFT, "bits")]
    fields += [(n, real) for n in ("scale", "leak", "threshold", "sharpness")]
    fields += [(n, ctypes.c_int32) for n in ("on_membrane", "reset", "surrogate", "pairs")]
    structure = type(f"Layer_{name}", (ctypes.Structure,), {"_fields_": fields})
    return structure, entry(f"run_{name}", (ctypes.POINTER(structure), ctypes.c_int32))
