"""Noise: its law, its pairing, where it goes, its draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.errors import ConfigurationError, DataError, is_real, unknown_name
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.signs import LazySigns, RawSigns, draw_raw_signs, draw_signs

Law = Literal["gaussian", "rademacher", "sphere", "uniform", "laplace"]
Pairing = Literal["none", "time", "batch"]
Position = Literal["spike", "membrane", "none", "weights"]
INJECTED = ("spike", "membrane")


@dataclass(frozen=True)
class NoiseModel:
    """How the noise z of a method is distributed, and where it goes.

    Parameters
    ----------
    scale : float
        alpha, in units of a spike or of the membrane potential, positive.
    law : {"gaussian", "rademacher", "sphere", "uniform", "laplace"}
        All have mean 0 and second moment ``E[z z^T] = I``: signs; uniform on the sphere of radius
        sqrt(n) for each layer, step and sample; uniform on [-sqrt 3, sqrt 3]; Laplace of scale
        1 / sqrt 2.
    pairing : {"none", "time", "batch"}
        ``"time"``: steps 2j and 2j + 1 carry z and -z (antithetic). With an odd number of steps the
        last one has a draw of its own without a partner. ``"batch"``: the second half of the batch
        carries the negative of the first half's; with an odd number of samples the last of the
        first half has no partner.
    position : {"spike", "membrane", "none", "weights"}
        ``"spike"``: the next layer receives ``s + alpha z``. ``"membrane"``: the firing sees
        ``u + alpha z``. ``"none"``: drawn for each unit of the spiking layers, but not injected:
        the method uses it elsewhere. ``"weights"``: one draw for each parameter, shared by the
        batch.
    """

    scale: float
    law: Law = "gaussian"
    pairing: Pairing = "none"
    position: Position = "spike"

    def __post_init__(self) -> None:
        if not (is_real(self.scale) and 0 < self.scale < math.inf):
            raise ConfigurationError(f"alpha: got {self.scale!r}; expected a positive number.")
        for kind, got, valid in (
            ("noise law", self.law, get_args(Law)),
            ("noise pairing", self.pairing, get_args(Pairing)),
            ("noise position", self.position, get_args(Position)),
        ):
            if got not in valid:
                raise unknown_name(kind, got, valid)

    @property
    def injected(self) -> bool:
        """Whether the forward pass takes it in."""
        return self.position in INJECTED


@dataclass(frozen=True)
class Noise:
    """Noise of one forward pass.

    Parameters
    ----------
    scale : float
        alpha.
    values : mapping from spiking layer's name to array, shape (T, R*B, n)
        z itself, without the scale. Replicates are folded into the batch axis, replicate-major.
        A layer that is absent receives none. Noise on the weights: by parameter's name, shape
        ``(R, *shape)``.
    position : str
        As in `NoiseModel`. A forward pass takes noise on spikes or membrane potentials only.
    """

    scale: float
    values: Mapping[str, Array] = field(default_factory=dict)
    position: Position = "spike"

    @property
    def raw(self) -> Mapping[str, RawSigns]:
        """The bits of layers whose noise is signs that are not made yet."""
        return self.values.raw if isinstance(self.values, LazySigns) else {}

    def map(self, function: Callable[[Array], Array]) -> Noise:
        """Return the noise with a function applied to each array."""
        return replace(self, values={name: function(z) for name, z in self.values.items()})

    def placed(self, function: Callable[[np.ndarray], Array]) -> Noise:
        """Return the same noise as arrays of another library, which a function makes of NumPy's."""
        if isinstance(self.values, LazySigns):
            return replace(self, values=self.values.placed(function))
        return self.map(function)


