"""A results folder: Parquet tables of records and a manifest, written whole or not at all."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gradassay.core.atomic import folder_beside, take_place
from gradassay.core.curves import CostPoint, ExponentRow, ScalingRow
from gradassay.core.errors import DataError, UsageError, first_line, unknown_name
from gradassay.core.records import CheckResult, CostRow, EpochRow, Measurement, MomentRow
from gradassay.reports.manifest import SCHEMA_VERSION, to_plain

MANIFEST = "manifest.json"
REPORT = "report.html"
TABLES: dict[str, type] = {
    "measurements": Measurement,
    "checks": CheckResult,
    "cost": CostRow,
    "training": EpochRow,
    "moments": MomentRow,
    "scaling": ScalingRow,
    "exponents": ExponentRow,
    "cost_curves": CostPoint,
}
ACCURACY_FILES = (
    "accuracy.csv",
    "accuracy.md",
    "accuracy.tex",
    "differences.csv",
    "differences.tex",
)
CURVES = "curves{}.svg"
OWN_FILES = frozenset({MANIFEST, REPORT, *ACCURACY_FILES, *(f"{name}.parquet" for name in TABLES)})
ARROW_TYPES = {"str": pa.string(), "Verdict": pa.string(), "int": pa.int64(), "float": pa.float64()}


@dataclass(frozen=True)
class Results:
    """What a results folder holds.

    Parameters
    ----------
    measurements, checks, cost, training, moments, scaling, exponents, cost_curves
        A `pandas.DataFrame` each, one row a record; columns are the fields of `Measurement`,
        `CheckResult`, `CostRow`, `EpochRow`, `MomentRow`, `ScalingRow`, `ExponentRow`,
        `CostPoint`. Any of them may be empty.
    manifest : dict
        As made by `build_manifest`.
    """

    measurements: pd.DataFrame
    checks: pd.DataFrame
    cost: pd.DataFrame
    training: pd.DataFrame
    moments: pd.DataFrame
    scaling: pd.DataFrame
    exponents: pd.DataFrame
    cost_curves: pd.DataFrame
    manifest: dict[str, Any]


def write_results(
    folder: str | Path,
    *,
    manifest: Mapping[str, Any],
    overwrite: bool = False,
    **tables: Iterable[Any],
) -> Path:
    """Return the folder after writing all records and the manifest into it.

    Parameters
    ----------
    folder : path
        New or empty folder; missing parents are made.
    manifest : mapping
        See `build_manifest`; the schema version is set here.
    overwrite : bool, optional
        Replace an existing results folder. A folder that is none, or that also holds files
        which a results folder does not have, is never touched.
    **tables : iterable of records
        Rows of `measurements`, `checks`, `cost`, `training`, `moments`, `scaling`, `exponents`,
        `cost_curves`, each of its class in `TABLES`; those that are not given are empty.

    Raises
    ------
    UsageError
        There is no such table, or the folder is in the way, or cannot be written.

    Notes
    -----
    Everything is written in a hidden folder beside the target, which takes the target's name at
    the end: an error or Ctrl-C leaves what was there before.
    """
    target = Path(folder)
    for name in tables:
        if name not in TABLES:
            raise unknown_name("table", name, TABLES)
    made = {name: to_arrow(list(tables.get(name, ())), record) for name, record in TABLES.items()}
    text = json.dumps(
        {**to_plain(manifest), "schema_version": SCHEMA_VERSION}, indent=2, allow_nan=False
    )
    require_target(target, overwrite=overwrite)
    try:
        with folder_beside(target) as fresh:
            for name, table in made.items():
                pq.write_table(table, fresh / f"{name}.parquet")
            (fresh / MANIFEST).write_text(text + "\n", encoding="utf-8")
            take_place(fresh, target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    return target


def require_target(folder: str | Path, *, overwrite: bool) -> None:
    """Check that results can be written to a folder, before the work that makes them.

    Raises
    ------
    UsageError
        The folder is in the way, or cannot be written.
    """
    target = Path(folder)
    try:
        _refuse_unless_free(target, overwrite)
        with folder_beside(target):
            pass
    except OSError as error:
        raise _cannot_write(target, error) from error


def _cannot_write(target: Path, error: OSError) -> UsageError:
    reason = error.strerror or error
    return UsageError(
        f"results folder: cannot write {str(target)!r}: {reason}. Choose another folder."
    )


def to_arrow(rows: list[Any], record: type) -> pa.Table:
    """Return records as a table whose columns are the fields of their class."""
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=schema_of(record))


def schema_of(record: type) -> pa.Schema:
    """Return the Arrow schema of a record class."""
    return pa.schema([(field.name, ARROW_TYPES[str(field.type)]) for field in fields(record)])


def _refuse_unless_free(target: Path, overwrite: bool) -> None:
    """Raise unless the target is absent, empty, or results that may be replaced."""
    if target.exists() and not target.is_dir():
        raise UsageError(
            f"results folder: {str(target)!r} is a file; expected a folder. Choose another name."
        )
    names = {path.name for path in target.iterdir()} if target.exists() else set()
    if not names:
        return
    if MANIFEST not in names:
        raise UsageError(
            f"results folder: {str(target)!r} is not empty and has no {MANIFEST}; "
            "expected a new, an empty or a results folder. Choose another folder."
        )
    if not overwrite:
        raise UsageError(
            f"results folder: {str(target)!r} already holds results; "
            "expected a new or empty folder. Choose another one or ask to overwrite."
        )
    foreign = sorted(n for n in names - OWN_FILES if not fnmatch.fnmatch(n, CURVES.format("*")))
    if foreign:
        raise UsageError(
            f"results folder: {str(target)!r} also holds {foreign[0]!r}, which overwriting would "
            "delete. Move it away or choose another folder."
        )


def read_results(folder: str | Path) -> Results:
    """Return what a results folder holds.

    Parameters
    ----------
    folder : path
        As written by `write_results`.

    Raises
    ------
    DataError
        The folder, a file or a column is missing, a file is damaged, or the schema version is
        another one.
    """
    path = Path(folder)
    if not os.path.isdir(path):  # False where Path.is_dir raises: a name that is too long
        raise DataError(
            f"results folder: {str(path)!r} does not exist or is not a folder; "
            f"expected a folder with {MANIFEST}. Check the path."
        )
    manifest = _read_manifest(path / MANIFEST)
    tables = {name: _read_table(path / f"{name}.parquet", cls) for name, cls in TABLES.items()}
    return Results(**tables, manifest=manifest)


def _read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest after a look at its schema version."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _damaged(path, "missing", "a JSON file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, f"unreadable ({first_line(error)})", "a JSON file") from error
    if not isinstance(manifest, dict):
        raise _damaged(path, f"holds a {type(manifest).__name__}", "a JSON object")
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{path}: schema version {version!r}; expected {SCHEMA_VERSION}. Run the command "
            "that made the results again, or read them with the gradassay that wrote them."
        )
    return manifest


def _read_table(path: Path, record: type) -> pd.DataFrame:
    """Return one table with the columns of its record, in their order and types."""
    schema = schema_of(record)
    try:
        table = pq.read_table(path)
        missing = [name for name in schema.names if name not in table.column_names]
        if missing:
            raise _damaged(path, f"no column {', '.join(missing)}", ", ".join(schema.names))
        table = table.select(schema.names).cast(schema)
    except FileNotFoundError as error:
        raise _damaged(path, "missing", "a Parquet file") from error
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, f"unreadable ({first_line(error)})", "a Parquet file") from error
    holes = [name for name in schema.names if table[name].null_count and name in _complete(schema)]
    if holes:
        raise _damaged(path, f"empty cells in {', '.join(holes)}", "a value in every row")
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _complete(schema: pa.Schema) -> set[str]:
    """Names of the columns in which an empty cell has no meaning (all but the numbers)."""
    return {field.name for field in schema if field.type != pa.float64()}


def _damaged(path: Path, found: str, expected: str) -> DataError:
    """Return the error for a file that is not as written."""
    return DataError(
        f"{path}: {found}; expected {expected}. Run the command that made the results again."
    )
