"""Which rows of two results folders belong together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gradassay.core.errors import DataError
from gradassay.core.records import Measurement
from gradassay.reports.rows import distinct

Kind = Literal["measurement", "cost", "training"]
# what both have, compared; the names of what the first, and of what the second has alone
Found = tuple[list[Any], list[str], list[str]]


@dataclass(frozen=True)
class Key:
    """What a number is of; fields that do not apply are empty."""

    kind: Kind
    subject: str
    problem: str
    layer: str
    quantity: str
    oracle: str
    seed: str = ""


def indexed(rows: Sequence[Any], key: Callable[[Any], Key]) -> dict[Any, Any]:
    """Return rows by what they are of.

    Raises
    ------
    DataError
        Two rows are of the same thing.
    """
    found: dict[Any, Any] = {}
    for row in rows:
        name = key(row)
        if name in found:
            raise DataError(
                f"compare: a folder has two rows of {label(name)!r}; expected one. "
                "Make the results again with one run a folder."
            )
        found[name] = row
    return found


def matched(
    one: Mapping[Any, Any], two: Mapping[Any, Any], compare: Callable[[Any, Any, Any], Any]
) -> Found:
    """Return what both have, compared, and the names of what one has."""
    both = [compare(name, one[name], two[name]) for name in one if name in two]
    return both, [label(n) for n in one if n not in two], [label(n) for n in two if n not in one]


def label(key: Any) -> str:
    """Return what a key stands for, in words."""
    if not isinstance(key, Key):
        subject, problem, check, *_ = key
        return f"check {check} of {subject} on {problem}"
    parts = [key.quantity, f"({key.oracle})" * bool(key.oracle), f"of {key.subject}"]
    parts += [f"in {key.layer}" * bool(key.layer), f"on {key.problem}"]
    parts.append(f"seed {key.seed}" * bool(key.seed))
    return " ".join(part for part in parts if part)


def require_shared_oracles(first: Sequence[Measurement], second: Sequence[Measurement]) -> None:
    """Refuse a quantity that the two folders compare with different gradients.

    Raises
    ------
    DataError
        There is one.
    """
    one, two = _oracles(first), _oracles(second)
    for name in one:
        if name in two and not one[name] & two[name]:
            subject, _, _, quantity = name
            raise DataError(
                f"compare: {quantity} of {subject} is relative to {sorted(one[name])[0]!r} and to "
                f"{sorted(two[name])[0]!r}; expected the same oracle. Measure both alike."
            )


def _oracles(rows: Sequence[Measurement]) -> dict[tuple[str, str, str, str], set[str]]:
    """Return the oracles of each quantity."""
    found: dict[tuple[str, str, str, str], set[str]] = {}
    for row in rows:
        name = (row.subject, row.problem, row.layer, row.quantity)
        found.setdefault(name, set()).add(row.oracle)
    return found


def setting_changes(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> list[tuple[str, str, str]]:
    """Return what differs between two manifests: dotted name and both values as text.

    Examples
    --------
    >>> setting_changes({"seed": 0, "settings": {"steps": 4}}, {"seed": 0, "settings": {}})
    [('settings.steps', '4', 'not there')]
    """
    one, two = _flat(first), _flat(second)
    names = distinct([*one, *two])
    sides = [(name, one.get(name, "not there"), two.get(name, "not there")) for name in names]
    return [side for side in sides if side[1] != side[2]]


def _flat(value: object, prefix: str = "") -> dict[str, str]:
    """Return every plain value of nested mappings by its dotted name."""
    if not isinstance(value, Mapping):
        return {prefix: str(value)}
    found: dict[str, str] = {}
    for key, item in value.items():
        found |= _flat(item, f"{prefix}.{key}" if prefix else str(key))
    return found
