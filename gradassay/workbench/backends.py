"""From a name to a backend: the two that come with the package, or a third party's."""

from __future__ import annotations

import inspect
from typing import Any

from gradassay.core.backend import Backend
from gradassay.core.errors import UsageError
from gradassay.core.plugins import has_to_be_made, load_named, make_named

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
    found = load_named("backend", name, BACKENDS, ENTRY_POINTS)
    options = {"dtype": dtype} if dtype is not None else {}
    if device != "cpu" or _takes(found, "device"):
        options["device"] = device
    for option, value in options.items():
        if not _takes(found, option):
            raise UsageError(
                f"{option}: got {value!r} with the backend {name!r}, which has no choice of it."
                " Leave it out, or use --backend torch."
            )
    made = make_named("backend", name, found, "forward", options)
    missing = [verb for verb in VERBS if not hasattr(made, verb)]
    if missing:
        raise UsageError(
            f"backend: got {name!r}, {type(made).__name__} without {', '.join(missing)}; expected"
            " all members of gradassay.core.backend.Backend."
        )
    backend: Backend = made
    return backend


def _takes(found: Any, option: str) -> bool:
    """Whether it is called to make a backend, and with this option."""
    return has_to_be_made(found, "forward") and option in inspect.signature(found).parameters
