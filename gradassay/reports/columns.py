"""What the columns of the tables mean, from the docstrings of the records."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields

from gradassay.core.errors import unknown_name
from gradassay.reports.store import TABLES

ENTRY = re.compile(r"^(?P<names>\w+(?:, \w+)*) : .*$")


def columns(table: str) -> dict[str, str]:
    """Return what the columns of a table mean, in their order.

    Parameters
    ----------
    table : str
        A table of a results folder: ``measurements``, ``checks``, ``cost``, ``training``, ...

    Raises
    ------
    UsageError
        If there is no such table.

    Examples
    --------
    >>> columns("measurements")["replicates"]
    'Number of gradient estimates behind it.'
    """
    if table not in TABLES:
        raise unknown_name("table", table, TABLES)
    record = TABLES[table]
    meanings = _parameters(inspect.getdoc(record) or "")
    return {field.name: meanings[field.name] for field in fields(record)}


def _parameters(text: str) -> dict[str, str]:
    """Return the descriptions in the section ``Parameters`` of a NumPy-style docstring."""
    _, _, section = text.partition("Parameters\n----------\n")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        entry = ENTRY.match(line)
        if entry:
            names = entry["names"].split(", ")
        elif line.startswith("    "):
            for name in names:
                found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found
