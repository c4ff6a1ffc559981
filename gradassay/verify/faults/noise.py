"""Faults of the drawn noise: its law, its scale, its independence, its pairs."""

# ruff: noqa: D102  (overridden methods; each class says what is wrong)

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.keys import Key
from gradassay.core.layers import Conv2d
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.estimators.forward_gradient import ForwardGradient
from gradassay.estimators.localzo import LocalZO
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.pzo_two_point import PZOTwoPoint
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.estimators.zo_two_point import ZOTwoPoint
from gradassay.verify.faults.changes import OtherNoise, by_sample, of_kind


@dataclass(frozen=True)
class UniformOfOne(OtherNoise, ZOSinglePoint):
    """Uniform noise on [-1, 1], without sqrt 3: its variance is 1/3."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(lambda z: z / math.sqrt(3))


@dataclass(frozen=True)
class UnitSphere(OtherNoise, ForwardGradient):
    """Directions of length 1, not sqrt n."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(lambda z: z / math.sqrt(z.shape[-1]))


@dataclass(frozen=True)
class SignsOfNormals(OtherNoise, OPZO):
    """Signs where Gaussian noise is said: the first two moments are right."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(lambda z: array_namespace(z).sign(z))


@dataclass(frozen=True)
class AlphaAsVariance(OtherNoise, PZOTwoPoint):
    """alpha is taken for the variance of the noise."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return replace(noise, scale=math.sqrt(noise.scale))


@dataclass(frozen=True)
class SharedOverBatch(OtherNoise, ZOSinglePoint):
    """All samples of a batch have the same noise."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(lambda z: _first_sample(z, samples))


@dataclass(frozen=True)
class DirectionSharedOverBatch(OtherNoise, ForwardGradient):
    """All samples of a batch have the same direction."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(lambda z: _first_sample(z, samples))


@dataclass(frozen=True)
class SharedOverLayers(OtherNoise, OPZO):
    """All layers start the same stream."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return _first_layer(noise)


@dataclass(frozen=True)
class SurrogateSharedOverLayers(OtherNoise, LocalZO):
    """The random surrogates of all layers come from the same draw."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return _first_layer(noise)


@dataclass(frozen=True)
class SharedOverTime(OtherNoise, ZOTwoPoint):
    """One draw for all steps."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(lambda z: z[:1, ...] + 0 * z)


@dataclass(frozen=True)
class SharedOverReplicates(PZOTwoPoint):
    """The number of the replicate is not in the stream's name."""

    def draw(
        self, backend: Backend, network: Network, batch: Batch, key: Key, numbers: range
    ) -> Noise | None:
        noise = super().draw(backend, network, batch, key, range(1))
        count = len(numbers)
        return noise and noise.map(lambda z: array_namespace(z).concat([z] * count, axis=1))


@dataclass(frozen=True)
class SignOfThePairLost(OtherNoise, OPZO):
    """Steps 2j and 2j + 1 carry z and z."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(lambda z: z * _alternating(z))


@dataclass(frozen=True)
class PairsOneStepLate(OtherNoise, OPZO):
    """Pairs are steps 2j + 1 and 2j + 2: with an even T the last step loses its partner."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(lambda z: array_namespace(z).roll(z, 1, axis=0))


@dataclass(frozen=True)
class OneCoordinatePositive(OtherNoise, ZOTwoPoint):
    """The first unit's noise is always positive."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(
            lambda z: array_namespace(z).concat([abs(z[..., :1]), z[..., 1:]], axis=-1)
        )


@dataclass(frozen=True)
class LowBitsOfTheSeed(ZOSinglePoint):
    """Of the key's seed only 32 bits are used."""

    def draw(
        self, backend: Backend, network: Network, batch: Batch, key: Key, numbers: range
    ) -> Noise | None:
        return super().draw(backend, network, batch, Key(key.seed % 2**32, key.path), numbers)


def _first_sample(z: Array, samples: int) -> Array:
    """Return the first sample's noise for all samples of each replicate."""
    own = by_sample(z, samples)
    return array_namespace(z).reshape(own[:, :, :1, :] + 0 * own, z.shape)


