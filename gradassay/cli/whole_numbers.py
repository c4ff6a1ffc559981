"""Whole numbers on the command line: a fraction is refused, not rounded."""

from __future__ import annotations

import typing
from typing import Any

from cyclopts import App, ArgumentCollection

from gradassay.core.errors import UsageError


def refuse_fractions(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse ``1.5`` where a whole number is expected; a source of options of `cyclopts`.

    Raises
    ------
    UsageError
        Cyclopts itself would round it.
    """
    for argument in arguments:
        if not _is_whole(argument.hint):
            continue
        for token in argument.tokens:
            if _is_fraction(token.value):
                raise UsageError(f"{argument.name}: got {token.value}; expected a whole number.")


def _is_whole(hint: Any) -> bool:
    """Whether a type is int, alone, in a tuple or list, or where None may stand, and no float."""
    kinds = {hint, *typing.get_args(hint)}
    return int in kinds and float not in kinds


def _is_fraction(text: str) -> bool:
    try:
        return "." in text and not float(text).is_integer()
    except (ValueError, OverflowError):
        return False
