"""Where a number comes from: the table, the rows and the column that it was read from or made of.

An origin is text such as ``measurements[12].value``, ``mean of training[9,19,29].test_accuracy`` or
``measurements[12].value * sum of cost[2-6].value``: rows are counted from 0 in the order of the
Parquet file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Any, Literal

import pandas as pd

from gradassay.core.errors import DataError
from gradassay.reports.store import TABLES, Results

How = Literal["", "count", "max", "mean", "median", "min", "sum"]
TIMES = " * "
_PLACE = "_place"
_ORIGIN = re.compile(r"(?:(count|max|mean|median|min|sum) of )?(\w+)\[([\d,-]+)\]\.(\w+)")


def mark(record: Any, table: str, row: int) -> None:
    """Note on a record where it stands; its fields, comparison and hash stay as they are."""
    vars(record)[_PLACE] = (table, row)


def origin(records: Iterable[Any], column: str = "value", how: How = "") -> str:
    """Return where a number comes from; empty where a record was not read from a table.

    Parameters
    ----------
    records : iterable of records
        As `gradassay.reports.rows.load_rows` gives them, of one table.
    column : str
        The column read.
    how : {"", "count", "max", "mean", "median", "min", "sum"}
        What was made of several rows.
    """
    places = [vars(record).get(_PLACE) for record in records]
    if not places or None in places:
        return ""
    table = places[0][0]
    text = f"{table}[{_ranges(sorted(row for _, row in places))}].{column}"
    return f"{how} of {text}" if how else text


def times(*origins: str) -> str:
    """Return the origin of a product; empty where that of a factor is not known."""
    return TIMES.join(origins) if all(origins) else ""


def _ranges(rows: Sequence[int]) -> str:
    """Write ascending numbers with ranges.

    Examples
    --------
    >>> _ranges([0, 1, 2, 7])
    '0-2,7'
    """
    breaks = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(rows)) if b != a + 1), len(rows)]
    spans = [(rows[start], rows[stop - 1]) for start, stop in pairwise(breaks)]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def parts_of(text: str) -> list[tuple[str, str, list[int], str]]:
    """Return what an origin names: how, table, rows and column of each factor.

    Raises
    ------
    DataError
        The text is no origin.

    Examples
    --------
    >>> parts_of("mean of training[0-1,4].test_accuracy")
    [('mean', 'training', [0, 1, 4], 'test_accuracy')]
    """
    found = []
    for part in text.split(TIMES):
        match = _ORIGIN.fullmatch(part)
        if match is None or match[2] not in TABLES:
            raise DataError(
                f"origin: got {part[:80]!r}; expected TABLE[ROWS].COLUMN with one of the tables "
                f"{', '.join(TABLES)}. Copy it from a report."
            )
        rows: list[int] = []
        for piece in match[3].split(","):
            first, _, last = piece.partition("-")
            rows += range(int(first), int(last or first) + 1)
        found.append((match[1] or "", match[2], rows, match[4]))
    return found


def value_of(text: str, results: Results) -> float:
    """Return the number that an origin leads to, worked out again from the tables.

    Parameters
    ----------
    text : str
        As a report shows it.
    results : Results
        The results that the report was made from.

    Raises
    ------
    DataError
        The text is no origin, or the tables have no such row or column.
    """
    values = []
    for how, table, rows, column in parts_of(text):
        frame: pd.DataFrame = getattr(results, table)
        if column not in frame.columns or max(rows) >= len(frame):
            raise DataError(
                f"origin: {text[:80]!r} is not in these results; expected a row below "
                f"{len(frame)} and a column of {table}. Read the report of this folder."
            )
        values.append(_made(how, list(frame[column].iloc[rows])))
    return math.prod(values)


def _made(how: str, values: list[Any]) -> float:
    """Return what is made of the values of some rows."""
    if how == "count":
        return float(len(values))
    makers: dict[str, Callable[[list[Any]], float]]
    makers = {"max": max, "mean": fmean, "median": median, "min": min, "sum": math.fsum}
    return float(makers[how](values)) if how else float(values[0])


def sources_of(origins: Iterable[str]) -> dict[str, int]:
    """Return how many rows of which table some origins name, in the order of the tables.

    Examples
    --------
    >>> sources_of(["cost[3].value", "measurements[0-1].value", "cost[3].value", ""])
    {'measurements': 2, 'cost': 1}
    """
    rows: dict[str, set[int]] = {name: set() for name in TABLES}
    for text in origins:
        for _, table, numbers, _ in parts_of(text) if text else []:
            rows[table].update(numbers)
    return {table: len(numbers) for table, numbers in rows.items() if numbers}
