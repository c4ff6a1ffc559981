"""Other libraries' neurons as implementations; each file is imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, cast

from gradassay.core.errors import UsageError, unknown_name
from gradassay.core.plugins import load_named
from gradassay.crosscheck.implementation import Implementation

if TYPE_CHECKING:
    from gradassay.crosscheck.surrogate_functions import SurrogateFunction

LIBRARIES = ("snntorch", "spikingjelly", "norse", "sinabs")


class MissingLibrary(UsageError):
    """A library that cannot be imported; the message has the line that installs it."""


def library(name: str, mode: str) -> Sequence[Implementation]:
    """Return a library's implementations.

    Parameters
    ----------
    name : str
        One of `LIBRARIES`.
    mode : {"default", "matched", "suspects"}
        As it comes; configured to conventions that the reference has too; configured so that it
        should have them.

    Raises
    ------
    UsageError
        If there is no such library.
    MissingLibrary
        If it is not installed.
    """
    module = _adapter(name)
    return (module.default(),) if mode == "default" else getattr(module, mode)()


def library_surrogates(name: str) -> Sequence[SurrogateFunction]:
    """Return the surrogate derivatives that a library offers.

    Parameters
    ----------
    name : str
        One of `LIBRARIES`.

    Raises
    ------
    UsageError
        If there is no such library.
    MissingLibrary
        If it is not installed.
    """
    found: Sequence[SurrogateFunction] = _adapter(name).surrogates()
    return found


def _adapter(name: str) -> ModuleType:
    """Return a library's module here."""
    if name not in LIBRARIES:
        raise unknown_name("library", name, LIBRARIES)
    try:
        return importlib.import_module(f"gradassay.crosscheck.adapters.{name}")
    except ImportError as error:
        raise MissingLibrary(
            f"{name}: cannot be imported ({error}). Install it with `pip install {name}`."
        ) from error


def named_implementation(name: str) -> Implementation:
    """Return an implementation of somebody's own.

    Parameters
    ----------
    name : str
        Of an entry point of the group ``gradassay.implementations``, or ``module:attribute``; an
        object, or a class that makes one.

    Raises
    ------
    UsageError
        If there is none, or it is no implementation.
    """
    own: dict[str, str] = {one: "" for one in LIBRARIES}
    found = load_named("implementation", name, own, "gradassay.implementations")
    made = found() if isinstance(found, type) else found
    missing = [one for one in ("name", "profile", "run") if not hasattr(made, one)]
    if missing:
        kind = type(made).__name__
        raise UsageError(
            f"implementation: got {name!r}, a {kind} without {', '.join(missing)}; expected an "
            "object with name, profile and run(task)."
        )
    return cast("Implementation", made)
