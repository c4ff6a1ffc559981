"""Parameters and gradients: a mapping from a dotted name to an array."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Self

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.errors import DataError
from gradassay.core.keys import Key
from gradassay.core.layers import Gain
from gradassay.core.network import Network


class Params(Mapping[str, Array]):
    """Arrays by dotted name (``hidden1.weight``), in the order of the network's layers.

    A gradient is the same type; gradients of R replicates carry a leading axis R.

    Examples
    --------
    >>> import numpy as np
    >>> p = Params({"readout.bias": np.array([3.0, 4.0])})
    >>> float(p.norm())
    5.0
    """

    __slots__ = ("_arrays",)

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = dict(arrays)

    def __getitem__(self, name: str) -> Array:
        """Return the array of that name."""
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over names in order."""
        return iter(self._arrays)

    def __len__(self) -> int:
        """Return the number of arrays."""
        return len(self._arrays)

    def __repr__(self) -> str:
        """Name and shape of each array."""
        return f"Params({ {name: tuple(array.shape) for name, array in self.items()} })"

    def map(self, function: Callable[..., Array], *others: Mapping[str, Array]) -> Self:
        """Apply a function to each array, with the arrays of the same name of `others`."""
        return type(self)(
            {n: function(a, *(other[n] for other in others)) for n, a in self.items()}
        )

    def zeros_like(self) -> Self:
        """Return zeros of the same shapes."""
        return self.map(lambda array: array * 0)

    def dot(self, other: Mapping[str, Array]) -> Array:
        """Return the inner product over all entries."""
        products = self.map(lambda a, b: array_namespace(a).sum(a * b), other)
        return sum(products.values())

    def norm(self) -> Array:
        """Return the Euclidean norm over all entries."""
        return self.dot(self) ** 0.5


def initial_params(network: Network, key: Key, gain: float = 1.0) -> Params:
    """Draw float64 parameters.

    Weights are normal with standard deviation gain / sqrt(fan-in), biases 0, gains of standardised
    layers `gain`, and a `Gain` layer's factor is its initial one.

    Parameters
    ----------
    network : Network
        Gives names and shapes.
    key : Key
        Each array has its own stream, ``key / name``.
    gain : float
        Factor on the standard deviation of the weights; it scales a standardised layer's output
        through its gain.

    Returns
    -------
    Params
        NumPy arrays, float64.
    """
    arrays: dict[str, np.ndarray] = {}
    for layer in network.weighted:
        if isinstance(layer, Gain):
            arrays[f"{layer.name}.weight"] = np.full((1,), layer.initial)
            continue
        for name, shape in layer.shapes.items():
            if len(shape) > 1:
                arrays[name] = key_normal(key / name, shape) * (gain / layer.fan_in**0.5)
            else:
                arrays[name] = np.full(shape, gain if name.endswith(".gain") else 0.0)
    return Params(arrays)


def key_normal(key: Key, shape: tuple[int, ...]) -> np.ndarray:
    """Return standard normal float64 numbers of the stream `key`."""
    return key.generator().standard_normal(shape)


def require_params(network: Network, params: Mapping[str, Array]) -> None:
    """Check names, shapes, dtype and finiteness of parameters against a network.

    Raises
    ------
    DataError
        Names the first array that does not fit.
    """
    if set(params) != set(network.shapes):
        raise DataError(
            f"parameters: got {sorted(params)}; expected {sorted(network.shapes)}"
            " (the names of the network's layers)."
        )
    for name, shape in network.shapes.items():
        array = params[name]
        xp = array_namespace(array)
        if tuple(array.shape) != shape:
            raise DataError(f"{name}: got shape {tuple(array.shape)}; expected {shape}.")
        if not xp.isdtype(array.dtype, "real floating"):
            raise DataError(f"{name}: got dtype {array.dtype}; expected a floating dtype.")
        if not bool(xp.all(xp.isfinite(array))):
            raise DataError(f"{name}: has entries that are not finite; check how it was made.")
