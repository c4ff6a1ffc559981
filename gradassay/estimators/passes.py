"""One estimate's forward passes and all that produced them, handed to a method's equations."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.network import Network
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Trace


@dataclass(frozen=True)
class Pass:
    """The forward passes of one block of steps.

    Parameters
    ----------
    backend, network, params, batch
        The model, the batch tiled over replicates.
    trace : Trace
        What the pass left that gives surrogate derivatives, traces and the readout's error.
    noise : Noise or None
        What was drawn.
    replicates : int
        R, folded into the batch axis.
    other : Trace or None
        Of the second pass, for a method that has one.
    """

    backend: Backend
    network: Network
    params: Params
    batch: Batch
    trace: Trace
    noise: Noise | None
    replicates: int
    other: Trace | None = None
    _made: dict[Hashable, Array] = field(
        default_factory=dict[Hashable, Array], init=False, repr=False, compare=False
    )

    def once(self, name: Hashable, make: Callable[[], Array]) -> Array:
        """Return what several equations of this pass need, made when it is first asked for."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def drawn(self, layer: str) -> tuple[Array, float]:
        """Return z of one spiking layer and its scale alpha."""
        return self._noise.values[layer], self.scale

    @property
    def scale(self) -> float:
        """The noise's alpha."""
        return self._noise.scale

    def noise_outer(self, layer: str, right: Array) -> Array:
        """Return ``(1/B) sum_b sum_t z[t] right[t]^T`` of one spiking layer's noise."""
        return self.backend.noise_outer(self._noise, layer, right, self.replicates)

    @property
    def _noise(self) -> Noise:
        if self.noise is None:
            raise ValueError("this pass carries no noise; draw it or give it")
        return self.noise

    @property
    def second(self) -> Trace:
        """What the second pass left."""
        if self.other is None:
            raise ValueError("this method made one pass only")
        return self.other
