"""From a name to a backend: the two that come with the package, or a third party's."""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import entry_points
from typing import Any

from gradassay.core.backend import Backend
from gradassay.core.errors import GradassayError, UsageError, unknown_name

ENTRY_POINTS = "gradassay.backends"
BACKENDS = {
    "numpy": "gradassay.reference_snn:ReferenceBackend",
    "torch": "gradassay.torch_snn:TorchBackend",
}
VERBS = tuple(sorted(name for name in vars(Backend) if not name.startswith("_")))


def backend_named(name: str, dtype: str | None = None, device: str = "cpu") -> Backend:
    """Return a backend by its name.

    Parameters
    ----------
    name : str
        ``numpy``, ``torch``, ``module:attribute``, or the name of an entry point of the group
        ``gradassay.backends``. The attribute is a backend, or makes one: it is called with those of
        ``dtype`` and ``device`` that it takes.
    dtype : str or None
        ``float32`` or ``float64``; None for the backend's own choice.
    device : str
        ``cpu``, or another device that the backend knows.

    Raises
    ------
    UsageError
        If nothing has that name, it is no backend, or it has no choice of dtype or device.

    Examples
    --------
    >>> backend_named("numpy").name
    'numpy'
    """
    found = _resolved(name)
    options = {"dtype": dtype} if dtype is not None else {}
    if device != "cpu" or _takes(found, "device"):
        options["device"] = device
    for option, value in options.items():
        if not _takes(found, option):
            raise UsageError(
                f"{option}: got {value!r} with the backend {name!r}, which has no choice of it."
                " Leave it out, or use --backend torch."
            )
    made = _made(name, found, options)
    missing = [verb for verb in VERBS if not hasattr(made, verb)]
    if missing:
        raise UsageError(
            f"backend: got {name!r}, {type(made).__name__} without {', '.join(missing)}; expected"
            " all members of gradassay.core.backend.Backend."
        )
    backend: Backend = made
    return backend


def _resolved(name: str) -> Any:
    """Return what a name stands for: a backend, or something that makes one."""
    points = {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}
    module, colon, attribute = (BACKENDS.get(name) or points.get(name) or name).partition(":")
    if not (module and colon and attribute):
        raise unknown_name("backend", name, [*BACKENDS, *points])
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever a third party's module raises
        raise UsageError(
            f"backend: got {name!r}, which cannot be loaded ({error}); expected module:attribute,"
            " the module on Python's path."
        ) from error


def _takes(found: Any, option: str) -> bool:
    """Whether it is called to make a backend, and with this option."""
    return _makes(found) and option in inspect.signature(found).parameters


def _makes(found: Any) -> bool:
    """Whether it has to be called to have a backend: a class or a function, not an object."""
    return isinstance(found, type) or (callable(found) and not hasattr(found, "forward"))


def _made(name: str, found: Any, options: dict[str, str]) -> Any:
    """Return the backend: itself if it is one, else made with the options."""
    if not _makes(found):
        return found
    try:
        return found(**options)
    except GradassayError:
        raise
    except Exception as error:  # a third party's code
        raise UsageError(
            f"backend: got {name!r}, which cannot be made: {type(error).__name__}: {error}."
        ) from error
