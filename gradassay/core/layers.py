"""Specifications of a network's layers: pure data, no arrays.

Activities are vectors everywhere: ``n`` units, where an image or a feature map of shape
(channels, rows, columns) lies in C order. Only the layers that need the shape know it. A layer is
fed by the layer before it in the network, or by the one that its `source` names; ``"input"`` is the
network's input.

Groups of them, as functions take them: `Affine` layers are ``W x + b``, `Weighted` ones have
parameters, `Fixed` ones have none, and a `Synapse` is either: a map without memory.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import msgspec

from gradassay.core.errors import ConfigurationError

MapShape: TypeAlias = tuple[int, int, int]

# under the root of the scaled weight standardisation
STANDARDISATION_EPSILON = 1e-4


def require(condition: bool, name: str, got: object, expected: str) -> None:
    """Refuse a field of a specification.

    Raises
    ------
    ConfigurationError
        Says the field, what it holds and what was expected.
    """
    if not condition:
        raise ConfigurationError(f"{name}: got {got!r}; expected {expected}.")


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the specifications: frozen, hashable, JSON both ways."""


class UnitWise(Spec, frozen=True):
    """Base of the layers that have as many outputs as inputs, one for each unit."""

    name: str
    units: int

    def __post_init__(self) -> None:
        require(self.units >= 1, f"{self.name}.units", self.units, "at least 1")

    @property
    def inputs(self) -> int:
        """Units."""
        return self.units

    @property
    def outputs(self) -> int:
        """Units."""
        return self.units


class OnMaps(Spec, frozen=True):
    """Base of the layers that see their input as feature maps, (channels, rows, columns)."""

    name: str
    input_shape: MapShape

    def __post_init__(self) -> None:
        expected = "(channels, rows, columns), each >= 1"
        require(min(self.input_shape) >= 1, f"{self.name}.input_shape", self.input_shape, expected)

    @property
    def inputs(self) -> int:
        """Input units."""
        return math.prod(self.input_shape)


class Linear(Spec, frozen=True, tag="linear"):
    """A dense layer, ``W x + b``.

    Parameters
    ----------
    name : str
        Its parameters are ``name.weight`` (outputs, inputs), where wanted ``name.bias`` (outputs,)
        and, where standardised, ``name.gain`` (outputs,).
    inputs, outputs : int
        Units.
    bias : bool
        Add b.
    standardised : bool
        Scaled weight standardisation: in place of the weight w, for each output unit,
        ``gain * (w - mean(w)) / sqrt(var(w) * fan_in + 1e-4)``, mean and unbiased variance over
        the unit's incoming weights.
    source : str or None
        The layer that feeds it; None for the one before.
    """

    name: str
    inputs: int
    outputs: int
    bias: bool = True
    standardised: bool = False
    source: str | None = None

    def __post_init__(self) -> None:
        require(self.inputs >= 1, f"{self.name}.inputs", self.inputs, "at least 1")
        require(self.outputs >= 1, f"{self.name}.outputs", self.outputs, "at least 1")
        _require_spread(self)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(outputs, inputs)."""
        return (self.outputs, self.inputs)

    @property
    def fan_in(self) -> int:
        """Incoming weights of a unit."""
        return self.inputs

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters by dotted name."""
        return _shapes(self, self.outputs)