def draw_noise(
    model: NoiseModel,
    network: Network,
    samples: int,
    key: Key,
    replicates: Sequence[int] = (0,),
    dtype: type[np.floating] = np.float64,
) -> Noise:
    """Draw the noise of all hidden spiking layers, or of all parameters, for some replicates.

    Parameters
    ----------
    model : NoiseModel
        Law, scale, pairing and position.
    network : Network
        Gives layers and T.
    samples : int
        B, samples in the batch of one replicate.
    key : Key
        The draw of a layer and replicate is the sub-stream of that number of ``key / layer``: it
        does not depend on which other replicates are drawn with it.
    replicates : sequence of int
        Numbers of the replicates.
    dtype : float32 or float64
        Gaussian draws of the two are different numbers of the same law.

    Returns
    -------
    Noise
        NumPy arrays of shape ``(T, R*B, n)``; on the weights ``(R, *shape)``.
    """
    values = {}
    if model.position == "weights":
        for name, weight_shape in network.shapes.items():
            drawn = [
                draw(model.law, weight_shape, g, dtype) for g in (key / name).numbered(replicates)
            ]
            values[name] = np.stack(drawn)
        return Noise(model.scale, values, model.position)
    signs = _lazy_signs(model, network, samples, key, replicates, dtype)
    if signs is not None:
        return Noise(model.scale, signs, model.position)
    for layer in network.spiking:
        shape = (network.steps, samples, layer.units)
        generators = (key / layer.name).numbered(replicates)
        drawn = [_paired(model, shape, g, dtype) for g in generators]
        stacked = np.stack(drawn, axis=1) if len(drawn) > 1 else drawn[0]
        values[layer.name] = stacked.reshape(network.steps, -1, layer.units)
    return Noise(model.scale, values, model.position)


def _lazy_signs(
    model: NoiseModel,
    network: Network,
    samples: int,
    key: Key,
    replicates: Sequence[int],
    dtype: type[np.floating],
) -> LazySigns | None:
    """Draw signs as bits, independent or in pairs of steps; None where they cannot stay bits."""
    if model.law != "rademacher" or model.pairing == "batch":
        return None
    raw = {}
    for layer in network.spiking:
        shape = (network.steps, samples, layer.units)
        generators = (key / layer.name).numbered(replicates)
        drawn = draw_raw_signs(shape, generators, pairs=model.pairing == "time")
        if drawn is None:
            return None
        raw[layer.name] = drawn
    return LazySigns(raw, dtype)


def require_injectable(network: Network, noise: Noise, steps: int, rows: int) -> None:
    """Check position, names and shapes (t, R*B, n) of noise that a forward pass is given.

    Raises
    ------
    UsageError
        If it is not for a forward pass, or a name is not a hidden spiking layer's.
    DataError
        If an array has another shape.
    """
    if noise.position not in INJECTED:
        raise unknown_name("noise position", noise.position, INJECTED)
    units = {layer.name: layer.units for layer in network.spiking}
    for name in noise.values:
        if name not in units:
            raise unknown_name("noise layer", name, units)
        expected = (steps, rows, units[name])
        shape = noise.raw[name].shape if name in noise.raw else tuple(noise.values[name].shape)
        if shape != expected:
            raise DataError(
                f"noise of {name}: got shape {shape}; expected {expected},"
                " (steps of the block, batch axis, units)."
            )


def _paired(
    model: NoiseModel,
    shape: tuple[int, int, int],
    generator: np.random.Generator,
    dtype: type[np.floating],
) -> np.ndarray:
    """Draw one layer and replicate, shape (T, B, n)."""
    if model.pairing == "none":
        return draw(model.law, shape, generator, dtype)
    steps, samples, units = shape
    if model.pairing == "time":
        half = draw(model.law, ((steps + 1) // 2, samples, units), generator, dtype)
        pairs = np.empty((len(half), 2, samples, units), dtype)
        pairs[:, 0] = half
        np.negative(half, out=pairs[:, 1])
        return pairs.reshape(-1, samples, units)[:steps]
    half = draw(model.law, (steps, (samples + 1) // 2, units), generator, dtype)
    return np.concatenate([half, -half[:, : samples // 2]], axis=1)


def draw(
    law: Law, shape: tuple[int, ...], generator: np.random.Generator, dtype: type[np.floating]
) -> np.ndarray:
    """Draw numbers of mean 0 and variance 1; the sphere is that of the last axis."""
    if law == "rademacher":
        return draw_signs(shape, generator, dtype)
    if law == "uniform":
        return generator.uniform(-math.sqrt(3), math.sqrt(3), shape).astype(dtype, copy=False)
    if law == "laplace":
        return generator.laplace(0, math.sqrt(0.5), shape).astype(dtype, copy=False)
    normal = generator.standard_normal(shape, dtype=dtype)
    if law == "gaussian":
        return normal
    radius = np.linalg.norm(normal, axis=-1, keepdims=True)
    on_sphere: np.ndarray = normal * (math.sqrt(shape[-1]) / radius)
    return on_sphere
