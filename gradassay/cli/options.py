"""Options that several commands share."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated, TypeVar

from cyclopts import Parameter

from gradassay.core.errors import UsageError
from gradassay.workbench.names import listed

MAIN_FOUR = "spatial_bp,dfa,zo_single_point,opzo"
T = TypeVar("T")
Estimators = Annotated[
    str,
    Parameter(
        help="Names, separated by commas; sums such as opzo+0.01*local_learning and"
        " module:attribute too."
    ),
]
Settings = Annotated[
    list[str] | None,
    Parameter(
        name="--set",
        consume_multiple=False,
        help="An option of an estimator, NAME.OPTION=VALUE; may be given several times.",
    ),
]
Overwrite = Annotated[bool, Parameter(help="Replace the results that are there.")]
# several options of a command as one record, each under its own name
Options = Annotated[T | None, Parameter(name="*")]


def command_line() -> str:
    """Return the command as it was typed, for a shell."""
    return shlex.join(["gradassay", *sys.argv[1:]])


def require_names(option: str, text: str) -> list[str]:
    """Return names that stand between commas, each once.

    Raises
    ------
    UsageError
        If there is none.
    """
    found = listed(text)
    if not found:
        raise UsageError(f"--{option}: got {text!r}; expected names, separated by commas.")
    return found
