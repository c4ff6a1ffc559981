"""A cell as data, its digest, and the rows that it becomes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import pyarrow as pa

from gradassay.sweeps.axes import Settings, told
from gradassay.sweeps.grid import GridPoint

SCHEMA_VERSION = 1
CELL_COLUMNS = (
    ("kind", pa.string()),
    ("estimator", pa.string()),
    ("options", pa.string()),
    ("dataset", pa.string()),
    ("network", pa.string()),
    ("steps", pa.int32()),
    ("batch_size", pa.int32()),
    ("budget", pa.int64()),
    ("training", pa.string()),
    ("seed", pa.int64()),
)
ROW_COLUMNS = (
    ("epoch", pa.int32()),
    ("layer", pa.string()),
    ("quantity", pa.string()),
    ("oracle", pa.string()),
    ("value", pa.float64()),
    ("low", pa.float64()),
    ("high", pa.float64()),
    ("level", pa.float64()),
    ("replicates", pa.int64()),
    ("unit", pa.string()),
)
CELL_SCHEMA = pa.schema(
    [pa.field(*column, nullable=False) for column in CELL_COLUMNS + ROW_COLUMNS]
)
SCHEMA = pa.schema(
    [pa.field("cell", pa.int64(), nullable=False), *CELL_SCHEMA],
    metadata={"gradassay.sweep_schema": str(SCHEMA_VERSION)},
)


@dataclass(frozen=True)
class SweepCell:
    """One cell of a sweep: pure data, with all that decides its result.

    Parameters
    ----------
    point : GridPoint
        Its coordinates; network, steps and batch size are known.
    model : tuple of (str, value)
        What all cells of the grid share.
    checksums : tuple of (str, str)
        File, or array, of the data set to its checksum.
    version : str
        Of gradassay.
    """

    point: GridPoint
    model: Settings
    checksums: tuple[tuple[str, str], ...]
    version: str

    @cached_property
    def digest(self) -> str:
        """The sha256 of the cell as canonical JSON, in hexadecimal digits."""
        content: dict[str, Any] = {"schema": SCHEMA_VERSION, **asdict(self)}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def label(self) -> str:
        """What sets it apart, for people."""
        point = self.point
        parts = [point.kind, point.estimator, told(point.options), point.dataset, point.network]
        parts += [f"T={point.steps}", told(point.training), f"seed {point.seed}"]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class SweepRow:
    """One number of a cell.

    Parameters
    ----------
    epoch : int
        Epochs of training before; 0 of what is measured at the initial weights.
    layer, quantity, oracle, value, low, high, level, replicates, unit
        As in `gradassay.core.records.Measurement`. What is exact for a training has both ends at
        the value, level 1 and one replicate: the training.
    """

    epoch: int
    layer: str
    quantity: str
    oracle: str
    value: float
    low: float
    high: float
    level: float
    replicates: int
    unit: str


def cell_table(cell: SweepCell, rows: Iterable[SweepRow]) -> pa.Table:
    """Return the rows of a cell with its coordinates, as its file holds them."""
    numbers = list(rows)
    point = cell.point
    same = {name: getattr(point, name) for name, _ in CELL_COLUMNS}
    same |= {"options": told(point.options), "training": told(point.training)}
    columns = {name: [value] * len(numbers) for name, value in same.items()}
    columns |= {field.name: [getattr(r, field.name) for r in numbers] for field in fields(SweepRow)}
    return pa.table(columns, schema=CELL_SCHEMA)
