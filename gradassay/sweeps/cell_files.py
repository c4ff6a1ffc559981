"""The file of one cell: its rows, and in the metadata who made them and how long it took."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gradassay.core.errors import DataError, first_line
from gradassay.sweeps.store import SweepFolder
from gradassay.sweeps.table import CELL_SCHEMA, SweepCell

# what decides the bytes of a file besides its rows
WRITER: dict[str, Any] = {"compression": "zstd", "compression_level": 3, "version": "2.6"}
_DIGEST, _VERSION, _SECONDS = "gradassay.digest", "gradassay.version", "gradassay.seconds"


@dataclass(frozen=True)
class CellFile:
    """A finished cell.

    Parameters
    ----------
    table : pyarrow.Table
        Its rows, with the columns of `CELL_SCHEMA`.
    seconds : float
        How long it took to compute.
    """

    table: pa.Table
    seconds: float


def write_cell(folder: SweepFolder, cell: SweepCell, table: pa.Table, seconds: float) -> None:
    """Write the file of a cell, whole or not at all."""
    told = {_DIGEST: cell.digest, _VERSION: cell.version, _SECONDS: f"{seconds:.6f}"}
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(told), buffer, **WRITER)
    folder.write(folder.cell_name(cell.digest), buffer.getvalue())


def read_cell(folder: SweepFolder, digest: str) -> CellFile:
    """Return a finished cell.

    Raises
    ------
    DataError
        If the file is damaged, is another cell's, or has other columns.
    """
    name = folder.cell_name(digest)
    try:
        table = pq.read_table(io.BytesIO(folder.read(name)))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(folder, name, f"unreadable ({first_line(error)})") from error
    metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    if metadata.get(_DIGEST) != digest:
        other = metadata.get(_DIGEST) or "none"
        raise _damaged(folder, name, f"holds the cell {other[:16]}, not that of its name")
    if not table.schema.equals(CELL_SCHEMA):
        raise _damaged(folder, name, _differing(table.schema))
    return CellFile(table, float(metadata[_SECONDS]))


def _differing(schema: pa.Schema) -> str:
    """Say in which column a schema is another one."""
    for field in CELL_SCHEMA:
        if field.name not in schema.names:
            return f"has no column {field.name}"
        if not schema.field(field.name).equals(field):
            return f"column {field.name} is {schema.field(field.name).type}, not {field.type}"
    unknown = [name for name in schema.names if name not in CELL_SCHEMA.names]
    return f"has the unknown column {unknown[0]}" if unknown else "has its columns in another order"


def _damaged(folder: SweepFolder, name: str, found: str) -> DataError:
    return DataError(
        f"{folder.path(name)}: {found}; expected the cell as it was written. Delete the file and"
        " run the same command again: only this cell is computed."
    )
