"""Records back from tables: typed rows, their order and their groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

from gradassay.core.curves import CostPoint, ExponentRow, ScalingRow
from gradassay.core.records import CheckResult, CostRow, EpochRow, Interval, Measurement, MomentRow
from gradassay.reports.origins import mark
from gradassay.reports.store import TABLES, Results

Item = TypeVar("Item")
OPERATIONS = ("_macs", "_acs")
EFFECTIVE = "effective_"


@dataclass(frozen=True)
class Rows:
    """All records of a results folder as their dataclasses.

    Parameters
    ----------
    measurements, checks, cost, training, moments, scaling, exponents, cost_curves
        Tuples of records, in the order of the tables.
    """

    measurements: tuple[Measurement, ...]
    checks: tuple[CheckResult, ...]
    cost: tuple[CostRow, ...]
    training: tuple[EpochRow, ...]
    moments: tuple[MomentRow, ...]
    scaling: tuple[ScalingRow, ...]
    exponents: tuple[ExponentRow, ...]
    cost_curves: tuple[CostPoint, ...]


def load_rows(results: Results) -> Rows:
    """Return the records of all tables, each with a note of where it stands."""
    tables = {
        name: _records(getattr(results, name), record, name) for name, record in TABLES.items()
    }
    return Rows(**tables)


def _records(frame: pd.DataFrame, record: type, table: str) -> tuple[Any, ...]:
    """Return one record a row."""
    named = frame.to_dict("records")
    made = tuple(record(**{str(key): value for key, value in row.items()}) for row in named)
    for number, one in enumerate(made):
        mark(one, table, number)
    return made


def interval_of(row: Measurement | ScalingRow) -> Interval:
    """Return the interval of a record."""
    return Interval(row.value, row.low, row.high, row.level)


def distinct(items: Iterable[Item]) -> list[Item]:
    """Return the items without repetitions, in the order of their first occurrence.

    Examples
    --------
    >>> distinct(["b", "a", "b"])
    ['b', 'a']
    """
    return list(dict.fromkeys(items))


def compared_subjects(rows: Rows) -> list[str]:
    """Return the estimators that were measured, costed, trained or scaled; else those verified."""
    live = [row.subject for row in rows.measurements]
    live += [row.subject for row in rows.cost] + [row.subject for row in rows.training]
    live += [row.subject for row in rows.scaling]
    return distinct(live or [check.subject for check in rows.checks])


def measurement_groups(rows: Rows) -> list[tuple[str, list[Measurement]]]:
    """Return measurements by problem, and by seed where there are several seeds."""
    several = len({row.seed for row in rows.measurements}) > 1
    keys = distinct((row.problem, row.seed) for row in rows.measurements)
    return [
        (
            f"{problem}, seed {seed}" if several else problem,
            [row for row in rows.measurements if (row.problem, row.seed) == (problem, seed)],
        )
        for problem, seed in keys
    ]


def ordered_layers(rows: Iterable[Measurement]) -> list[str]:
    """Return the layers in order of occurrence, ``total`` last."""
    layers = distinct(row.layer for row in rows)
    return [name for name in layers if name != "total"] + ["total"] * ("total" in layers)


def operations(cost: Sequence[CostRow], subject: str, problem: str | None) -> float | None:
    """Return all operations of an update, None where none were counted.

    The quantity ``operations`` where there is one, else all MACs and ACs together.
    """
    rows = operation_rows(cost, subject, problem)
    return sum(row.value for row in rows) if rows else None


def operation_rows(
    cost: Sequence[CostRow], subject: str, problem: str | None
) -> tuple[CostRow, ...]:
    """Return the rows whose sum `operations` is."""
    own = [row for row in cost if row.subject == subject and problem in (None, row.problem)]
    whole = [row for row in own if row.quantity == "operations"]
    parts = [
        row
        for row in own
        if row.quantity.endswith(OPERATIONS) and not row.quantity.startswith(EFFECTIVE)
    ]
    return tuple(whole[:1] or parts)
