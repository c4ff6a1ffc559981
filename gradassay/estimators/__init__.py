"""The zoo of gradient estimators: one method a file, one line here."""

from __future__ import annotations

import dataclasses

from gradassay.core.errors import UsageError, unknown_name
from gradassay.core.estimator import Estimator
from gradassay.estimators.bptt import BPTT
from gradassay.estimators.dfa import DFA
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.zo_single_point import ZOSinglePoint

ZOO: tuple[type[SignalEstimator], ...] = (
    SpatialBP,
    BPTT,
    DFA,
    ZOSinglePoint,
    OPZO,
)

__all__ = [
    "BPTT",
    "DFA",
    "OPZO",
    "ZOO",
    "SpatialBP",
    "ZOSinglePoint",
    "make_estimator",
    "zoo_names",
]


def zoo_names() -> tuple[str, ...]:
    """Return the names of all estimators, in the zoo's order."""
    return tuple(method().name for method in ZOO)


def make_estimator(name: str, **options: object) -> Estimator:
    """Return an estimator of the zoo by its name.

    Parameters
    ----------
    name : str
        As `zoo_names` lists it.
    **options
        Fields of the estimator; an option that it does not have is an error.

    Raises
    ------
    UsageError
        If the name or an option does not exist.
    ConfigurationError
        If an option's value is impossible.

    Examples
    --------
    >>> make_estimator("opzo", alpha=0.1).noise.scale
    0.1
    """
    by_name = {method().name: method for method in ZOO}
    if name not in by_name:
        raise unknown_name("estimator", name, by_name)
    method = by_name[name]
    known = [field.name for field in dataclasses.fields(method)]
    for option in options:
        if option not in known:
            expected = ", ".join(sorted(known)) or "no options"
            raise UsageError(f"{name}: got option {option!r}; expected one of {expected}.")
    return method(**options)