class Conv2d(OnMaps, frozen=True, tag="conv2d"):
    """A convolution (cross-correlation) of feature maps with a square kernel, zero padding.

    Parameters
    ----------
    name : str
        Its parameters are ``name.weight`` (channels, input channels, kernel, kernel) and, as in
        `Linear`, ``name.bias`` and ``name.gain`` (channels,).
    input_shape : tuple of int
        (channels, rows, columns) of the input.
    channels : int
        Of the output.
    kernel, stride, padding : int
        Side of the kernel, step between its positions, rows and columns of zeros on each side.
    bias, standardised, source
        As in `Linear`; incoming weights are those of one output channel.
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    bias: bool = True
    standardised: bool = False
    source: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for field, least in (("channels", 1), ("kernel", 1), ("stride", 1), ("padding", 0)):
            value = getattr(self, field)
            require(value >= least, f"{self.name}.{field}", value, f"at least {least}")
        fits = min(self.input_shape[1:]) + 2 * self.padding >= self.kernel
        require(fits, f"{self.name}.kernel", self.kernel, "at most the padded rows and columns")
        _require_spread(self)

    @property
    def output_shape(self) -> MapShape:
        """(channels, rows, columns) of the output."""
        rows, columns = (
            (side + 2 * self.padding - self.kernel) // self.stride + 1
            for side in self.input_shape[1:]
        )
        return (self.channels, rows, columns)

    @property
    def outputs(self) -> int:
        """Output units."""
        return math.prod(self.output_shape)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(channels, input channels, kernel, kernel)."""
        return (self.channels, self.input_shape[0], self.kernel, self.kernel)

    @property
    def fan_in(self) -> int:
        """Incoming weights of a unit."""
        return self.input_shape[0] * self.kernel**2

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters by dotted name."""
        return _shapes(self, self.channels)


class Gain(UnitWise, frozen=True, tag="gain"):
    """One learnt factor on all units, ``gain * x`` (the skip-init gain of a residual branch).

    Parameters
    ----------
    name : str
        Its parameter is ``name.weight``, of shape (1,).
    units : int
        Of input and output.
    initial : float
        Where the factor starts.
    source : str or None
        As in `Linear`.
    """

    initial: float = 1.0
    source: str | None = None

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(1,)."""
        return (1,)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of the parameter by dotted name."""
        return {f"{self.name}.weight": (1,)}


class AvgPool(OnMaps, frozen=True, tag="avg_pool"):
    """Means over squares of ``kernel`` x ``kernel`` that do not overlap.

    Rows and columns that are left over at the end are not seen, as in ``torch.nn.AvgPool2d``.

    Parameters
    ----------
    name : str
    input_shape : tuple of int
        (channels, rows, columns) of the input.
    kernel : int
        Side of a square.
    source : str or None
        As in `Linear`.
    """

    kernel: int = 2
    source: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        fits = 1 <= self.kernel <= min(self.input_shape[1:])
        require(fits, f"{self.name}.kernel", self.kernel, "1 to the rows and columns of the input")

    @property
    def output_shape(self) -> MapShape:
        """(channels, rows, columns) of the output."""
        channels, rows, columns = self.input_shape
        return (channels, rows // self.kernel, columns // self.kernel)

    @property
    def outputs(self) -> int:
        """Output units."""
        return math.prod(self.output_shape)


class Flatten(OnMaps, frozen=True, tag="flatten"):
    """Feature maps to a vector: in C order, so nothing moves."""

    source: str | None = None

    @property
    def outputs(self) -> int:
        """Units."""
        return self.inputs


class Scale(UnitWise, frozen=True, tag="scale"):
    """A fixed factor on all units, ``factor * x``."""

    factor: float
    source: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(math.isfinite(self.factor), f"{self.name}.factor", self.factor, "a finite number")


class Sum(UnitWise, frozen=True, tag="sum"):
    """The sum of the outputs of some layers (a residual sum)."""

    of: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        different = len(set(self.of)) == len(self.of) >= 2
        require(different, f"{self.name}.of", self.of, "two or more different layers")


class Spiking(UnitWise, frozen=True, tag="spiking"):
    """A population of neurons, one for each unit of the layer that feeds it."""

    source: str | None = None


Affine: TypeAlias = Linear | Conv2d
Weighted: TypeAlias = Affine | Gain
Fixed: TypeAlias = AvgPool | Flatten | Scale
Synapse: TypeAlias = Weighted | Fixed
Layer: TypeAlias = Synapse | Sum | Spiking


def _shapes(layer: Affine, units: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of weight, bias and gain, those that the layer has."""
    shapes: dict[str, tuple[int, ...]] = {f"{layer.name}.weight": layer.weight_shape}
    if layer.bias:
        shapes[f"{layer.name}.bias"] = (units,)
    if layer.standardised:
        shapes[f"{layer.name}.gain"] = (units,)
    return shapes


def _require_spread(layer: Affine) -> None:
    """Refuse to standardise a single incoming weight: it has no variance."""
    if layer.standardised:
        require(layer.fan_in >= 2, f"fan-in of {layer.name}", layer.fan_in, "2 to standardise")
