"""Metrics of a run as a file that can be read along: JSON Lines, one epoch a line."""

from __future__ import annotations

import math
import os
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import msgspec

from gradassay.core.errors import DataError
from gradassay.core.records import EpochRow


class MetricsFile:
    """A JSON Lines file that appears under its name only when it is complete.

    While the ``with`` block runs, rows go to ``<name>.partial.jsonl`` beside it, whole lines at
    once, so that ``tail -f`` and `read_metrics` can follow. The end of the block gives the file its
    name, in place of an older one; any exception, Ctrl-C included, removes the partial file and
    leaves an older one as it was.

    Parameters
    ----------
    path : path-like
        For example ``metrics.jsonl``; missing folders are made.

    Examples
    --------
    >>> MetricsFile("results/metrics.jsonl").partial.name
    'metrics.partial.jsonl'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.partial = self.path.with_name(f"{self.path.stem}.partial.jsonl")
        self._stream: TextIO | None = None

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self.partial.open("w", encoding="utf-8", newline="\n")
        return self

    def append(self, row: EpochRow) -> None:
        """Write one row, at once on disk; fits `train`'s ``on_epoch``."""
        if self._stream is None:
            raise ValueError("the metrics file is not open; use it in a with statement")
        self._stream.write(msgspec.json.encode(row).decode() + "\n")
        self._stream.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._stream is not None:
                self._stream.close()
            if kind is None:
                os.replace(self.partial, self.path)
        finally:
            self._stream = None
            self.partial.unlink(missing_ok=True)


def read_metrics(path: str | os.PathLike[str]) -> list[EpochRow]:
    """Return the rows of a metrics file, finished or partial.

    A number that was not finite stands in the file as ``null`` and comes back as NaN.

    Raises
    ------
    DataError
        If a line is not a row; says which.
    """
    rows: list[EpochRow] = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            fields = msgspec.json.decode(line, type=dict[str, object])
            known = {name: math.nan if value is None else value for name, value in fields.items()}
            rows.append(msgspec.convert(known, EpochRow))
        except msgspec.DecodeError as error:
            raise DataError(f"{path}, line {number}: {error}; expected one epoch's row.") from error
    return rows
