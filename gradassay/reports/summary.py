"""The answer: one row an estimator, and a few sentences worked out from the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from gradassay.core.records import Measurement
from gradassay.reports.cells import EMPTY, Cell, Table, measured_cell
from gradassay.reports.definitions import MAIN_ORACLE
from gradassay.reports.formats import count, quantity
from gradassay.reports.origins import origin
from gradassay.reports.rows import (
    Rows,
    compared_subjects,
    distinct,
    operation_rows,
    operations,
)
from gradassay.reports.study_findings import closed_form_cell, exponent_summary_cell
from gradassay.reports.trained import accuracy_cell, runs_of

COLUMNS = (
    "estimator",
    "verified",
    "relative bias²",
    "variance",
    "cosine",
    "operations an update",
    "time a step",
    "final test accuracy",
    "variances that hold their closed form",
    "exponents as in theory",
)


@dataclass(frozen=True)
class Case:
    """One row of the summary: an estimator, on one problem where there are several."""

    subject: str
    problem: str | None

    @property
    def label(self) -> str:
        """Name with the problem where it matters."""
        return self.subject if self.problem is None else f"{self.subject} on {self.problem}"


def cases(rows: Rows) -> list[Case]:
    """Return one case an estimator, and one a problem where a table holds several problems."""
    parts = (rows.measurements, rows.cost, rows.training)
    subjects = compared_subjects(rows)
    if all(len({row.problem for row in part}) <= 1 for part in parts):
        return [Case(subject, None) for subject in subjects]
    pairs = distinct((row.subject, row.problem) for part in parts for row in part)
    return [Case(*pair) for pair in sorted(pairs, key=lambda pair: subjects.index(pair[0]))]


def summary_table(rows: Rows) -> Table:
    """Return the summary; columns about which nothing is known are left out."""
    named = [(case, _summary_row(rows, case)) for case in cases(rows)]
    keep = [0] + [
        index
        for index in range(1, len(COLUMNS))
        if any(cells[index].tone != "quiet" for _, cells in named)
    ]
    body = tuple(tuple(cells[index] for index in keep) for _, cells in named)
    columns = tuple(COLUMNS[index] for index in keep)
    where = "layer is total, and training after its last epoch"
    return Table(_caption(rows), columns, body, stack=True, where=where)


def _summary_row(rows: Rows, case: Case) -> tuple[Cell, ...]:
    """All cells of one estimator."""
    return (
        Cell(case.label),
        verified_cell(rows, case.subject),
        measured_cell(total(rows, case, "squared_bias", MAIN_ORACLE), with_n=True),
        measured_cell(total(rows, case, "total_variance", ""), with_n=True),
        measured_cell(total(rows, case, "cosine", MAIN_ORACLE), with_n=True),
        _operations_cell(rows, case),
        _time_cell(rows, case),
        accuracy_cell(runs_of(rows.training, case.subject, case.problem)),
        closed_form_cell(rows, case.subject),
        exponent_summary_cell(rows, case.subject),
    )


def _caption(rows: Rows) -> str:
    """Say what the columns are relative to and where they were measured."""
    measured = distinct(row.problem for row in rows.measurements)
    trained = distinct(row.problem for row in rows.training)
    seeds = distinct(row.seed for row in rows.measurements)
    parts = []
    if measured:
        parts.append(
            "Bias, variance and cosine: all layers together, relative to the surrogate gradient, "
            f"measured on {'; '.join(measured)}."
        )
    if len(seeds) > 1:
        parts.append(f"Of {len(seeds)} seeds measured, seed {seeds[0]} is shown here.")
    if trained:
        parts.append(f"Accuracy: trained on {'; '.join(trained)}.")
    return " ".join(parts)


def total(rows: Rows, case: Case, quantity: str, oracle: str) -> Measurement | None:
    """Return the measurement over all layers, None where there is none."""
    matching = (
        row
        for row in rows.measurements
        if (row.subject, row.layer, row.quantity, row.oracle)
        == (case.subject, "total", quantity, oracle)
        and case.problem in (None, row.problem)
    )
    return next(matching, None)


def verified_cell(rows: Rows, subject: str) -> Cell:
    """Return how many checks passed of how many."""
    own = [check for check in rows.checks if check.subject == subject]
    verdicts = [check.verdict for check in own]
    if not verdicts:
        return Cell("not verified", tone="quiet")
    passed, failed = verdicts.count("PASS"), verdicts.count("FAIL")
    text = f"{count(passed)} of {count(len(verdicts))} passed"
    found = origin([check for check in own if check.verdict == "PASS"], "verdict", "count")
    cell = partial(Cell, text, value=float(passed), origin=found)
    if failed:
        return cell(f"{count(failed)} failed", "bad")
    if passed < len(verdicts):
        return cell(f"{count(len(verdicts) - passed)} inconclusive", "warn")
    return cell(tone="good")


def _operations_cell(rows: Rows, case: Case) -> Cell:
    """Return the operations of an update."""
    value = operations(rows.cost, case.subject, case.problem)
    if value is None:
        return EMPTY
    counted = operation_rows(rows.cost, case.subject, case.problem)
    return Cell(quantity(value, ""), "counted", value=value, origin=origin(counted, how="sum"))


def _time_cell(rows: Rows, case: Case) -> Cell:
    """Return the wall time of a step with its interval."""
    timed = (
        row
        for row in rows.cost
        if (row.subject, row.quantity) == (case.subject, "step_seconds")
        and case.problem in (None, row.problem)
    )
    row = next(timed, None)
    if row is None:
        return EMPTY
    low, high = quantity(row.low, "s"), quantity(row.high, "s")
    note = "" if low == high else f"[{low}, {high}]"
    return Cell(quantity(row.value, "s"), note, value=row.value, origin=origin([row]))