def _first_layer(noise: Noise) -> Noise:
    """Return the first layer's noise for all layers, cut or repeated to their sizes."""
    first = next(iter(noise.values.values()))

    def fitted(z: Array) -> Array:
        times = -(-z.shape[-1] // first.shape[-1])
        return array_namespace(z).concat([first] * times, axis=-1)[..., : z.shape[-1]]

    return noise.map(fitted)


@dataclass(frozen=True)
class ThirdLayerAsTheFirst(OtherNoise, ZOSinglePoint):
    """A third layer of the first one's size has its noise."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        names = list(noise.values)
        if len(names) < 3 or noise.values[names[0]].shape != noise.values[names[2]].shape:
            return noise
        return replace(noise, values={**noise.values, names[2]: noise.values[names[0]]})


@dataclass(frozen=True)
class RepeatedAfterEightSteps(OtherNoise, ZOTwoPoint):
    """The ninth step has the noise of the first again, and so on."""

    def redrawn(self, noise: Noise, samples: int) -> Noise:
        return noise.map(
            lambda z: array_namespace(z).concat([z[:8, ...], z[: max(len(z) - 8, 0), ...]])
        )


@dataclass(frozen=True)
class SharedOverMaps(PZOTwoPoint):
    """After a convolution all maps have the noise of the first."""

    def draw(
        self, backend: Backend, network: Network, batch: Batch, key: Key, numbers: range
    ) -> Noise | None:
        noise = super().draw(backend, network, batch, key, numbers)
        fed = {layer.name: network.layer(network.sources(layer)[0]) for layer in network.spiking}
        maps = {name: layer.channels for name, layer in fed.items() if isinstance(layer, Conv2d)}
        if noise is None:
            return None
        return replace(
            noise,
            values={name: _of_first_map(z, maps.get(name, 1)) for name, z in noise.values.items()},
        )


def _of_first_map(z: Array, maps: int) -> Array:
    """Return the first of so many maps in place of each."""
    first = z[..., : z.shape[-1] // maps]
    return array_namespace(z).concat([first] * maps, axis=-1)


def _alternating(z: Array) -> Array:
    """Return 1, -1, 1, ... over the steps."""
    xp = array_namespace(z)
    signs = [xp.ones_like(z[0, ...]) * (1 - 2 * (step % 2)) for step in range(z.shape[0])]
    return xp.stack(signs)


NOISE = of_kind(
    "noise",
    (
        (
            "uniform noise without sqrt 3",
            UniformOfOne(law="uniform"),
            "noise_as_claimed",
            "zo_single_point",
        ),
        ("sphere of radius 1", UnitSphere(law="sphere"), "unbiased", "forward_gradient"),
        ("signs for Gaussian noise", SignsOfNormals(), "noise_as_claimed", "opzo"),
        ("alpha taken for a variance", AlphaAsVariance(), "noise_as_claimed", "pzo_two_point"),
        ("noise shared over the batch", SharedOverBatch(), "noise_as_claimed", "zo_single_point"),
        (
            "direction shared over the batch",
            DirectionSharedOverBatch(),
            "variance_as_enumerated",
            "forward_gradient",
        ),
        ("noise shared over layers", SharedOverLayers(), "noise_as_claimed", "opzo"),
        ("noise shared over time", SharedOverTime(), "noise_as_claimed", "zo_two_point"),
        (
            "noise shared over replicates",
            SharedOverReplicates(),
            "noise_as_claimed",
            "pzo_two_point",
        ),
        (
            "noise of a third layer that of the first",
            ThirdLayerAsTheFirst(),
            "noise_as_claimed",
            "zo_single_point",
        ),
        (
            "noise repeated after eight steps",
            RepeatedAfterEightSteps(),
            "noise_as_claimed",
            "zo_two_point",
        ),
        ("noise shared over maps", SharedOverMaps(), "noise_as_claimed", "pzo_two_point"),
        ("antithetic sign lost", SignOfThePairLost(), "noise_as_claimed", "opzo"),
        ("pairs one step late", PairsOneStepLate(), "noise_as_claimed", "opzo"),
        (
            "a coordinate's noise always positive",
            OneCoordinatePositive(),
            "noise_as_claimed",
            "zo_two_point",
        ),
        (
            "low 32 bits of the seed only",
            LowBitsOfTheSeed(),
            "noise_as_claimed",
            "zo_single_point",
        ),
        (
            "random surrogates shared over layers",
            SurrogateSharedOverLayers(),
            "unbiased",
            "localzo",
        ),
    ),
)
