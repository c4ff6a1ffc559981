"""A comparison of two results folders as plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from gradassay.core.records import CheckResult, Interval
from gradassay.reports.differences import Difference
from gradassay.reports.matching import Key

Outcome = Literal["changed", "within noise", "identical", "not judged"]


@dataclass(frozen=True)
class Side:
    """A number in one of the two folders.

    Parameters
    ----------
    interval : Interval
        As in the record; of trainings the mean over seeds.
    origin : str
        Where it stands; see `gradassay.reports.origins`.
    seeds : tuple of int
        Of the run, or of the trainings.
    replicates : int
        Estimates, or trainings, behind it; 0 where nothing was repeated.
    """

    interval: Interval
    origin: str
    seeds: tuple[int, ...]
    replicates: int = 0


@dataclass(frozen=True)
class Compared:
    """One quantity found in both folders.

    Parameters
    ----------
    key : Key
        What it is.
    unit : str
        Unit, ``1`` for a ratio.
    first, second : Side
        The two numbers.
    difference : Difference
        Second less first.
    adjusted : float
        Holm's p-value over all comparisons with an error; NaN where there is none.
    outcome : {"changed", "within noise", "identical", "not judged"}
        Exact values that differ are changed; others where `adjusted` is at most the
        false-alarm rate.
    note : str
        Why it was not judged.
    """

    key: Key
    unit: str
    first: Side
    second: Side
    difference: Difference
    adjusted: float = math.nan
    outcome: Outcome = "not judged"
    note: str = ""


@dataclass(frozen=True)
class CheckPair:
    """One check found in both folders."""

    first: CheckResult
    second: CheckResult

    @property
    def changed(self) -> bool:
        """Whether the verdict is another one."""
        return self.first.verdict != self.second.verdict


@dataclass(frozen=True)
class Comparison:
    """All that two folders have in common, and all that they have not.

    Parameters
    ----------
    rows : tuple of Compared
        In the order of the first folder.
    checks : tuple of CheckPair
        Checks of both.
    only_first, only_second : tuple of str
        What one of them lacks.
    settings : tuple of (name, first, second)
        What differs in the manifests.
    false_alarm_rate : float
        Family-wise false-alarm rate over the `family` comparisons with an error.
    family : int
        Their number.
    """

    rows: tuple[Compared, ...]
    checks: tuple[CheckPair, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    settings: tuple[tuple[str, str, str], ...]
    false_alarm_rate: float
    family: int

    def of(self, outcome: Outcome) -> tuple[Compared, ...]:
        """Return the comparisons with an outcome."""
        return tuple(row for row in self.rows if row.outcome == outcome)
