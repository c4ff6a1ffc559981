"""Sections on what the numbers mean, and how to make them again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gradassay.reports.cells import Block, Cell, Section, Table
from gradassay.reports.definitions import (
    OPERATIONS_MEANING,
    ORACLES,
    QUANTITIES,
    definition_anchor,
    level_text,
    title_of,
)
from gradassay.reports.rows import Rows, distinct


def definitions_section(rows: Rows, manifest: Mapping[str, Any]) -> Section | None:
    """Return the section that says what every word and number means; None where there is none."""
    measured = distinct(row.quantity for row in rows.measurements)
    costs = distinct(row.quantity for row in rows.cost)
    varied = [row.quantity for row in rows.scaling if row.quantity in QUANTITIES]
    seen = distinct([*(row.quantity for row in rows.moments), *varied])
    units = {row.quantity: row.unit for row in rows.cost}
    units |= {row.quantity: row.unit for row in rows.measurements}
    curves = distinct(point.quantity for point in rows.cost_curves)
    units |= {point.quantity: point.unit for point in rows.cost_curves}
    body = [
        (
            Cell(title_of(name), anchor=definition_anchor(name)),
            Cell(_unit(units.get(name, "1"))),
            Cell(_meaning(name)),
        )
        for name in distinct([*measured, *costs, *curves, *seen])
    ]
    for oracle in distinct(row.oracle for row in rows.measurements if row.oracle):
        meaning = ORACLES.get(oracle, "No definition in this version.")
        body.append(
            (Cell(oracle), Cell("gradient"), Cell(f"Oracle: {meaning}.".replace("..", ".")))
        )
    for level in sorted({check.level for check in rows.checks}):
        body.append((Cell(f"level {level}"), Cell(""), Cell(level_text(level).split(": ")[-1])))
    if not body:
        return None
    method = str(manifest.get("interval_method") or "not stated in the manifest")
    lead = f"Interval method: {method.rstrip('.')}." + (f" {OPERATIONS_MEANING}" if costs else "")
    table = Table("Quantities, oracles and levels.", ("name", "unit", "meaning"), tuple(body), 3)
    return Section("definitions", "What do the numbers mean?", lead, (Block(table=table),))


def _unit(unit: str) -> str:
    """Return the unit in words."""
    return "ratio" if unit in ("1", "") else unit


def _meaning(name: str) -> str:
    """Definition of a quantity."""
    return QUANTITIES.get(name, ("", "No definition in this version."))[1]


def reproduce_section(manifest: Mapping[str, Any]) -> Section:
    """Return the section with command, seed, versions, checksums and machine."""
    known = {"command", "schema_version", "interval_method"}
    rows = tuple(
        (Cell(key.replace("_", " ")), Cell(name), Cell(text))
        for key, value in manifest.items()
        if key not in known
        for name, text in _flat(value)
    )
    table = Table("Run.", ("what", "name", "value"), rows, text_columns=3)
    code = str(manifest.get("command") or "")
    lead = (
        "The same command with the same seed, data and versions gives the same numbers, "
        "times aside."
    )
    return Section(
        "reproduce", "How to make these numbers again", lead, (Block(code=code), Block(table=table))
    )


def _flat(value: object) -> list[tuple[str, str]]:
    """Names and texts of a value of the manifest; a plain value has no name."""
    if isinstance(value, Mapping):
        return [(str(key), _text(item)) for key, item in value.items()]
    return [("", _text(value))]


def _text(value: object) -> str:
    """Text of a value."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
