"""What NumPy really multiplies: an array that counts the products of every matrix product."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Set
from typing import Any

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.layers import Affine, Synapse
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.core.trace import Presynaptic, Trace
from gradassay.cost.wrapped import WrappedBackend

# products of other kinds would be missed: they are refused
OTHER_PRODUCTS = frozenset(
    (np.dot, np.inner, np.kron, np.outer, np.tensordot, np.vdot, np.convolve, np.correlate)
)
OTHER_UFUNCS = frozenset(name for name in ("vecdot", "matvec", "vecmat") if hasattr(np, name))


class Tally:
    """A running count of multiply-accumulate operations."""

    def __init__(self) -> None:
        self.macs = 0


class TallyingBackend(WrappedBackend):
    """Count the matrix products of everything that is made of its arrays, estimators' included.

    Unlike `CountingBackend` it does not know the model: it counts what NumPy is given, dense, zeros
    and all, and so holds what the counts and the closed forms say against the work that is done.
    What a verb returns counts on, also where the wrapped backend made it anew.

    Parameters
    ----------
    inner : Backend
        One on NumPy, whose arrays are passed through `asarray`; so must be all parameters, inputs
        and targets that it is given.
    """

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.tally = Tally()

    def asarray(self, array: np.ndarray) -> np.ndarray:
        """Return the array as one that counts."""
        counting: np.ndarray = _tallied(super().asarray(array), self.tally)
        return counting

    def forward(self, *arguments: Any, **options: Any) -> Trace:
        """See `Backend.forward`."""
        trace = super().forward(*arguments, **options)
        return dataclasses.replace(trace, **self._made(vars(trace), but={"carry"}))

    def loss(self, network: Network, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """See `Backend.loss`."""
        losses, errors = super().loss(network, outputs, targets)
        return _tallied(losses, self.tally), _tallied(errors, self.tally)

    def weight(self, layer: Affine, params: Params) -> Array:
        """See `Backend.weight`."""
        return _tallied(super().weight(layer, params), self.tally)

    def weight_tangent(self, layer: Affine, params: Params, tangent: Params) -> Array:
        """See `Backend.weight_tangent`."""
        return _tallied(super().weight_tangent(layer, params, tangent), self.tally)

    def apply(self, layer: Synapse, weight: Array | None, values: Array) -> Array:
        """See `Backend.apply`."""
        return _tallied(super().apply(layer, weight, values), self.tally)

    def input_gradient(self, layer: Synapse, weight: Array | None, delta: Array) -> Array:
        """See `Backend.input_gradient`."""
        return _tallied(super().input_gradient(layer, weight, delta), self.tally)

    def membrane_gradient(self, *arguments: Any, **options: Any) -> Array:
        """See `Backend.membrane_gradient`."""
        return _tallied(super().membrane_gradient(*arguments, **options), self.tally)

    def membrane_tangent(self, *arguments: Any, **options: Any) -> Array:
        """See `Backend.membrane_tangent`."""
        return _tallied(super().membrane_tangent(*arguments, **options), self.tally)

    def _made(self, found: Mapping[str, Any], but: Set[str] = frozenset()) -> dict[str, Any]:
        """Return arrays, also those in mappings and presynaptic activities, as counting ones."""
        made: dict[str, Any] = {}
        for name, value in found.items():
            if isinstance(value, Mapping) and name not in but:
                made[name] = self._made(value)
            elif isinstance(value, Presynaptic):
                made[name] = dataclasses.replace(value, values=_tallied(value.values, self.tally))
            else:
                made[name] = _tallied(value, self.tally)
        return made


class TalliedArray(np.ndarray):
    """An array whose matrix products, and those of what is made of it, are counted."""

    tally: Tally | None = None

    def __array_finalize__(self, origin: Any) -> None:
        """Keep the count of the array that this one is made of."""
        self.tally = getattr(origin, "tally", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Do the operation on plain arrays, and count it where it is a matrix product."""
        tally = self._common([*inputs, *options.get("out", ())])
        plain = tuple(_plain(value) for value in inputs)
        if "out" in options:
            options["out"] = tuple(_plain(value) for value in options["out"])
        if ufunc.__name__ in OTHER_UFUNCS:
            raise NotImplementedError(f"{ufunc.__name__} is not counted")
        result = getattr(ufunc, method)(*plain, **options)
        if ufunc is np.matmul:
            tally.macs += result.size * plain[0].shape[-1]
        return _tallied(result, tally)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        """Count an Einstein sum; what is made of counting arrays counts."""
        if function in OTHER_PRODUCTS:
            raise NotImplementedError(f"{function.__name__} is not counted")
        tally = self._common(inputs)
        if function is np.einsum:
            subscripts, *operands = inputs
            tally.macs += _products(subscripts, operands)
            plain = [_plain(operand) for operand in operands]
            return _tallied(np.einsum(subscripts, *plain, **options), tally)
        return _tallied(super().__array_function__(function, types, inputs, options), tally)

    def _common(self, values: Any) -> Tally:
        """Return the count of the first array that has one."""
        tallies = [getattr(value, "tally", None) for value in (self, *values)]
        return next((tally for tally in tallies if tally is not None), Tally())


def _products(subscripts: str, operands: list[np.ndarray]) -> int:
    """Return the products of an Einstein sum done index by index: the sizes of all its indices."""
    sizes = {
        index: size
        for indices, operand in zip(subscripts.split("->")[0].split(","), operands, strict=True)
        for index, size in zip(indices, operand.shape, strict=True)
    }
    return math.prod(sizes.values())


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, TalliedArray) else value


def _tallied(value: Any, tally: Tally) -> Any:
    """Return an array as one that counts; anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    counting = value.view(TalliedArray)
    counting.tally = tally
    return counting
