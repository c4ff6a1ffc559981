"""JSON schemas that are the same under every Python."""

from __future__ import annotations

import inspect
from typing import Any


def without_indentation(schema: dict[str, Any]) -> dict[str, Any]:
    r"""Return a JSON schema whose descriptions have lost the indentation of their docstrings.

    Parameters
    ----------
    schema : dict
        Of msgspec, whose descriptions are docstrings. Python 3.13 takes the indentation away by
        itself, earlier ones leave it.

    Examples
    --------
    >>> without_indentation({"description": "A point.\n\n    Of the plane.", "type": "object"})
    {'description': 'A point.\n\nOf the plane.', 'type': 'object'}
    """
    return {
        key: inspect.cleandoc(value)
        if key == "description" and isinstance(value, str)
        else _inside(value)
        for key, value in schema.items()
    }


def _inside(value: Any) -> Any:
    """Return a value of a schema, with the schemas in it changed."""
    if isinstance(value, list):
        return [_inside(part) for part in value]
    return without_indentation(value) if isinstance(value, dict) else value
