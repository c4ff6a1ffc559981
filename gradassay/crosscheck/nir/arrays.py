"""Inputs and recordings from ``.npy`` and CSV files."""

from __future__ import annotations

import csv
import math
import tokenize
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError, UsageError
from gradassay.crosscheck.nir.graph import Graph
from gradassay.crosscheck.nir.limits import MAX_FILE_BYTES, MAX_RECORD
from gradassay.crosscheck.nir.nodes import Float

# what numpy raises for damaged headers; it parses some of them with Python's tokenizer
NOT_NPY = (
    ValueError,
    TypeError,
    SyntaxError,
    tokenize.TokenError,
    OverflowError,
    MemoryError,
    EOFError,
    RecursionError,
    KeyError,
)
EVENT_HEADERS = (["time", "neuron"], ["step", "neuron"])


def read_array(path: Path | str) -> NDArray[Any]:
    """Return the numbers of a ``.npy`` file; nothing in it is executed.

    Raises
    ------
    DataError
        Not there, truncated, larger than stated, or not an array of real numbers.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(6) != b"\x93NUMPY":
                raise DataError(f"{path.name}: not a .npy file; write one with numpy.save.")
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        if values.dtype.kind not in "fiub" or values.dtype.itemsize > 8:
            raise DataError(f"{path.name}: {str(values.dtype)[:40]} values; expected real numbers.")
        if values.size > MAX_RECORD:
            raise DataError(f"{path.name}: {values.size:,} numbers; at most {MAX_RECORD:,}.")
        return np.array(values)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except NOT_NPY as error:
        first = " ".join(str(error).split())[:100]
        raise DataError(f"{path.name}: truncated or damaged .npy file ({first}).") from None


def prepare_input(values: NDArray[Any], graph: Graph, steps: int | None) -> NDArray[Any]:
    """Return the input of a graph with one input over the steps wanted.

    An array of the input's own shape is repeated at every step; one with time in front is cut.

    Raises
    ------
    DataError
        Fewer steps than wanted.
    UsageError
        The graph has several inputs; a number of steps is missing or below 1.
    """
    if len(graph.inputs) != 1:
        names = ", ".join(map(repr, graph.inputs))
        raise UsageError(f"input: the graph has several ({names}); use `run_graph` from Python.")
    if steps is not None and steps < 1:
        raise UsageError(f"--steps: got {steps}; expected at least 1.")
    shape = graph.shapes[graph.inputs[0]]
    if values.shape == shape and shape != (1,):
        if steps is None:
            problem = f"shape {shape} has no time"
            raise UsageError(f"input: {problem}; say how often to repeat it with --steps.")
        if steps * max(1, values.size) > MAX_RECORD:
            raise UsageError(f"--steps: got {steps:,}; too many to record.")
        return np.broadcast_to(values, (steps, *shape))
    if steps is not None and values.ndim and len(values) < steps:
        raise DataError(f"input: {len(values)} steps; --steps wants {steps}.")
    return values[:steps] if values.ndim else values


def read_recording(
    path: Path | str,
    shape: tuple[int, int],
    *,
    columns: Sequence[int] = (),
    dt: float | None = None,
) -> Float:
    """Return recorded spikes as an array of shape (T, n).

    Parameters
    ----------
    path : pathlib.Path or str
        ``.npy`` of shape ``(T, n)`` or ``(T, *shape of the node)``, or CSV: a table of spikes, a
        row a step, with or without a header; or a list of events under the header ``step,neuron``
        or ``time,neuron``. Neurons are counted from 0, in C order.
    shape : (int, int)
        Steps and neurons expected. A recording can be of fewer or more steps: what is missing is
        silent, what is beyond is cut for events, and an error for tables.
    columns : sequence of int
        Columns of a table that hold spikes, from 0; all of them where not given.
    dt : float or None
        Time of a step, for ``time,neuron``: a spike at time s is in step ``round(s / dt)``.

    Raises
    ------
    DataError
        Not there, too large, not a number, or of another shape.
    UsageError
        Times without a `dt` above 0; columns that are not there.
    """
    path = Path(path)
    if path.suffix.lower() == ".npy":
        values = read_array(path).astype(np.float64)
        values = values.reshape(len(values), -1) if values.ndim and values.size else values
    else:
        header, rows = _read_csv(path)
        if header in EVENT_HEADERS:
            return _from_events(path, rows, shape, dt if header[0] == "time" else 1.0)
        values = np.array(rows, np.float64)
    return _checked_table(path, _chosen(path, values, columns), shape)


def _chosen(path: Path, values: Float, columns: Sequence[int]) -> Float:
    """Return the columns that hold spikes."""
    if not columns:
        return values
    wide = values.shape[1] if values.ndim == 2 else 0
    if not all(0 <= column < wide for column in columns):
        raise UsageError(f"--columns: got {list(columns)}; {path.name} has 0 to {wide - 1}.")
    return values[:, list(columns)]


def _checked_table(path: Path, values: Float, shape: tuple[int, int]) -> Float:
    """Return a table of spikes after all checks."""
    if values.shape != shape:
        raise DataError(f"{path.name}: shape {values.shape}; expected {shape}, steps by neurons.")
    if not np.isfinite(values).all() or (values < 0).any() or (values % 1 != 0).any():
        raise DataError(f"{path.name}: not spikes; expected 0, 1 or more in a step.")
    return values


def _read_csv(path: Path) -> tuple[list[str], list[list[float]]]:
    """Return the header, if there is one, and rows of numbers of one length."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DataError(f"{path.name}: larger than {MAX_FILE_BYTES // 2**20} MiB.")
        if not path.is_file():
            raise DataError(f"{path}: not a plain file.")
        with path.open(encoding="utf-8", newline="") as file:
            lines = [row for row in csv.reader(file) if row]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path.name}: not a CSV file ({str(error)[:80]}).") from None
    header = [each.strip().lower() for each in lines[0]] if lines else []
    if header and all(_number(each) is not None for each in header):
        header = []
    rows = [_numbers(path, row) for row in lines[bool(header) :]]
    if len({len(row) for row in rows}) > 1:
        raise DataError(f"{path.name}: rows of different lengths.")
    return header, rows


def _numbers(path: Path, row: list[str]) -> list[float]:
    """Return the numbers of a row."""
    found = [_number(each) for each in row]
    if None in found:
        raise DataError(f"{path.name}: {row[found.index(None)][:40]!r} is not a number.")
    return [each for each in found if each is not None]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _from_events(
    path: Path, rows: list[list[float]], shape: tuple[int, int], dt: float | None
) -> Float:
    """Return the table of a list of events."""
    if dt is None:
        raise UsageError(f"{path.name}: has times of spikes; give the time of a step with --dt.")
    if not 0 < dt < math.inf:
        raise UsageError(f"dt: got {dt!r}; expected a number above 0.")
    steps, neurons = shape
    table = np.zeros(shape)
    for row in rows:
        if len(row) != 2 or not all(map(math.isfinite, row)) or row[0] < 0:
            raise DataError(f"{path.name}: event {row}; expected a time and a neuron.")
        where = row[0] / dt
        if not 0 <= row[1] < neurons or row[1] % 1:
            raise DataError(f"{path.name}: neuron {row[1]:g}; expected 0 to {neurons - 1}.")
        if where < steps - 0.5:
            table[round(where), int(row[1])] += 1
    return table
