"""Finished cells put together, in the grid's order, as one data set."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gradassay.core.errors import DataError
from gradassay.sweeps.cell_files import WRITER, read_cell
from gradassay.sweeps.store import MANIFEST, RESULTS, TIMES, SweepFolder
from gradassay.sweeps.table import SCHEMA, SCHEMA_VERSION, SweepCell

ROWS_OF_A_GROUP = 1 << 17
_MOST_NAMED = 3
TIMES_SCHEMA = pa.schema(
    [
        pa.field("cell", pa.int64(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
    ]
)


def assemble(
    folder: SweepFolder, cells: Sequence[SweepCell], manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the data set, the times and the manifest of a sweep whose cells are all there.

    Parameters
    ----------
    folder : SweepFolder
        Where the cells are.
    cells : sequence of SweepCell
        In the grid's order.
    manifest : mapping
        What else it shall say; plain data.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    DataError
        If files of cells are missing or damaged; names the first ones. Nothing is written then.

    Notes
    -----
    The bytes of the data set depend on the cells alone: not on who computed them, when, or in which
    order. Memory does not grow with the number of cells. The manifest is removed first and written
    last, so that it never belongs to another data set.
    """
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        beside = Path(scratch)
        with folder.put(RESULTS, beside) as fresh:
            rows = write_groups(fresh, _tables(folder, cells, seconds))
            digest = _sha256(fresh)
            folder.remove(MANIFEST)
        with folder.put(TIMES, beside) as fresh:
            _write_times(fresh, cells, seconds)
    told = {
        **manifest,
        "sweep_schema_version": SCHEMA_VERSION,
        "cells": len(cells),
        "rows": rows,
        "results_sha256": digest,
    }
    folder.write(MANIFEST, (json.dumps(told, indent=2, allow_nan=False) + "\n").encode())
    return told


def _tables(
    folder: SweepFolder, cells: Sequence[SweepCell], seconds: list[float]
) -> Iterator[pa.Table]:
    """Yield the rows of each cell with its number; damaged files are told together."""
    damaged: list[str] = []
    for number, cell in enumerate(cells):
        try:
            found = read_cell(folder, cell.digest)
        except DataError as error:
            damaged.append(str(error))
            continue
        seconds.append(found.seconds)
        numbers = pa.array([number] * found.table.num_rows, pa.int64())
        yield found.table.add_column(0, SCHEMA.field("cell"), numbers).cast(SCHEMA)
    if damaged:
        more = len(damaged) - _MOST_NAMED
        shown = "\n".join(damaged[:_MOST_NAMED])
        raise DataError(shown + (f"\n(and {more} more files of cells)" if more > 0 else ""))


def write_groups(file: Path, tables: Iterator[pa.Table]) -> int:
    """Write rows in the schema of the data set in groups of a fixed size; return how many."""
    rows = 0
    with pq.ParquetWriter(file, SCHEMA, **WRITER) as writer:
        for group in _groups(tables):
            rows += group.num_rows
            writer.write_table(group, row_group_size=ROWS_OF_A_GROUP)
    return rows


def _groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the same rows in tables of a fixed number of rows; the last one has what is left."""
    kept: list[pa.Table] = []
    count = 0
    for table in tables:
        kept.append(table)
        count += table.num_rows
        while count >= ROWS_OF_A_GROUP:
            whole = pa.concat_tables(kept).combine_chunks()
            yield whole.slice(0, ROWS_OF_A_GROUP)
            kept, count = [whole.slice(ROWS_OF_A_GROUP)], count - ROWS_OF_A_GROUP
    if count:
        yield pa.concat_tables(kept).combine_chunks()


def _write_times(file: Path, cells: Sequence[SweepCell], seconds: Sequence[float]) -> None:
    columns = {
        "cell": range(len(cells)),
        "digest": [cell.digest for cell in cells],
        "seconds": seconds,
    }
    pq.write_table(pa.table(columns, schema=TIMES_SCHEMA), file, **WRITER)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
