"""From a name to what it stands for: the package's own, an entry point, or ``module:attribute``."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from gradassay.core.errors import GradassayError, UsageError, unknown_name


def load_named(kind: str, name: str, own: Mapping[str, str], group: str) -> Any:
    """Return the object that a name stands for.

    Parameters
    ----------
    kind : str
        What is named, as a user calls it (``"estimator"``).
    name : str
        One of the package's own, the name of an entry point, or ``module:attribute``.
    own : mapping from name to ``module:attribute``
        The package's own.
    group : str
        Group of the entry points.

    Raises
    ------
    UsageError
        If nothing has that name, or it cannot be loaded.

    Examples
    --------
    >>> load_named("estimator", "root", {"root": "math:sqrt"}, "gradassay.estimators")
    <built-in function sqrt>
    """
    points = {point.name: point.value for point in entry_points(group=group)}
    module, _, attribute = (own.get(name) or points.get(name) or name).partition(":")
    if not (module and attribute):
        error = unknown_name(kind, name, [*own, *points])
        raise UsageError(f"{error} One of your own is module:attribute.")
    members: list[str] = []
    try:
        loaded = importlib.import_module(module)
        members = dir(loaded)
        return getattr(loaded, attribute)
    except (Exception, SystemExit) as error:  # whatever a third party's module raises
        near = difflib.get_close_matches(attribute, members, n=1)
        raise UsageError(
            f"{kind}: got {name!r}, which cannot be loaded ({type(error).__name__}: {error});"
            " expected module:attribute, the module on Python's path."
            + (f" Did you mean {module}:{near[0]}?" if near else "")
        ) from error


def has_to_be_made(found: Any, member: str) -> bool:
    """Whether an object has to be called to have what is wanted, which has that member."""
    return isinstance(found, type) or (callable(found) and not hasattr(found, member))


def make_named(kind: str, name: str, found: Any, member: str, options: Mapping[str, Any]) -> Any:
    """Return what is wanted: the object itself, or what it makes with the options.

    Parameters
    ----------
    kind, name : str
        As in `load_named`.
    found : object
        What `load_named` returned.
    member : str
        A member that what is wanted has.
    options : mapping
        Keyword arguments, where the object is called.

    Raises
    ------
    UsageError
        If it cannot be made.
    """
    if not has_to_be_made(found, member):
        return found
    try:
        return found(**options)
    except GradassayError:
        raise
    except (Exception, SystemExit) as error:  # a third party's code
        raise UsageError(
            f"{kind}: got {name!r}, which cannot be made ({type(error).__name__}: {error})."
        ) from error
