"""Stochastic gradient descent with momentum, and its learning rates."""

from __future__ import annotations

import math
from collections.abc import Mapping

from array_api_compat import is_torch_array

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.params import Params
from gradassay.training.settings import Schedule


class MomentumSGD:
    """Parameters under way, and the velocity of each.

    The heavy ball, as ``torch.optim.SGD`` has it without dampening:

        v <- momentum * v + g,    p <- p - learning_rate * v

    Parameters
    ----------
    params : Params
        Where to start; copied, never written to.
    momentum : float
        In [0, 1).

    Notes
    -----
    Updates write into `params` of this object, in the dtype of its arrays; deterministic, bitwise.
    """

    __slots__ = ("_momentum", "_velocity", "params")

    def __init__(self, params: Params, momentum: float) -> None:
        self.params = params.map(_copy)
        self._velocity = params.zeros_like()
        self._momentum = momentum

    def step(self, gradient: Mapping[str, Array], learning_rate: float) -> None:
        """Move the parameters by one update, in place."""
        for name, array in self.params.items():
            velocity = self._velocity[name]
            if is_torch_array(array):
                _step_torch(array, velocity, gradient[name], self._momentum, learning_rate)
            else:
                velocity *= self._momentum
                velocity += gradient[name]
                array -= velocity * learning_rate


def _step_torch(
    array: Array, velocity: Array, gradient: Array, momentum: float, learning_rate: float
) -> None:
    """Do the same in one pass, or without an array for the product."""
    from gradassay.torch_snn.native.momentum import momentum_step

    if not momentum_step(array, velocity, gradient, momentum, learning_rate):
        velocity.mul_(momentum).add_(gradient)
        array.sub_(velocity, alpha=learning_rate)


def learning_rate_at(
    learning_rate: float, schedule: Schedule, iteration: int, iterations: int
) -> float:
    """Return the learning rate of one update.

    Parameters
    ----------
    learning_rate : float
        Of the first update.
    schedule : {"cosine", "constant"}
        ``"cosine"``: ``learning_rate * (1 + cos(pi * iteration / iterations)) / 2``.
    iteration, iterations : int
        Updates made before this one, and all of them. After the last update the cosine is at 0.

    Examples
    --------
    >>> [learning_rate_at(0.1, "cosine", k, 2) for k in (0, 1, 2)]
    [0.1, 0.05, 0.0]
    """
    if schedule == "constant":
        return learning_rate
    return learning_rate * 0.5 * (1 + math.cos(math.pi * iteration / iterations))


def _copy(array: Array) -> Array:
    return array_namespace(array).asarray(array, copy=True)
