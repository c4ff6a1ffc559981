"""From the fields of a stored node to a checked node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError, DataError, GradassayError
from gradassay.crosscheck.nir.nodes import (
    Affine,
    Conv,
    Delay,
    Flatten,
    Float,
    Identity,
    Input,
    Linear,
    Neuron,
    Node,
    Output,
    Padding,
    Pool,
    Scale,
    Shape,
    Threshold,
)
from gradassay.crosscheck.nir.stored import Stored

LARGEST = 2**31


@dataclass(frozen=True)
class Fields:
    """The fields of one node, taken by name and kind, with messages that name the node."""

    name: str
    kind: str
    stored: Stored

    def problem(self, field: str, text: str) -> str:
        """Return a message about a field."""
        return f"node {self.name!r} ({self.kind}): {field}: {text}"

    def numbers(self, field: str, default: Float | None = None) -> Float:
        """Return finite numbers in float64."""
        if field not in self.stored and default is not None:
            return default
        value = self._stored(field)
        if isinstance(value, str) or value.dtype.kind == "b":
            raise DataError(self.problem(field, "expected numbers."))
        values = np.asarray(value, np.float64)
        if not np.isfinite(values).all():
            raise ConfigurationError(self.problem(field, "not finite; expected finite numbers."))
        return values

    def positive(self, field: str) -> Float:
        """Return numbers above zero."""
        values = self.numbers(field)
        if not (values > 0).all():
            got = f"got {values.min():g}; expected times above 0."
            raise ConfigurationError(self.problem(field, got))
        return values

    def integers(self, field: str, least: int) -> tuple[int, ...]:
        """Return whole numbers of a vector or a single one."""
        value = self._stored(field)
        if isinstance(value, str) or value.dtype.kind not in "iu" or value.ndim > 1:
            raise DataError(self.problem(field, "expected whole numbers."))
        found = tuple(int(each) for each in value.ravel()[:16])
        if value.size > 8 or any(not least <= each < LARGEST for each in found):
            raise DataError(self.problem(field, f"got {found}; expected at least {least}."))
        return found

    def repeated(self, field: str, count: int, least: int) -> tuple[int, ...]:
        """Return so many whole numbers; a single one stands for all."""
        found = self.integers(field, least)
        found = found * count if len(found) == 1 else found
        if len(found) != count:
            raise DataError(self.problem(field, f"got {found}; expected {count} numbers."))
        return found

    def single(self, field: str, least: int) -> int:
        """Return one whole number."""
        return self.repeated(field, 1, least)[0]

    def shape(self, field: str) -> Shape:
        """Return a shape."""
        return self.integers(field, 1)

    def _stored(self, field: str) -> NDArray[Any] | str:
        if field not in self.stored:
            raise DataError(self.problem(field, "is missing."))
        return self.stored[field]


def decode_node(name: str, kind: str, stored: Stored) -> Node:
    """Return the node that a kind and its stored fields describe.

    Raises
    ------
    DataError
        A kind that is not supported, or a field that is missing, unknown or of another type.
    ConfigurationError
        A value that makes no sense: not finite, or a time constant that is not above 0.
    """
    if kind not in DECODERS:
        names = ", ".join([*sorted(DECODERS), "NIRGraph"])
        raise DataError(f"node {name!r}: type {kind[:40]!r} is not supported; expected {names}.")
    decode, known = DECODERS[kind]
    extra = sorted(set(stored) - set(known))
    fields = Fields(name, kind, stored)
    if extra:
        raise DataError(fields.problem(extra[0], f"is not known; expected {', '.join(known)}."))
    return decode(fields)


def _input(fields: Fields) -> Input:
    return Input(fields.shape("shape"))


def _output(fields: Fields) -> Output:
    return Output(fields.shape("shape"))


def _affine(fields: Fields) -> Affine:
    weight, bias = _matrix(fields), fields.numbers("bias")
    if bias.shape != weight.shape[:-1]:
        raise _shapes(fields, "bias", bias, weight.shape[:-1])
    return Affine(weight, bias)


def _linear(fields: Fields) -> Linear:
    return Linear(_matrix(fields))


def _matrix(fields: Fields) -> Float:
    weight = fields.numbers("weight")
    if weight.ndim < 2:
        raise DataError(fields.problem("weight", f"{weight.ndim} axes; expected 2 or more."))
    return weight


def _conv(fields: Fields) -> Conv:
    axes = 1 if fields.kind == "Conv1d" else 2
    weight, bias = fields.numbers("weight"), fields.numbers("bias")
    groups = fields.single("groups", 1)
    if weight.ndim != axes + 2 or weight.size == 0:
        problem = f"shape {weight.shape}; expected {axes + 2} axes of at least 1."
        raise DataError(fields.problem("weight", problem))
    if weight.shape[0] % groups:
        problem = f"{groups} do not divide {weight.shape[0]} output channels."
        raise DataError(fields.problem("groups", problem))
    if bias.shape != weight.shape[:1]:
        raise _shapes(fields, "bias", bias, weight.shape[:1])
    stride, padding = fields.repeated("stride", axes, 1), _padding(fields, axes)
    if padding == "same" and set(stride) != {1}:
        raise DataError(fields.problem("padding", "'same' needs a stride of 1."))
    shape = fields.repeated("input_shape", axes, 1) if "input_shape" in fields.stored else None
    dilation = fields.repeated("dilation", axes, 1)
    return Conv(weight, bias, stride, padding, dilation, groups, shape)


def _padding(fields: Fields, axes: int) -> Padding:
    value = fields.stored.get("padding")
    if isinstance(value, str):
        if value == "same":
            return "same"
        if value == "valid":
            return "valid"
        problem = f"got {value[:40]!r}; expected same, valid or numbers."
        raise DataError(fields.problem("padding", problem))
    return fields.repeated("padding", axes, 0)


def _pool(fields: Fields) -> Pool:
    sizes = fields.repeated("kernel_size", 2, 1)
    strides, padding = fields.repeated("stride", 2, 1), fields.repeated("padding", 2, 0)
    return Pool(fields.kind == "AvgPool2d", sizes, strides, padding)


def _flatten(fields: Fields) -> Flatten:
    start, end = fields.single("start_dim", -8), fields.single("end_dim", -8)
    shape = fields.shape("input_type") if "input_type" in fields.stored else None
    return Flatten(start, end, shape)


def _scale(fields: Fields) -> Scale:
    return Scale(fields.numbers("scale"))


def _threshold(fields: Fields) -> Threshold:
    return Threshold(fields.numbers("threshold"))


def _delay(fields: Fields) -> Delay:
    delay = fields.numbers("delay")
    if (delay < 0).any():
        raise ConfigurationError(
            fields.problem("delay", f"got {delay.min():g}; expected 0 or more.")
        )
    return Delay(delay)


def _neuron(fields: Fields) -> Neuron:
    kind, found = fields.kind, {"r": fields.numbers("r")}
    cuba = kind.startswith("Cuba")
    if "L" in kind:
        found["tau"] = fields.positive("tau_mem" if cuba else "tau")
        found["v_leak"] = fields.numbers("v_leak")
    if cuba:
        found["tau_syn"] = fields.positive("tau_syn")
    if kind.endswith("F"):
        found["v_threshold"] = fields.numbers("v_threshold")
        zeros = np.zeros_like(found["v_threshold"])
        found["v_reset"] = fields.numbers("v_reset", zeros)  # files before NIR 1.0.5 have none
    for field, values in found.items():
        if values.shape != found["r"].shape:
            raise _shapes(fields, field, values, found["r"].shape)
    if cuba:
        found["w_in"] = fields.numbers("w_in", np.ones_like(found["r"]))
        if found["w_in"].shape not in ((), found["r"].shape):
            raise _shapes(fields, "w_in", found["w_in"], found["r"].shape)
    return Neuron(kind, **found)


def _shapes(fields: Fields, field: str, values: Float, expected: Shape) -> GradassayError:
    """Return the error for a parameter whose shape is not that of the others."""
    return DataError(fields.problem(field, f"shape {values.shape}; expected {expected}."))


CONV = ("weight", "bias", "stride", "padding", "dilation", "groups", "input_shape")
POOL = ("kernel_size", "stride", "padding")
SPIKES = ("v_threshold", "v_reset")
CUBA = ("tau_syn", "tau_mem", "r", "v_leak", "w_in")
DECODERS: dict[str, tuple[Callable[[Fields], Node], tuple[str, ...]]] = {
    "Input": (_input, ("shape",)),
    "Output": (_output, ("shape",)),
    "Affine": (_affine, ("weight", "bias")),
    "Linear": (_linear, ("weight",)),
    "Conv1d": (_conv, CONV),
    "Conv2d": (_conv, CONV),
    "AvgPool2d": (_pool, POOL),
    "SumPool2d": (_pool, POOL),
    "Flatten": (_flatten, ("start_dim", "end_dim", "input_type")),
    "Scale": (_scale, ("scale",)),
    "Threshold": (_threshold, ("threshold",)),
    "Delay": (_delay, ("delay",)),
    "I": (_neuron, ("r",)),
    "IF": (_neuron, ("r", *SPIKES)),
    "LI": (_neuron, ("tau", "r", "v_leak")),
    "LIF": (_neuron, ("tau", "r", "v_leak", *SPIKES)),
    "CubaLI": (_neuron, CUBA),
    "CubaLIF": (_neuron, (*CUBA, *SPIKES)),
}


def as_identity(node: Node) -> Node:
    """Return an inner graph's input or output as the identity that it is."""
    return Identity(node.shape) if isinstance(node, Input | Output) else node
