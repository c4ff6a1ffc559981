"""Recordings as NumPy arrays."""

from __future__ import annotations

import io

import numpy as np

from gradassay.core.errors import DataError
from gradassay.datasets.events.recording import Events, Sensor
from gradassay.datasets.npy import read_npy

_TIMES = ("t", "ts", "time", "timestamp")
_POLARITIES = ("p", "pol", "polarity")


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
    names = array.dtype.names
    if names is None:
        if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "iuf":
            raise DataError(f"has shape {array.shape}, {array.dtype}; expected numbers (n, 4).")
        found = [array[:, columns.index(name)] for name in "txyp"]
        found[0] = found[0] * microseconds
    else:
        time = next((name for name in _TIMES if name in names), "")
        polarity = next((name for name in _POLARITIES if name in names), "")
        if not time or not polarity or not {"x", "y"} <= set(names) or array.ndim != 1:
            raise DataError(f"has the fields {', '.join(names)}; expected t, x, y and p.")
        found = [array[name] for name in (time, "x", "y", polarity)]
    if not all(np.isfinite(column).all() for column in found):
        raise DataError("has entries that are not finite; expected whole numbers.")
    t, x, y, p = (np.asarray(column).astype(np.int64) for column in found)
    return Events(t, x, y, p, sensor)
