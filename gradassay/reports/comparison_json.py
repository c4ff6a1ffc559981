"""A comparison of two results folders as strict JSON."""

from __future__ import annotations

import json
from typing import Any

from gradassay.reports.compared import Compared, Comparison
from gradassay.reports.comparison_page import METHOD
from gradassay.reports.results_json import strict


def comparison_json(found: Comparison, names: tuple[str, str]) -> str:
    """Return a comparison as strict JSON; ends with a newline.

    Numbers that are not finite are text, as in `gradassay.reports.results_json.results_json`.
    """
    document = {
        "first": names[0],
        "second": names[1],
        "false_alarm_rate": found.false_alarm_rate,
        "family": found.family,
        "method": METHOD,
        "rows": [_row_json(row) for row in found.rows],
        "checks": [
            {
                "subject": pair.first.subject,
                "problem": pair.first.problem,
                "check": pair.first.check,
                "claim": pair.first.claim,
                "first": pair.first.verdict,
                "second": pair.second.verdict,
                "first_measured": strict(pair.first.measured),
                "second_measured": strict(pair.second.measured),
                "changed": pair.changed,
            }
            for pair in found.checks
        ],
        "only_first": list(found.only_first),
        "only_second": list(found.only_second),
        "settings": [
            {"name": name, "first": first, "second": second}
            for name, first, second in found.settings
        ],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _row_json(row: Compared) -> dict[str, Any]:
    """Return one comparison as plain data."""
    key, difference = row.key, row.difference
    sides = {
        name: {
            "value": strict(side.interval.value),
            "low": strict(side.interval.low),
            "high": strict(side.interval.high),
            "origin": side.origin,
            "seeds": list(side.seeds),
            "replicates": side.replicates,
        }
        for name, side in (("first", row.first), ("second", row.second))
    }
    return {
        "kind": key.kind,
        "subject": key.subject,
        "problem": key.problem,
        "layer": key.layer,
        "quantity": key.quantity,
        "oracle": key.oracle,
        "unit": row.unit,
        **sides,
        "difference": strict(difference.interval.value),
        "low": strict(difference.interval.low),
        "high": strict(difference.interval.high),
        "p_value": strict(difference.p_value),
        "adjusted_p_value": strict(row.adjusted),
        "method": difference.method,
        "outcome": row.outcome,
        "note": row.note,
    }
