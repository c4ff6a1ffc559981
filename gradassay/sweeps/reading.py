"""The data set of a sweep, read whole, in part, or piece by piece."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gradassay.core.errors import DataError, first_line, unknown_name
from gradassay.sweeps.store import CELLS, MANIFEST, RESULTS, SweepFolder
from gradassay.sweeps.table import SCHEMA, SCHEMA_VERSION

TEXT = [field.name for field in SCHEMA if field.type == pa.string()]
_AGAIN = "Run `gradassay sweep` with the same grid and folder again."


def read_sweep(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    filters: Any = None,
) -> pd.DataFrame:
    """Return the data set of a sweep.

    Parameters
    ----------
    path : str or path
        The sweep's folder, by path or by a URL that fsspec knows.
    columns : sequence of str or None
        Only these, in this order; None for all. Others are not read.
    filters : list or pyarrow.compute.Expression or None
        Only rows for which this holds, as `pyarrow.parquet.read_table` takes it:
        ``[("layer", "==", "total"), ("estimator", "in", ["dfa", "opzo"])]``.

    Returns
    -------
    pandas.DataFrame
        One row a number, in the grid's order; text columns are categories. The columns:

        ``cell``
            Number of the cell in the grid, from 0.
        ``kind``, ``estimator``, ``options``, ``dataset``, ``network``, ``steps``, ...
            And ``batch_size``, ``budget``, ``training``, ``seed``: the cell's coordinates.
            ``options`` are those of the estimator that the grid sets, as ``alpha=0.1,
            law=rademacher``; ``training`` likewise. ``budget`` is 0 of a training.
        ``epoch``
            Epochs of training before; 0 of what is measured at the initial weights.
        ``layer``, ``quantity``, ``oracle``
            What the number is; the layer ``total`` is all together.
        ``value``, ``low``, ``high``, ``level``
            The number and its interval; what is exact has level 1.
        ``replicates``, ``unit``
            Gradient estimates behind it, and its unit.

    Raises
    ------
    DataError
        If there is no finished sweep, it is damaged, or of another schema version.
    UsageError
        If a column does not exist.
    """
    for name in [*(columns or ()), *_filtered(filters)]:
        if name not in SCHEMA.names:
            raise unknown_name("column", name, SCHEMA.names)
    with opened(SweepFolder(path)) as (stream, name), _reading(name):
        table = pq.read_table(
            stream,
            columns=None if columns is None else list(columns),
            filters=filters,
            read_dictionary=[name for name in TEXT if columns is None or name in columns],
            use_threads=False,
            pre_buffer=False,
        )
        frame: pd.DataFrame = table.to_pandas(strings_to_categorical=True)
    return frame


def iterate_sweep(
    folder: SweepFolder, columns: Sequence[str], batch_rows: int = 1 << 17
) -> Iterator[pa.RecordBatch]:
    """Yield the data set piece by piece, in memory that does not grow with it.

    Parameters
    ----------
    folder : SweepFolder
        Of the sweep.
    columns : sequence of str
        Those wanted; text comes as dictionaries.
    batch_rows : int
        Most rows of a piece.

    Raises
    ------
    DataError
        As `read_sweep`.
    """
    text = [name for name in TEXT if name in columns]
    with opened(folder) as (stream, name), _reading(name):
        file = pq.ParquetFile(stream, read_dictionary=text, pre_buffer=False)
        yield from file.iter_batches(batch_rows, columns=list(columns), use_threads=False)


def read_manifest(folder: SweepFolder) -> dict[str, Any]:
    """Return the manifest of a finished sweep.

    Raises
    ------
    DataError
        If there is none, it is damaged, or of another schema version.
    """
    name = folder.path(MANIFEST)
    if MANIFEST not in folder.names():
        begun = len(folder.finished())
        told = f"a sweep that is not finished ({begun} cells)" if begun else "no sweep"
        raise DataError(f"{folder.name}: {told}; expected one with {MANIFEST}. {_AGAIN}")
    try:
        manifest = json.loads(folder.read(MANIFEST))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: unreadable ({error}); expected JSON. {_AGAIN}") from error
    version = manifest.get("sweep_schema_version") if isinstance(manifest, dict) else None
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{name}: sweep schema version {version!r}; expected {SCHEMA_VERSION}. {_AGAIN} Or read"
            " it with the gradassay that wrote it."
        )
    told_manifest: dict[str, Any] = manifest
    return told_manifest


def is_sweep(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is that of a sweep, finished or not."""
    text = os.fspath(path)
    if "://" not in text and not os.path.isdir(text):
        return False
    names = SweepFolder(path).names()
    return RESULTS in names or CELLS in names


@contextmanager
def opened(folder: SweepFolder) -> Generator[tuple[IO[bytes], str]]:
    """Yield the data set's file, open, and its name for messages; checks the manifest first."""
    read_manifest(folder)
    name = folder.path(RESULTS)
    try:
        stream = folder.open(RESULTS)
    except OSError as error:
        reason = "missing" if isinstance(error, FileNotFoundError) else str(error)
        raise DataError(f"{name}: {reason}; expected a Parquet file. {_AGAIN}") from error
    with stream, _reading(name):
        schema = pq.read_schema(stream)
        if not schema.equals(SCHEMA):
            known = set(SCHEMA.names)
            odd = sorted(known ^ set(schema.names)) or ["a type"]
            raise DataError(
                f"{name}: differs in {odd[0]}; expected the columns {', '.join(SCHEMA.names)}."
                f" {_AGAIN}"
            )
        stream.seek(0)
        yield stream, name


@contextmanager
def _reading(name: str) -> Generator[None]:
    """Turn what pyarrow raises at a damaged file into one line."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{name}: unreadable ({first_line(error)}); expected a Parquet file. {_AGAIN}"
        ) from error


def _filtered(filters: Any) -> Iterator[str]:
    """Yield the columns that filters in the form of lists and tuples name."""
    if isinstance(filters, list):
        for part in filters:
            yield from _filtered(part)
    elif isinstance(filters, tuple) and filters and isinstance(filters[0], str):
        yield filters[0]
