"""Metrics of a run as a file that can be read along: JSON Lines, one epoch a line."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from gradassay.core.atomic import write_whole
from gradassay.core.errors import DataError
from gradassay.core.records import EpochRow


class MetricsFile:
    """A JSON Lines file that grows by a whole line an epoch, so that others can follow it.

    Parameters
    ----------
    path : path-like
        For example ``metrics.jsonl``; missing folders are made. Rows that are there stay.

    Raises
    ------
    DataError
        If there is a file and a line but the last is no row.
    OSError
        If the file cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._rows: list[EpochRow] = []
        if self.path.exists():
            whole, _, _ = self.path.read_text(encoding="utf-8").rpartition("\n")
            self._rows = parse_rows(whole, str(path))  # without a line that a crash cut

    def begin(self, subject: str, problem: str, seed: int, rows: Iterable[EpochRow]) -> None:
        """Put these rows in place of those that are there of one run."""
        run = (subject, problem, seed)
        self._rows = [r for r in self._rows if (r.subject, r.problem, r.seed) != run]
        self._rows.extend(rows)
        write_whole(self.path, format_rows(self._rows))

    def append(self, row: EpochRow) -> None:
        """Write one row, at once on disk; fits `train`'s ``on_epoch``."""
        self._rows.append(row)
        with self.path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(format_rows([row]))


def format_rows(rows: Iterable[EpochRow]) -> str:
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
    return parse_rows(Path(path).read_text(encoding="utf-8"), str(path))


def parse_rows(text: str, source: str) -> list[EpochRow]:
    """Return the rows of JSON Lines, as `read_metrics` does; `source` names them in errors."""
    rows: list[EpochRow] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            fields = msgspec.json.decode(line, type=dict[str, object])
            known = {name: math.nan if value is None else value for name, value in fields.items()}
            rows.append(msgspec.convert(known, EpochRow))
        except msgspec.DecodeError as error:
            raise DataError(
                f"{source}, line {number}: {error}; expected one epoch's row."
            ) from error
    return rows
