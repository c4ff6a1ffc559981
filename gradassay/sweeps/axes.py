"""Tables of a grid file whose keys are options, and whose values are axes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradassay.core.errors import ConfigurationError, UsageError, unknown_name
from gradassay.workbench.names import compact

Value = bool | int | float | str | None | tuple[float, ...]
Settings = tuple[tuple[str, Value], ...]
# training options that are lists themselves: a list of lists is an axis of them
LISTS = frozenset({"milestones"})


def option_axes(table: Mapping[str, Any], estimators: Sequence[str]) -> dict[str, list[Settings]]:
    """Return, for each estimator, the settings of its options that the table spans.

    Parameters
    ----------
    table : mapping
        ``NAME.OPTION`` to a value or a list of values; or NAME to such a table of its options.
    estimators : sequence of str
        Of the grid.

    Raises
    ------
    UsageError
        If a key names no estimator of the grid, or no option.
    ConfigurationError
        If a list is empty, holds a value twice, or something that is no value of an option.

    Examples
    --------
    >>> option_axes({"opzo.alpha": [0.1, 0.2]}, ["dfa", "opzo"])
    {'dfa': [()], 'opzo': [(('alpha', 0.1),), (('alpha', 0.2),)]}
    """
    own: dict[str, dict[str, list[Value]]] = {name: {} for name in estimators}
    for key, value in _flat(table):
        name, _, option = key.rpartition(".")
        name = compact(name)
        if not (name and option.isidentifier()):
            raise UsageError(
                f"options.{key}: expected NAME.OPTION, for example 'opzo.alpha' = [0.1, 0.2]."
            )
        if name not in own:
            raise unknown_name(f"options.{key}: estimator of the grid", name, own)
        if option in own[name]:
            raise ConfigurationError(f"options.{key}: given twice; expected each option once.")
        own[name][option] = _values(f"options.{key}", value)
    return {name: _product(axes) for name, axes in own.items()}


def setting_axes(name: str, table: Mapping[str, Any]) -> list[Settings]:
    """Return the settings that a table of options spans.

    Raises
    ------
    ConfigurationError
        If a list is empty, holds a value twice, or something that is no value of an option.

    Examples
    --------
    >>> setting_axes("training", {"epochs": 1, "learning_rate": [0.05, 0.1]})
    [(('epochs', 1), ('learning_rate', 0.05)), (('epochs', 1), ('learning_rate', 0.1))]
    """
    return _product({key: _values(f"{name}.{key}", value) for key, value in table.items()})


def axis(name: str, values: Sequence[Any] | Any) -> list[Any]:
    """Return the values of an axis.

    Raises
    ------
    ConfigurationError
        If there is none, or one of them twice.
    """
    found = list(values) if isinstance(values, list | tuple) else [values]
    if not found:
        raise ConfigurationError(f"{name}: got an empty list; expected at least one value.")
    twice = [value for i, value in enumerate(found) if value in found[:i]]
    if twice:
        raise ConfigurationError(f"{name}: got {twice[0]!r} twice; expected each value once.")
    return found


def told(settings: Settings) -> str:
    """Return settings as a line of text, as ``--set`` takes values.

    Examples
    --------
    >>> told((("alpha", 0.1), ("law", "rademacher")))
    'alpha=0.1, law=rademacher'
    """
    return ", ".join(f"{name}={value}" for name, value in settings)


def _flat(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield ``NAME.OPTION`` and values, of keys that are nested tables too."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            for option, values in _flat(value):
                yield f"{key}.{option}", values
        else:
            yield key, value


def _product(axes: Mapping[str, list[Value]]) -> list[Settings]:
    """Return all combinations, each sorted by name; the first key of the table varies slowest."""
    combinations = itertools.product(*axes.values())
    return [tuple(sorted(zip(axes, values, strict=True))) for values in combinations]


def _values(place: str, value: Any) -> list[Value]:
    """Return the values of one option."""
    several = isinstance(value, list)
    if (
        several
        and place.rpartition(".")[2] in LISTS
        and not any(isinstance(item, list) for item in value)
    ):
        several = False
    return axis(place, [_value(place, item) for item in (value if several else [value])])


def _value(place: str, value: Any) -> Value:
    if isinstance(value, list) and all(isinstance(item, int | float) for item in value):
        return tuple(float(item) for item in value)
    if not isinstance(value, bool | int | float | str):
        raise ConfigurationError(
            f"{place}: got {value!r}; expected a number, a word, true or false, or a list of them."
        )
    return value
