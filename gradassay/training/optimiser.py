"""Optimisers: what becomes of a gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from array_api_compat import is_torch_array

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.params import Params
from gradassay.training.settings import TrainingSettings

_EPSILON = 1e-8


class Optimiser(Protocol):
    """Parameters under way and what an optimiser keeps about them."""

    @property
    def params(self) -> Params:
        """Parameters as they are now; updates write into them."""
        ...

    @property
    def buffers(self) -> dict[str, Array]:
        """What it keeps besides, as ``<buffer>/<parameter>``."""
        ...

    def restore(self, params: Params, buffers: Mapping[str, Array]) -> None:
        """Go on from parameters and buffers of an earlier moment; both are copied."""
        ...

    def step(self, gradient: Params, learning_rate: float) -> None:
        """Move the parameters by one update, in place."""
        ...


def optimiser_for(settings: TrainingSettings, params: Params) -> Optimiser:
    """Return the optimiser that the settings name, at the start of a run."""
    if settings.optimiser == "adamw":
        return AdamW(params, settings.momentum, settings.second_momentum, settings.weight_decay)
    return MomentumSGD(params, settings.momentum, settings.weight_decay)


class MomentumSGD:
    """The heavy ball, as ``torch.optim.SGD`` has it without dampening.

        v <- momentum * v + g + weight_decay * p,    p <- p - learning_rate * v

    Parameters
    ----------
    params : Params
        Where to start; copied, never written to.
    momentum : float
        In [0, 1).
    weight_decay : float
        At least 0.

    Notes
    -----
    Updates write into `params` of this object, in the dtype of its arrays; deterministic, bitwise.
    """

    __slots__ = ("_momentum", "_velocity", "_weight_decay", "params")

    def __init__(self, params: Params, momentum: float, weight_decay: float = 0.0) -> None:
        self.params = params.map(copied)
        self._velocity = params.zeros_like()
        self._momentum, self._weight_decay = momentum, weight_decay

    @property
    def buffers(self) -> dict[str, Array]:
        """The velocity of each parameter."""
        return _named("velocity", self._velocity)

    def restore(self, params: Params, buffers: Mapping[str, Array]) -> None:
        """Go on from parameters and `buffers` of an earlier moment; both are copied."""
        self.params = params.map(copied)
        self._velocity = _buffer("velocity", params, buffers)

    def step(self, gradient: Params, learning_rate: float) -> None:
        """Move the parameters by one update, in place."""
        for name, array in self.params.items():
            velocity, slope = self._velocity[name], gradient[name]
            if self._weight_decay:
                slope = slope + self._weight_decay * array
            if is_torch_array(array):
                _step_torch(array, velocity, slope, self._momentum, learning_rate)
            else:
                velocity *= self._momentum
                velocity += slope
                array -= velocity * learning_rate


def _step_torch(
    array: Array, velocity: Array, gradient: Array, momentum: float, learning_rate: float
) -> None:
    """Do the same in one pass, or without an array for the product."""
    from gradassay.torch_snn.native.momentum import momentum_step

    if not momentum_step(array, velocity, gradient, momentum, learning_rate):
        velocity.mul_(momentum).add_(gradient)
        array.sub_(velocity, alpha=learning_rate)


class AdamW:
    """Adam with decoupled weight decay, as ``torch.optim.AdamW``.

        m <- b1 m + (1 - b1) g,    v <- b2 v + (1 - b2) g^2
        p <- p - learning_rate * (weight_decay * p + m' / (sqrt(v') + 1e-8))

    with ``m' = m / (1 - b1^k)`` and ``v' = v / (1 - b2^k)`` at update k (Loshchilov and
    Hutter 2019, algorithm 2).

    Parameters
    ----------
    params : Params
        Where to start; copied, never written to.
    momentum, second_momentum : float
        b1 and b2, in [0, 1).
    weight_decay : float
        At least 0.
    """

    __slots__ = ("_first", "_momenta", "_second", "_updates", "_weight_decay", "params")

    def __init__(
        self, params: Params, momentum: float, second_momentum: float, weight_decay: float = 0.0
    ) -> None:
        self.params = params.map(copied)
        self._first, self._second = params.zeros_like(), params.zeros_like()
        self._momenta, self._weight_decay = (momentum, second_momentum), weight_decay
        self._updates = 0

    @property
    def buffers(self) -> dict[str, Array]:
        """Both moments of each parameter, and the number of updates in each name's place."""
        first = next(iter(self.params.values()))
        count = array_namespace(first).asarray(self._updates)
        return {
            **_named("first", self._first),
            **_named("second", self._second),
            "updates": count,
        }

    def restore(self, params: Params, buffers: Mapping[str, Array]) -> None:
        """Go on from parameters and `buffers` of an earlier moment; both are copied."""
        self.params = params.map(copied)
        self._first = _buffer("first", params, buffers)
        self._second = _buffer("second", params, buffers)
        self._updates = int(buffers["updates"])

    def step(self, gradient: Params, learning_rate: float) -> None:
        """Move the parameters by one update, in place."""
        self._updates += 1
        one, two = self._momenta
        scale = learning_rate / (1 - one**self._updates)
        root = (1 - two**self._updates) ** 0.5
        for name, array in self.params.items():
            slope, first, second = gradient[name], self._first[name], self._second[name]
            first *= one
            first += (1 - one) * slope
            second *= two
            second += (1 - two) * slope**2
            array *= 1 - learning_rate * self._weight_decay
            array -= scale * first / (second**0.5 / root + _EPSILON)


def scaled_down(gradient: Params, largest_norm: float) -> Params:
    """Return a gradient whose Euclidean norm, over all arrays, is at most the largest one."""
    norm = float(gradient.norm())
    if norm <= largest_norm:
        return gradient
    return gradient.map(lambda array: array * (largest_norm / norm))


def copied(array: Array) -> Array:
    """Return a copy of an array, in memory of its own."""
    return array_namespace(array).asarray(array, copy=True)


def _named(buffer: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{buffer}/{name}": array for name, array in arrays.items()}


def _buffer(buffer: str, params: Params, buffers: Mapping[str, Array]) -> Params:
    """Return a copy of one buffer of each parameter."""
    return Params({name: copied(buffers[f"{buffer}/{name}"]) for name in params})
