"""JSON schemas that are the same under every Python."""

from __future__ import annotations

import inspect
from typing import Any


def without_indentation(schema: Any) -> Any:
    r"""Return a JSON schema whose descriptions have lost the indentation of their docstrings.

    Parameters
    ----------
    schema : dict, list or scalar
        Of msgspec, whose descriptions are docstrings. Python 3.13 takes the indentation away by
        itself, earlier ones leave it.

    Examples
    --------
    >>> without_indentation({"description": "A point.\n\n    Of the plane.", "type": "object"})
    {'description': 'A point.\n\nOf the plane.', 'type': 'object'}
    """
    if isinstance(schema, list):
        return [without_indentation(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: inspect.cleandoc(value)
        if key == "description" and isinstance(value, str)
        else without_indentation(value)
        for key, value in schema.items()
    }
