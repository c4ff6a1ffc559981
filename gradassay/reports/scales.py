"""Where a value stands on an axis: logarithmic with a strip for zero and below, or linear."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from matplotlib.ticker import MaxNLocator

from gradassay.reports.formats import decade, number, power_of_ten

MOST_DECADES = 9
MOST_TICKS = 6


class Scale(Protocol):
    """An axis: places in plot units, limits, and ticks with labels."""

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the axis in plot units."""
        ...

    @property
    def strip(self) -> float | None:
        """Upper end of the strip of values that have no logarithm, None where there is none."""
        ...

    def place(self, value: float) -> float:
        """Return the place of a value, held inside the axis."""
        ...

    def is_above(self, value: float) -> bool:
        """Whether a value lies beyond the upper end."""
        ...

    def ticks(self) -> list[tuple[float, str]]:
        """Return places and labels."""
        ...


@dataclass(frozen=True)
class LogScale:
    """Decades from ``floor`` to ``top``; below them a strip for what is smaller, 0 or negative.

    Parameters
    ----------
    floor, top : int
        Exponents of the lowest and the highest decade shown.
    strip_label : str
        Words beside the strip, empty where nothing falls into it.
    """

    floor: int
    top: int
    strip_label: str

    @property
    def strip(self) -> float | None:
        """Upper end of the strip."""
        return float(self.floor) if self.strip_label else None

    @property
    def _strip_height(self) -> float:
        """Height of the strip, in decades."""
        return 0.2 * max(self.top - self.floor, 1) if self.strip_label else 0.0

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the axis, in decades."""
        return self.floor - self._strip_height, float(self.top)

    def place(self, value: float) -> float:
        """Return log10 of the value; the middle of the strip below the floor."""
        if value <= 0 or value < 10.0**self.floor * (1 - 1e-9):
            return self.floor - self._strip_height / 2
        return float(self.top) if math.isinf(value) else min(math.log10(value), self.top)

    def is_above(self, value: float) -> bool:
        """Whether a value is greater than the highest decade."""
        return value > 10.0**self.top * (1 + 1e-9)

    def ticks(self) -> list[tuple[float, str]]:
        """Return every decade, or every second, third, ... where there are many."""
        every = max(1, math.ceil((self.top - self.floor) / MOST_TICKS))
        marks = [(float(e), decade(e)) for e in range(self.floor, self.top + 1, every)]
        return [(self.place(0.0), self.strip_label), *marks] if self.strip_label else marks


def fit_log(points: Iterable[float], lows: Iterable[float], highs: Iterable[float]) -> LogScale:
    """Return a scale that shows these values and, as far as sensible, their intervals.

    Parameters
    ----------
    points, lows, highs : iterable of float
        Estimates and ends; NaN and infinities do not count.

    Examples
    --------
    >>> fit_log([0.0, 0.5, 300.0], [0.0, 0.4, 250.0], [0.0, 0.6, 350.0])
    LogScale(floor=-1, top=3, strip_label='0')
    """
    values = [value for value in points if math.isfinite(value)]
    ends = [low for low in lows if math.isfinite(low)]
    tops = [value for value in (*values, *highs) if 0 < value < math.inf]
    top = math.ceil(math.log10(max(tops)) - 1e-9) if tops else 0
    bottoms = [value for value in values if value > 0]
    least = min(bottoms) if bottoms else 10.0 ** (top - 1)
    near = [low for low in ends if least / 100 <= low]
    floor = max(math.floor(math.log10(min([least, *near])) + 1e-9), top - MOST_DECADES)
    floor = min(floor, top - 1)
    return LogScale(floor, top, _strip_label([*values, *ends], floor))


class Estimated(Protocol):
    """What has a value and an interval."""

    @property
    def value(self) -> float:
        """Estimate."""
        ...

    @property
    def low(self) -> float:
        """Lower end."""
        ...

    @property
    def high(self) -> float:
        """Upper end."""
        ...


def fit_rows(rows: Sequence[Estimated]) -> LogScale:
    """Return the scale of `fit_log` for estimates with their intervals."""
    ends = ([getattr(row, part) for row in rows] for part in ("value", "low", "high"))
    return fit_log(*ends)


def _strip_label(values: list[float], floor: int) -> str:
    """Words for the strip: what falls into it."""
    below = [value for value in values if value < 10.0**floor * (1 - 1e-9)]
    if not below:
        return ""
    if all(value == 0 for value in below):
        return "0"
    return "\u2264 0" if all(value <= 0 for value in below) else f"< {power_of_ten(floor)}"


@dataclass(frozen=True)
class LinearScale:
    """A linear axis between two ends."""

    low: float
    high: float

    @property
    def strip(self) -> float | None:
        """A linear axis has no strip."""
        return None

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the axis."""
        return self.low, self.high

    def place(self, value: float) -> float:
        """Return the value, held inside the axis."""
        return min(max(value, self.low), self.high)

    def is_above(self, value: float) -> bool:
        """Whether a value is greater than the upper end."""
        return value > self.high

    def ticks(self) -> list[tuple[float, str]]:
        """Return round values."""
        marks = MaxNLocator(nbins=MOST_TICKS).tick_values(self.low, self.high)
        inside = [float(mark) for mark in marks if self.low - 1e-9 <= mark <= self.high + 1e-9]
        return [(mark, _short(mark)) for mark in inside]


def _short(value: float) -> str:
    """Return a tick's label without needless zeros."""
    text = f"{value:.6g}"
    return number(value) if "e" in text else text.replace("-", "\u2212")


def fit_linear(values: Iterable[float], keep: tuple[float, ...] = ()) -> LinearScale:
    """Return a linear scale over the finite values and those to keep in view.

    Examples
    --------
    >>> fit_linear([0.2, 0.9], keep=(0.0, 1.0))
    LinearScale(low=-0.05, high=1.05)
    """
    known = [value for value in (*values, *keep) if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    margin = 0.05 * (high - low) or 0.5 * max(1.0, abs(high))
    return LinearScale(low - margin, high + margin)
