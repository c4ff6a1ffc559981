"""Direct feedback: matrices that carry an error to each hidden layer, and how they are learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from gradassay.core.arrays import Array, array_namespace, merge_replicates, split_replicates
from gradassay.core.backend import Backend
from gradassay.core.errors import ConfigurationError, DataError, is_real
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import key_normal

# before the name of a layer whose matrix also reads the layer out, in a state
READOUT = "readout/"


def feed_back(matrix: Array, errors: Array, replicates: int) -> Array:
    """Return ``g[t] = M e[t]`` at one layer.

    Parameters
    ----------
    matrix : array, shape (n, m) or (R, n, m)
        Shared by all replicates, or one for each.
    errors : array, shape (t, R*B, m)
        e.
    replicates : int
        R.

    Returns
    -------
    array, shape (t, R*B, n)
    """
    return _through(array_namespace(matrix).matrix_transpose(matrix), errors, replicates)


def read_out(matrix: Array, spikes: Array, replicates: int) -> Array:
    """Return the local readout ``o[t] = B^T s[t]``, shape (t, R*B, m); B as in `feed_back`."""
    return _through(matrix, spikes, replicates)


def _through(matrix: Array, values: Array, replicates: int) -> Array:
    """Return every row of the values times the matrix, or times that of its replicate."""
    xp = array_namespace(matrix)
    if matrix.ndim == 2:
        return xp.matmul(values, matrix)
    rows = split_replicates(values, replicates)
    return merge_replicates(xp.matmul(rows, matrix), values.shape[0])


def direct_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """Return the shape (n_l, m) of direct feedback to every hidden spiking layer, by name."""
    return {layer.name: (layer.units, network.classes) for layer in network.spiking}


def random_feedback(
    backend: Backend, shapes: Mapping[str, tuple[int, ...]], key: Key, gain: float
) -> State:
    """Draw matrices of independent normal entries with standard deviation gain / sqrt(rows).

    Parameters
    ----------
    backend : Backend
        Owner of the result.
    shapes : mapping from name to (n, m)
        Each has its own stream, ``key / "feedback" / name``.
    key : Key
    gain : float
    """
    return {
        name: backend.asarray(
            key_normal(key / "feedback" / name, shape) * (gain / math.sqrt(shape[0]))
        )
        for name, shape in shapes.items()
    }


def given_feedback(
    backend: Backend,
    shapes: Mapping[str, tuple[int, ...]],
    given: Mapping[str, Array],
    method: str,
) -> State:
    """Return feedback matrices that a user gave, as the backend's arrays.

    Raises
    ------
    DataError
        If a layer is missing or unknown, or a matrix has the wrong shape.
    """
    if set(given) != set(shapes):
        raise DataError(
            f"{method} feedback: got matrices for {sorted(given)}; expected one for each of"
            f" {sorted(shapes)}."
        )
    for name, shape in shapes.items():
        got = tuple(given[name].shape)
        if got != shape:
            raise DataError(
                f"{method} feedback of {name}: got shape {got}; expected {shape}, (units, classes)."
            )
    return {name: backend.asarray(np.asarray(given[name])) for name in shapes}


def require_positive(method: str, option: str, value: object) -> None:
    """Refuse an option that is not a positive number.

    Raises
    ------
    ConfigurationError
        Names the option.
    """
    if not (is_real(value) and 0 < value < math.inf):  # type: ignore[operator]
        raise ConfigurationError(f"{method} {option}: got {value!r}; expected a positive number.")
