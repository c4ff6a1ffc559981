"""From a name to an estimator: the zoo's, a third party's, or a sum of some."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection, Mapping
from importlib.metadata import entry_points
from typing import Any

from gradassay.core.errors import UsageError, require_text, unknown_name
from gradassay.core.estimator import Estimator
from gradassay.core.plugins import load_named, make_named
from gradassay.estimators.hybrid import Hybrid
from gradassay.estimators.layerwise import LayerwiseEstimator

ENTRY_POINTS = "gradassay.estimators"
_TERM = re.compile(r"(?:(?P<coefficient>\d+(?:\.\d+)?(?:e-?\d+)?)\*)?(?P<name>[^*+]+)")


def parse_sum(name: str) -> list[tuple[float, str]]:
    """Return the terms of a sum of methods, coefficient and name.

    Raises
    ------
    UsageError
        If it has another form than ``name+0.01*name``.

    Examples
    --------
    >>> parse_sum("opzo+0.01*local_learning")
    [(1.0, 'opzo'), (0.01, 'local_learning')]
    """
    require_text("estimator", name, "a name, or a sum such as opzo+0.01*local_learning")
    matches = [
        _TERM.fullmatch(term.strip()) for term in re.split(r"\+(?=[^\d]|\d[\d.e-]*\*)", name)
    ]
    terms = [(float(m["coefficient"] or 1), m["name"].strip()) for m in matches if m]
    if len(terms) < len(matches) or not all(math.isfinite(factor) for factor, _ in terms):
        raise UsageError(
            f"estimator: got {name!r}; expected a name, or a sum such as opzo+0.01*local_learning."
        )
    return terms


def names_only(name: str, zoo: Collection[str]) -> bool:
    """Whether all terms of a sum are the zoo's, entry points, or ``module:attribute``."""
    try:
        parts = [part for _, part in parse_sum(name)]
    except UsageError:
        return False
    points = entry_points(group=ENTRY_POINTS).names
    return all(part in zoo or part in points or ":" in part for part in parts)


def build(name: str, zoo: Mapping[str, str], options: Mapping[str, object]) -> Estimator:
    """Return an estimator by name; in a sum, an option goes to every part that has it.

    Raises
    ------
    UsageError
        If a name or an option does not exist.
    """
    terms = parse_sum(name)
    names = [part for _, part in terms]
    found = [load_named("estimator", part, zoo, ENTRY_POINTS) for part in names]
    for option in options:
        known = sorted({field for method in found for field in options_of(method)})
        if option not in known:
            raise unknown_name(f"{name} option", option, known or ["none: it has no options"])
    parts = [_made(*pair, options) for pair in zip(names, found, strict=True)]
    if len(parts) == 1:
        if terms[0][0] != 1:
            raise UsageError(
                f"estimator: got {name!r}, a coefficient on a single method; expected a sum, or the"
                " name alone. Change the learning rate instead."
            )
        return parts[0]
    signals = [part for part in parts if isinstance(part, LayerwiseEstimator)]
    if len(signals) < len(parts):
        odd = next(part for part in parts if not isinstance(part, LayerwiseEstimator))
        raise UsageError(
            f"estimator: got {name!r}; expected a sum of methods that are made layer by layer,"
            f" and {type(odd).__name__} is not. Leave it out, or run it alone."
        )
    return Hybrid(
        parts=tuple(signals),
        coefficients=tuple(coefficient for coefficient, _ in terms),
        temporal=signals[0].temporal,
    )


def options_of(method: Any) -> list[str]:
    """Return the options of a method; an estimator that is made already has none."""
    if isinstance(method, type) and dataclasses.is_dataclass(method):
        return [field.name for field in dataclasses.fields(method)]
    return []


def _made(name: str, method: Any, options: Mapping[str, object]) -> Estimator:
    """Return the estimator: itself if it is one, else made with the options that it has."""
    given = {option: options[option] for option in options_of(method) if option in options}
    made = make_named("estimator", name, method, "estimate", given)
    if not hasattr(made, "estimate"):
        raise UsageError(
            f"estimator: got {name!r}, {type(made).__name__} without estimate; expected all members"
            " of gradassay.core.estimator.Estimator."
        )
    estimator: Estimator = made
    return estimator
