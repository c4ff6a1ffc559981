"""Records back from tables: typed rows, their order and their groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from gradassay.core.curves import CostPoint, ExponentRow, ScalingRow
from gradassay.core.records import CheckResult, CostRow, EpochRow, Measurement, MomentRow
from gradassay.reports.origins import mark
from gradassay.reports.store import Results

Record = TypeVar(
    "Record",
    Measurement,
    CheckResult,
    CostRow,
    EpochRow,
    MomentRow,
    ScalingRow,
    ExponentRow,
    CostPoint,
)
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
    return Rows(
        measurements=_records(results.measurements, Measurement, "measurements"),
        checks=_records(results.checks, CheckResult, "checks"),
        cost=_records(results.cost, CostRow, "cost"),
        training=_records(results.training, EpochRow, "training"),
        moments=_records(results.moments, MomentRow, "moments"),
        scaling=_records(results.scaling, ScalingRow, "scaling"),
        exponents=_records(results.exponents, ExponentRow, "exponents"),
        cost_curves=_records(results.cost_curves, CostPoint, "cost_curves"),
    )


def _records(frame: pd.DataFrame, record: type[Record], table: str) -> tuple[Record, ...]:
    """One dataclass a row."""
    named = frame.to_dict("records")
    made = tuple(record(**{str(key): value for key, value in row.items()}) for row in named)
    for number, one in enumerate(made):
        mark(one, table, number)
    return made


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
