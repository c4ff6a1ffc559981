"""Rows of a run as a file that can be read along: JSON Lines, a row a line."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from gradassay.core.atomic import write_whole
from gradassay.core.errors import DataError
from gradassay.core.records import EpochRow, MomentRow

Row = TypeVar("Row", EpochRow, MomentRow)


class RowsFile(Generic[Row]):
    """A JSON Lines file that grows by whole lines, so that others can follow it.

    Parameters
    ----------
    path : path-like
        For example ``metrics.jsonl``; missing folders are made. Rows that are there stay.
    record : type
        Of the rows: `EpochRow` or `MomentRow`.

    Raises
    ------
    DataError
        If there is a file and a line but the last is no row.
    OSError
        If the file cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], record: type[Row]) -> None:
        self.path = Path(path)
        self.rows: list[Row] = []
        if self.path.exists():
            whole, _, _ = self.path.read_text(encoding="utf-8").rpartition("\n")
            self.rows = parse_rows(whole, str(path), record)  # without a line that a crash cut

    def begin(self, stale: Callable[[Row], bool], rows: Iterable[Row] = ()) -> None:
        """Remove the rows of a run that are stale, and write others in their place.

        Raises
        ------
        DataError
            If they cannot be written; the file stays as it was.
        """
        self.rows = [row for row in self.rows if not stale(row)]
        self.rows.extend(rows)
        try:
            write_whole(self.path, format_rows(self.rows))
        except OSError as error:
            raise self._cannot_write(error) from error

    def append(self, *rows: Row) -> None:
        """Write rows, at once on disk.

        Raises
        ------
        DataError
            If they cannot be written, or not whole.
        """
        self.rows.extend(rows)
        try:
            with self.path.open("a", encoding="utf-8", newline="\n") as stream:
                stream.write(format_rows(rows))
        except OSError as error:
            raise self._cannot_write(error) from error

    def _cannot_write(self, error: OSError) -> DataError:
        reason = error.strerror or error
        return DataError(f"{self.path}: cannot be written ({reason}). Mend that and resume.")


def format_rows(rows: Iterable[EpochRow | MomentRow]) -> str:
    """Return rows as JSON Lines; a number that is not finite as ``null``."""
    return "".join(msgspec.json.encode(row).decode() + "\n" for row in rows)


def read_metrics(path: str | os.PathLike[str]) -> list[EpochRow]:
    """Return the rows of a metrics file, whether its run is over or not.

    A number that was not finite stands in the file as ``null`` and comes back as NaN.

    Raises
    ------
    DataError
        If a line is not a row; says which.
    """
    return parse_rows(Path(path).read_text(encoding="utf-8"), str(path), EpochRow)


def parse_rows(text: str, source: str, record: type[Row]) -> list[Row]:
    """Return the rows of JSON Lines, as `read_metrics` does; `source` names them in errors."""
    rows: list[Row] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            fields = msgspec.json.decode(line, type=dict[str, object])
            known = {name: math.nan if value is None else value for name, value in fields.items()}
            rows.append(msgspec.convert(known, record))
        except msgspec.DecodeError as error:
            raise DataError(f"{source}, line {number}: {error}; expected one row.") from error
    return rows
