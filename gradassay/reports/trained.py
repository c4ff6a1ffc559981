"""Training runs in numbers: final accuracy over seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from scipy.special import stdtrit

from gradassay.core.records import EpochRow, Interval
from gradassay.reports.cells import Cell
from gradassay.reports.formats import percent
from gradassay.reports.origins import origin
from gradassay.reports.rows import distinct

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
    half = float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / math.sqrt(len(values))
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
