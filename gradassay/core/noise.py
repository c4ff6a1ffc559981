"""Noise that is injected on spikes: its law, its pairing over time, its draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.errors import ConfigurationError, is_real, unknown_name
from gradassay.core.keys import Key
from gradassay.core.network import Network

Law = Literal["gaussian", "rademacher", "sphere"]
Pairing = Literal["none", "time"]


@dataclass(frozen=True)
class NoiseModel:
    """How the noise z of a method is distributed; the network receives ``s + scale * z``.

    Parameters
    ----------
    scale : float
        alpha, in units of a spike, positive.
    law : {"gaussian", "rademacher", "sphere"}
        All have mean 0 and second moment ``E[z z^T] = I``. ``"sphere"`` is uniform on the sphere of
        radius sqrt(n) for each layer, step and sample.
    pairing : {"none", "time"}
        ``"time"``: steps 2j and 2j + 1 carry z and -z (antithetic). With an odd number of steps the
        last one has a draw of its own without a partner.
    """

    scale: float
    law: Law = "gaussian"
    pairing: Pairing = "none"

    def __post_init__(self) -> None:
        if not (is_real(self.scale) and 0 < self.scale < math.inf):
            raise ConfigurationError(f"alpha: got {self.scale!r}; expected a positive number.")
        if self.law not in get_args(Law):
            raise unknown_name("noise law", self.law, get_args(Law))
        if self.pairing not in get_args(Pairing):
            raise unknown_name("noise pairing", self.pairing, get_args(Pairing))


@dataclass(frozen=True)
class Noise:
    """Noise of one forward pass.

    Parameters
    ----------
    scale : float
        alpha.
    values : mapping from spiking layer's name to array, shape (T, R*B, n)
        z itself, without the scale. Replicates are folded into the batch axis, replicate-major.
        A layer that is absent receives none.
    """

    scale: float
    values: Mapping[str, Array] = field(default_factory=dict)


def draw_noise(
    model: NoiseModel,
    network: Network,
    samples: int,
    key: Key,
    replicates: Sequence[int] = (0,),
    dtype: type[np.floating] = np.float64,
) -> Noise:
    """Draw the noise of all spiking layers for some replicates.

    Parameters
    ----------
    model : NoiseModel
        Law, scale and pairing.
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
        NumPy arrays of shape ``(T, R*B, n)``.
    """
    values = {}
    for layer in network.spiking:
        shape = (network.steps, samples, layer.units)
        generators = (key / layer.name).numbered(replicates)
        drawn = np.stack([_paired(model, shape, g, dtype) for g in generators], axis=1)
        values[layer.name] = drawn.reshape(network.steps, -1, layer.units)
    return Noise(model.scale, values)


def _paired(
    model: NoiseModel,
    shape: tuple[int, int, int],
    generator: np.random.Generator,
    dtype: type[np.floating],
) -> np.ndarray:
    """Draw one layer and replicate, shape (T, B, n)."""
    if model.pairing == "none":
        return _draw(model.law, shape, generator, dtype)
    steps = shape[0]
    half = _draw(model.law, ((steps + 1) // 2, *shape[1:]), generator, dtype)
    return np.stack([half, -half], axis=1).reshape(-1, *shape[1:])[:steps]


def _draw(
    law: Law, shape: tuple[int, ...], generator: np.random.Generator, dtype: type[np.floating]
) -> np.ndarray:
    if law == "rademacher":
        return _random_signs(shape, generator, dtype)
    normal = generator.standard_normal(shape, dtype=dtype)
    if law == "gaussian":
        return normal
    radius = np.linalg.norm(normal, axis=-1, keepdims=True)
    on_sphere: np.ndarray = np.multiply(normal, math.sqrt(shape[-1]) / radius, dtype=dtype)
    return on_sphere


def _random_signs(
    shape: tuple[int, ...], generator: np.random.Generator, dtype: type[np.floating]
) -> np.ndarray:
    """Signs from raw bits, one bit a sign."""
    count = math.prod(shape)
    raw = np.asarray(generator.bit_generator.random_raw(-(-count // 64)), dtype=np.uint64)
    signs = np.unpackbits(raw.view(np.uint8), count=count).astype(dtype)
    signs *= 2
    signs -= 1
    return signs.reshape(shape)
