"""What a sweep is going to cost: cells, operations, time."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradassay.sweeps.table import SweepCell

# what cells of equal cost have in common
Family = tuple[str, ...]


def family_of(cell: SweepCell) -> Family:
    """Return what decides the cost of a cell: all coordinates but the seed."""
    point = cell.point
    return (
        point.kind,
        point.estimator,
        str(point.options),
        point.dataset,
        str(point.network),
        str(point.steps),
        str(point.batch_size),
        str(point.budget),
        str(point.training),
    )


@dataclass(frozen=True)
class Plan:
    """Cells done and to do, and what the rest will cost.

    Parameters
    ----------
    cells, done, others : int
        Cells of the grid; those whose files are there; files of cells of other grids or versions,
        which are left alone.
    operations : float
        MACs and ACs of the cells to do, from the cost model.
    seconds : tuple of float
        Lowest, middle and highest prediction of the time that the cells to do take, one after the
        other; they use the smallest, median and largest time of an operation that was seen. Empty
        where nothing was seen.
    seen : str
        What the prediction rests on.
    """

    cells: int
    done: int
    others: int
    operations: float
    seconds: tuple[float, ...] = ()
    seen: str = ""

    @property
    def to_do(self) -> int:
        """Cells that are not there yet."""
        return self.cells - self.done


def predict_seconds(
    to_do: Mapping[Family, int],
    operations: Mapping[Family, float],
    seen: Mapping[Family, Sequence[float]],
) -> tuple[float, ...]:
    """Return lowest, middle and highest time of the cells to do, one after the other.

    Parameters
    ----------
    to_do : mapping from family to int
        Cells to do.
    operations : mapping from family to float
        Of one cell, of all families.
    seen : mapping from family to sequence of float
        Times of cells, in seconds. A family without any takes the times of an operation of its kind
        and estimator, else of its kind, else of all.

    Examples
    --------
    >>> predict_seconds({("a",): 3}, {("a",): 8.0}, {("a",): [1.0, 2.0, 4.0]})
    (3.0, 6.0, 12.0)
    >>> predict_seconds({("b",): 1}, {("a",): 10.0, ("b",): 20.0}, {("a",): [1.0]})
    (2.0, 2.0, 2.0)
    """
    if not any(seen.values()):
        return ()
    totals = [0.0, 0.0, 0.0]
    for family, count in to_do.items():
        rates = _rates(family, operations, seen)
        for i, rate in enumerate((min(rates), statistics.median(rates), max(rates))):
            totals[i] += count * rate * operations[family]
    return tuple(totals)


def _rates(
    family: Family, operations: Mapping[Family, float], seen: Mapping[Family, Sequence[float]]
) -> list[float]:
    """Return seconds an operation, of those seen that are nearest in kind."""
    nearest = (
        [
            seconds / max(operations[other], 1.0)
            for other, times in seen.items()
            if other[:shared] == family[:shared]
            for seconds in times
        ]
        for shared in (len(family), 2, 1, 0)
    )
    return next(filter(None, nearest))


def lines_of(plan: Plan, place: str, computed_by: int | str) -> list[str]:
    """Return a plan as lines for people.

    Parameters
    ----------
    plan : Plan
        What to tell.
    place : str
        The folder.
    computed_by : int or str
        Workers of this machine, or the address of a scheduler.

    Examples
    --------
    >>> plan = Plan(8, 2, 0, 3e9, (30.0, 60.0, 90.0), "2 finished cells")
    >>> for line in lines_of(plan, "out", 2):
    ...     print(line)
    sweep: 8 cells, 2 done, 6 to do, in out
    predicted: 3 G operations; 30 s (15 s to 45 s) with 2 workers, from 2 finished cells
    """
    others = f" ({plan.others:,} cells of other grids are left alone)" if plan.others else ""
    lines = [
        f"sweep: {plan.cells:,} cells, {plan.done:,} done, {plan.to_do:,} to do, in {place}{others}"
    ]
    if plan.to_do:
        workers = computed_by if isinstance(computed_by, int) else 1
        told = [_duration(seconds / workers) for seconds in plan.seconds]
        by = f"with {workers} worker{'s' * (workers > 1)}"
        if isinstance(computed_by, str):
            by = f"on one worker of {computed_by}"
        time = f"; {told[1]} ({told[0]} to {told[2]}) {by}, from {plan.seen}" if told else ""
        lines.append(f"predicted: {_size(plan.operations)} operations{time}")
    return lines


def _duration(seconds: float) -> str:
    """Return a time in the largest unit that it fills."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _size(number: float) -> str:
    for unit, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f}"
