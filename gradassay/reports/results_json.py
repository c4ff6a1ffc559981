"""All tables of a results folder and its manifest as one strict JSON document."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any

import pandas as pd

from gradassay.reports.manifest import SCHEMA_VERSION, to_plain
from gradassay.reports.store import TABLES, Results

_TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "Verdict": {"enum": ["PASS", "FAIL", "INCONCLUSIVE", "XFAIL"]},
    "int": {"type": "integer"},
    "float": {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]},
}


def results_json(results: Results) -> str:
    """Return results as JSON that any reader takes; ends with a newline.

    Parameters
    ----------
    results : Results
        As read by `read_results`.

    Notes
    -----
    An object with ``schema_version``, ``manifest`` and ``tables``: each table a list of objects,
    one a row in the order of the Parquet file. A number that is not finite is the text ``NaN``,
    ``Infinity`` or ``-Infinity``, which ``float`` of Python and ``Number`` of JavaScript read.
    `results_schema` gives the schema.
    """
    tables = {name: _rows(getattr(results, name)) for name in TABLES}
    document = {
        "schema_version": SCHEMA_VERSION,
        "manifest": to_plain(results.manifest),
        "tables": tables,
    }
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=True) + "\n"


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One object a row."""
    return [
        {str(name): strict(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def strict(value: Any) -> Any:
    """Return a value as strict JSON has it: a number that is not finite as its name.

    Examples
    --------
    >>> strict(0.5), strict(float("-inf")), strict("text")
    (0.5, '-Infinity', 'text')
    """
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def results_schema() -> dict[str, Any]:
    """Return the JSON schema of `results_json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Results of gradassay",
        "type": "object",
        "required": ["schema_version", "manifest", "tables"],
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION},
            "manifest": {"type": "object"},
            "tables": {
                "type": "object",
                "required": list(TABLES),
                "properties": {name: _table_schema(record) for name, record in TABLES.items()},
            },
        },
    }


def _table_schema(record: type) -> dict[str, Any]:
    """Return the schema of a list of records."""
    columns = {field.name: _TYPES[str(field.type)] for field in fields(record)}
    row = {"type": "object", "required": list(columns), "properties": columns}
    return {"type": "array", "items": row}
