"""Recordings as NumPy arrays."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError
from gradassay.datasets.events.recording import MOST_US, Events, Sensor
from gradassay.datasets.npy import read_npy

_TIMES = ("t", "ts", "time", "timestamp")
_POLARITIES = ("p", "pol", "polarity")
# truth values, integers with and without a sign, floats
_KINDS = "biuf"


def read_event_array(
    data: bytes, sensor: Sensor, *, columns: str = "txyp", microseconds: int = 1
) -> Events:
    """Return the events of a ``.npy`` file.

    Parameters
    ----------
    data : bytes
        An array of records with the fields x, y, one of t, ts, time, timestamp in microseconds,
        and one of p, pol, polarity; or numbers of shape (n, 4).
    sensor : tuple of int
        Rows and columns.
    columns : str
        What the four columns are: t, x, y and p in some order.
    microseconds : int
        In a unit of time of the columns.

    Raises
    ------
    DataError
        If it is no such array, or an event lies off the sensor.
    """
    try:
        array = read_npy(io.BytesIO(data))
    except (ValueError, EOFError, SyntaxError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"is no .npy file of numbers ({reason}).") from error
    if array.dtype.names is None:
        found, unit = _of_columns(array, columns), microseconds
    else:
        found, unit = _of_fields(array), 1
    t, x, y, p = (_whole(name, part) for name, part in zip("txyp", found, strict=True))
    if len(t) and max(abs(int(t.min())), abs(int(t.max()))) >= MOST_US // unit:
        raise DataError(f"has times of {MOST_US:,} microseconds and more; expected fewer.")
    return Events(t * unit, x, y, p, sensor)


def _of_columns(array: NDArray[Any], columns: str) -> list[NDArray[Any]]:
    """Return t, x, y and p of an array of four columns."""
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in _KINDS:
        raise DataError(f"has shape {array.shape}, {array.dtype}; expected numbers (n, 4).")
    return [array[:, columns.index(name)] for name in "txyp"]


def _of_fields(array: NDArray[Any]) -> list[NDArray[Any]]:
    """Return t, x, y and p of an array of records."""
    names = array.dtype.names or ()
    time = next((name for name in _TIMES if name in names), "")
    polarity = next((name for name in _POLARITIES if name in names), "")
    if not time or not polarity or not {"x", "y"} <= set(names) or array.ndim != 1:
        raise DataError(
            f"has the fields {', '.join(names)[:80]}, shape {array.shape}; expected t, x, y and p,"
            " (n,)."
        )
    found = [array[name] for name in (time, "x", "y", polarity)]
    if any(part.ndim != 1 or part.dtype.kind not in _KINDS for part in found):
        kinds = ", ".join(str(array.dtype[name]) for name in (time, "x", "y", polarity))
        raise DataError(f"has t, x, y and p of {kinds[:80]}; expected numbers.")
    return found


def _whole(name: str, column: NDArray[Any]) -> NDArray[np.int64]:
    """Return a column as integers; fractions of a time are left out."""
    if column.dtype.kind == "f":
        with np.errstate(over="ignore"):
            column = column.astype(np.float64)
        if not np.isfinite(column).all():
            raise DataError(f"has {name} that is not finite; expected whole numbers.")
        whole = np.floor(column)
        if name != "t" and (whole != column).any():
            raise DataError(f"has {name} with fractions; expected whole numbers.")
        column = whole
    # the largest that may come, as a float the same number
    if len(column) and (column.max() > 2**62 or column.min() < -(2**62)):
        raise DataError(f"has {name} of more than {2**62:,}; expected less.")
    return column.astype(np.int64)
