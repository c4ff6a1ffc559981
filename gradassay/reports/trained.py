"""Training runs in numbers: final accuracy over seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from gradassay.core.records import EpochRow, Interval
from gradassay.reports.cells import Cell
from gradassay.reports.formats import percent
from gradassay.reports.origins import origin
from gradassay.reports.rows import distinct

# two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom
_STUDENT_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
SEEDS_NOTE = (
    "Intervals of accuracy and loss are 95 % Student t intervals of the mean over seeds; "
    "a single seed has none, nor have seeds that all give the same number."
)


@dataclass(frozen=True)
class Run:
    """All epochs of one seed, in order."""

    epochs: tuple[EpochRow, ...]

    @property
    def last(self) -> EpochRow:
        """The last epoch."""
        return self.epochs[-1]

    @property
    def diverged_at(self) -> int | None:
        """First epoch with a loss that is not a number, None where there is none."""
        return next((row.epoch for row in self.epochs if row.diverged), None)


def runs_of(rows: tuple[EpochRow, ...], subject: str, problem: str | None) -> list[Run]:
    """Return the runs of one estimator, one a problem and seed."""
    own = [row for row in rows if row.subject == subject and problem in (None, row.problem)]
    keys = distinct((row.problem, row.seed) for row in own)
    return [
        Run(
            tuple(
                sorted(
                    (row for row in own if (row.problem, row.seed) == key),
                    key=lambda row: row.epoch,
                )
            )
        )
        for key in keys
    ]


def mean_over_seeds(values: list[float]) -> Interval:
    """Return mean and 95 % Student t interval; NaN where that cannot be known.

    Values that are all the same tell nothing of how they spread.

    Examples
    --------
    >>> mean_over_seeds([0.5, 1.0]).value
    0.75
    """
    known = all(math.isfinite(value) for value in values)
    mean = fmean(values) if known else math.nan
    if not known or _alike(values):
        return Interval(mean, math.nan, math.nan, 0.95)
    half = _STUDENT_T[min(len(values) - 2, 29)] * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half, 0.95)


def _alike(values: list[float]) -> bool:
    """Whether values are the same, to the rounding of a difference of fractions."""
    return max(values) - min(values) < 1e-12


def mean_fraction(values: list[float]) -> Interval:
    """Return the mean of fractions over seeds, with the part of its interval inside 0 and 1.

    Examples
    --------
    >>> mean_fraction([0.9, 1.0]).high
    1.0
    """
    mean = mean_over_seeds(values)
    if math.isnan(mean.low):
        return mean
    return replace(mean, low=max(mean.low, 0.0), high=min(mean.high, 1.0))


def final_accuracy(runs: list[Run]) -> Interval | None:
    """Return the test accuracy after the last epoch, over seeds."""
    return mean_fraction([run.last.test_accuracy for run in runs]) if runs else None


def accuracy_cell(runs: list[Run]) -> Cell:
    """Return final test accuracy with interval and number of seeds."""
    if not runs:
        return Cell("not trained", tone="quiet")
    return fraction_cell(runs, "test_accuracy")


def fraction_cell(runs: list[Run], column: str) -> Cell:
    """Mean of fractions over seeds, in per cent, with an interval inside 0 and 100."""
    values = [getattr(run.last, column) for run in runs]
    mean = mean_fraction(values)
    note = without_interval(values)
    if not math.isnan(mean.low):
        bounds = f"[{percent(mean.low).removesuffix(' %')}, {percent(mean.high)}]"
        note = f"{bounds}\nn = {len(values)} seeds"
    found = origin([run.last for run in runs], column, "mean")
    return Cell(percent(mean.value), note, value=mean.value, origin=found)


def without_interval(values: list[float]) -> str:
    """Say why a mean over seeds has no interval."""
    if len(values) == 1:
        return "1 seed, no interval"
    alike = ", all alike" if _alike(values) else ""
    return f"n = {len(values)} seeds{alike}, no interval"
