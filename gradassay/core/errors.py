"""The errors that a user can cause, each shown as one line and exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import SupportsIndex


class GradassayError(Exception):
    """Base of every error that names a mistake a user can mend.

    The command line prints it as ``error: <message>`` and exits with code 2.
    """

    code = "error"


class UsageError(GradassayError):
    """A name, an option or a combination of options that does not exist or makes no sense."""

    code = "usage"


class DataError(GradassayError):
    """Input data that is missing, truncated, corrupt, of the wrong shape or not finite."""

    code = "data"


class ConfigurationError(GradassayError):
    """A specification (network, estimator, noise, training) with an impossible value."""

    code = "configuration"


def is_real(value: object) -> bool:
    """Whether a value is a real number; a truth value is none.

    Examples
    --------
    >>> is_real(0.5), is_real("0.5"), is_real(True)
    (True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, NumPy's included; a truth value is none.

    Examples
    --------
    >>> is_whole(2), is_whole(2.0), is_whole("2"), is_whole(True)
    (True, False, False, False)
    """
    return isinstance(value, SupportsIndex) and not isinstance(value, bool)


def require_text(kind: str, got: object, expected: str) -> None:
    """Refuse what is no text, where a name is expected.

    Raises
    ------
    UsageError
        With what was expected.
    """
    if not isinstance(got, str):
        raise UsageError(f"{kind}: got {got!r}; expected {expected}.")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, cut to a readable length; its class without one."""
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def unknown_name(kind: str, got: object, valid: Iterable[str]) -> UsageError:
    """Return the error for a name that is not in the list of valid names.

    Parameters
    ----------
    kind : str
        What the name stands for, as the user calls it (``"estimator"``).
    got : object
        What was given in place of a name that exists.
    valid : iterable of str
        The names that exist.

    Returns
    -------
    UsageError
        Lists at most ten valid names, sorted, and the near match where there is one.

    Examples
    --------
    >>> print(unknown_name("estimator", "opzoo", ["opzo", "dfa"]))
    estimator: got 'opzoo'; expected one of dfa, opzo. Did you mean 'opzo'?
    """
    names = sorted(valid)
    shown = ", ".join(names[:10]) + (f", ... ({len(names)})" if len(names) > 10 else "")
    message = f"{kind}: got {got!r}; expected one of {shown}."
    near = difflib.get_close_matches(str(got), names, n=1)
    return UsageError(message + (f" Did you mean {near[0]!r}?" if near else ""))
