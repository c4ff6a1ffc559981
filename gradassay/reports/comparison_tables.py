"""Tables of a comparison of two results folders."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gradassay.core.records import CheckResult
from gradassay.reports.cells import Cell, Table, Tone
from gradassay.reports.compared import CheckPair, Compared, Comparison, Outcome, Side
from gradassay.reports.definitions import QUANTITIES, heading_of
from gradassay.reports.formats import count, estimate, number, quantity
from gradassay.reports.origins import origin
from gradassay.reports.rows import distinct

TONES: Mapping[Outcome, Tone] = {
    "changed": "warn",
    "within noise": "",
    "identical": "",
    "not judged": "quiet",
}
VERDICT_TONES: Mapping[str, Tone] = {"PASS": "good", "FAIL": "bad", "XFAIL": "warn"}


def changed_table(found: Comparison, names: tuple[str, str]) -> Table:
    """Return what changed, the most surprising first, and then what is exact."""
    rows = sorted(
        found.of("changed"),
        key=lambda row: row.adjusted if math.isfinite(row.adjusted) else math.inf,
    )
    return numbers_table("What changed.", rows, names)


def numbers_table(caption: str, rows: Sequence[Compared], names: tuple[str, str]) -> Table:
    """Return a row a comparison."""
    columns = ("subject", "quantity", "where", "A", "B", "B less A", "adjusted p", "outcome")
    body = tuple(_cells(row) for row in rows)
    problems = distinct(row.key.problem for row in rows)
    where = f"A is {names[0]} and B is {names[1]}"
    if len(problems) == 1:
        caption = f"{caption} On {problems[0]}."
        body = tuple((*cells[:2], replace(cells[2], note=""), *cells[3:]) for cells in body)
    note = "Intervals stand below the numbers, each for itself."
    return Table(f"{caption} {note}".strip(), columns, body, 3, stack=True, where=where)


def _cells(row: Compared) -> tuple[Cell, ...]:
    """Return the cells of one comparison."""
    key = row.key
    plain = row.unit in ("", "1") or (key.kind == "cost" and key.quantity in QUANTITIES)
    unit = "" if plain else f", {row.unit}"
    interval = row.difference.interval
    text, ends = _estimate(interval.value, interval.low, interval.high, row.unit)
    seed = f"seed {key.seed}" if key.seed else ""
    p_text = "" if math.isnan(row.adjusted) else number(row.adjusted, 2)
    p_value = None if math.isnan(row.adjusted) else row.adjusted
    return (
        Cell(key.subject, seed),
        Cell(heading_of(key.quantity, key.oracle) + unit),
        Cell(key.layer or "whole network", key.problem),
        _side_cell(row.first, row.unit, key.kind == "training"),
        _side_cell(row.second, row.unit, key.kind == "training"),
        Cell(text, ends or row.difference.method, value=interval.value),
        Cell(p_text, value=p_value),
        Cell(row.outcome, row.note, TONES[row.outcome]),
    )


def _side_cell(side: Side, unit: str, of_seeds: bool) -> Cell:
    """Return the cell of a number in one folder."""
    interval = side.interval
    text, note = _estimate(interval.value, interval.low, interval.high, unit)
    if not note and text.endswith(("k", "M", "G", "T")):
        note = f"{interval.value:,.1f}".removesuffix(".0") + ", exact"
    if of_seeds or note.startswith("["):
        behind = f"n = {count(side.replicates)}" + " seeds" * of_seeds
        note = f"{note}\n{behind}".strip() if side.replicates else note
    return Cell(text, note or "exact", value=interval.value, origin=side.origin)


def _estimate(value: float, low: float, high: float, unit: str) -> tuple[str, str]:
    """Return a number and its interval, costs in a readable size; no interval where none is."""
    if unit in ("", "1") or not math.isfinite(value):
        text, ends = estimate(value, low, high)
    else:
        ends = "" if low == high else f"[{quantity(low, unit)}, {quantity(high, unit)}]"
        text = quantity(value, unit)
    return text, "no interval" if math.isnan(low) and not math.isnan(value) else ends


def console_table(found: Comparison, names: tuple[str, str]) -> Table:
    """Return what changed in fewer columns, for a terminal."""
    table = changed_table(found, names)
    body = tuple(
        (
            Cell(" ".join(cell.line for cell in row[:3] if cell.line)),
            *(_line(cell) for cell in row[3:7]),
        )
        for row in table.rows
    )
    return Table(table.caption, ("what", *table.columns[3:7]), body)


def _line(cell: Cell) -> Cell:
    """Return a number with the first line of its note: the interval."""
    return Cell(cell.text, cell.note.split("\n")[0] if cell.note.startswith("[") else "")


def verdict_table(caption: str, pairs: Sequence[CheckPair], names: tuple[str, str]) -> Table:
    """Return one row a check with both verdicts."""
    body = tuple(
        (
            Cell(pair.first.subject),
            Cell(pair.first.check, pair.first.claim),
            Cell(pair.first.problem),
            _verdict_cell(pair.first),
            _verdict_cell(pair.second),
            _gap_cell(pair.second.measured - pair.first.measured),
        )
        for pair in pairs
    )
    columns = ("subject", "check", "problem", "A", "B", "measured, B less A")
    where = f"A is {names[0]} and B is {names[1]}"
    return Table(caption, columns, body, text_columns=3, stack=True, where=where)


def _verdict_cell(check: CheckResult) -> Cell:
    """Return a verdict with what was measured."""
    note = f"{number(check.measured)}, bound {number(check.bound)}"
    tone = VERDICT_TONES.get(check.verdict, "warn")
    return Cell(check.verdict, note, tone, check.measured, origin([check], "measured"))


def _gap_cell(gap: float) -> Cell:
    """Return a difference of two measured values."""
    return Cell(number(gap), value=gap)
