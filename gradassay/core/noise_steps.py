"""The noise of a sequence drawn block by block, so that it takes no memory for all steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import Noise, NoiseModel, draw

WORD = 64


class NoiseSteps:
    """Noise of the hidden spiking layers, the numbers of `draw_noise`, some steps at a time.

    Parameters
    ----------
    model, network, samples, key, replicates, dtype
        As in `draw_noise`; not for noise on the weights, which has no steps.
    """

    def __init__(
        self,
        model: NoiseModel,
        network: Network,
        samples: int,
        key: Key,
        replicates: Sequence[int],
        dtype: type[np.floating],
    ) -> None:
        self._model = model
        self._streams = {
            layer.name: [
                _Stream(
                    model, (samples, layer.units), next((key / layer.name).numbered([r])), dtype
                )
                for r in replicates
            ]
            for layer in network.spiking
        }

    def take(self, steps: int) -> Noise:
        """Return the noise of the next steps, NumPy arrays (t, R*B, n)."""
        values = {
            name: np.concatenate([stream.take(steps) for stream in streams], axis=1)
            for name, streams in self._streams.items()
        }
        return Noise(self._model.scale, values, self._model.position)


class _Stream:
    """Noise of one layer and replicate."""

    def __init__(
        self,
        model: NoiseModel,
        shape: tuple[int, int],
        generator: np.random.Generator,
        dtype: type[np.floating],
    ) -> None:
        self._model, self._shape, self._generator = model, shape, generator
        self._dtype = dtype
        self._partner: np.ndarray | None = None
        self._bits = np.empty(0, np.uint8)

    def take(self, steps: int) -> np.ndarray:
        """Return the next steps, (t, B, n)."""
        return np.stack([self._step() for _ in range(steps)])

    def _step(self) -> np.ndarray:
        if self._partner is not None:
            partner, self._partner = self._partner, None
            return partner
        samples, units = self._shape
        if self._model.pairing == "batch":
            half = self._draw(((samples + 1) // 2, units))
            return np.concatenate([half, -half[: samples // 2]])
        drawn = self._draw(self._shape)
        if self._model.pairing == "time":
            self._partner = -drawn
        return drawn

    def _draw(self, shape: tuple[int, int]) -> np.ndarray:
        """Draw numbers of the law; signs go on where the last word of bits was left."""
        if self._model.law != "rademacher":
            return draw(self._model.law, shape, self._generator, self._dtype)
        count = math.prod(shape)
        missing = -(-max(0, count - len(self._bits)) // WORD)
        if missing:
            words = np.asarray(self._generator.bit_generator.random_raw(missing), np.uint64)
            self._bits = np.concatenate([self._bits, np.unpackbits(words.view(np.uint8))])
        bits, self._bits = self._bits[:count], self._bits[count:]
        return (2 * bits.astype(self._dtype) - 1).reshape(shape)
