"""Mutants and the tests that are asked about them: those of the mutant's own room.

As a command it makes the table at the end of `make mutants` of what
``mutmut results --all true`` prints.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

# a folder of gradassay/, and where in tests/ its own tests are
ROOMS: dict[str, tuple[str, ...]] = {
    "core": ("core",),
    "reference_snn": ("reference_snn",),
    "estimators": ("estimators",),
    "verify/statistics": (
        "verify/statistics",
        "verify/test_intervals.py",
        "verify/test_moments.py",
    ),
    "verify/measuring": (
        "verify/measuring",
        "verify/test_measure.py",
        "verify/test_moment.py",
        "verify/test_oracles_of_measure.py",
        "verify/test_feedback.py",
    ),
}
STATUSES = ("killed", "timeout", "survived", "no tests")


def room_of(mutant: str) -> str | None:
    """Return the room of a mutant such as ``gradassay.core.keys.x_f__mutmut_1``, if it is one."""
    modules = {room: f"gradassay.{room.replace('/', '.')}." for room in ROOMS}
    return next((room for room, module in modules.items() if mutant.startswith(module)), None)


def table(lines: Iterable[str]) -> str:
    """Return a Markdown table of each room's mutants by what became of them."""
    counts: dict[str, Counter[str]] = {room: Counter() for room in ROOMS}
    for line in lines:
        name, _, status = line.strip().rpartition(": ")
        room = room_of(name)
        if room:
            counts[room][status] += 1
    rows = [
        "| room | mutants | killed | timeouts | survived | no test | others | killed or timeout |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    return "\n".join(rows + [_row(room, count) for room, count in counts.items() if count])


def _row(room: str, count: Counter[str]) -> str:
    known = [count[status] for status in STATUSES]
    every = count.total()
    share = f"{(count['killed'] + count['timeout']) / every:.1%}"
    cells = [f"`{room}`", every, *known, every - sum(known), share]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    print(table(sys.stdin))
