"""Exponents of a study, beside those that theory has."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from gradassay.core.curves import ExponentRow, ScalingRow
from gradassay.core.records import Interval
from gradassay.verify.statistics.power_law import fit_power_law
from gradassay.verify.variance.closed_points import PREDICTED, VARIANCE
from gradassay.verify.variance.theory import Theory

CLOSED_FORM = "closed form at the same points"
Expected = Callable[[str, str, Sequence[float]], Theory]


def fitted_exponents(
    rows: Iterable[ScalingRow], expected: Expected, level: float = 0.95
) -> list[ExponentRow]:
    """Return an exponent for each variable and quantity of one estimator that has three points.

    Parameters
    ----------
    rows : iterable of ScalingRow
        Of one estimator.
    expected : callable
        ``expected(quantity, variable, values)`` gives what theory has. Where the rows hold a
        closed form, its slope over the same points, weighted alike, is taken.
    level : float
        Nominal coverage.
    """
    groups: dict[tuple[str, str, str, str], list[ScalingRow]] = {}
    for row in rows:
        groups.setdefault((row.problem, row.layer, row.variable, row.quantity), []).append(row)
    found = []
    for (problem, layer, variable, quantity), own in groups.items():
        if quantity.startswith(("predicted_", "printed_")):
            continue
        law = fit_power_law([row.at for row in own], [_interval(row) for row in own], level)
        if law is None:
            continue
        closed = groups.get((problem, layer, variable, PREDICTED)) if quantity == VARIANCE else None
        theory = (
            Theory(_closed_slope(own, closed), CLOSED_FORM)
            if closed
            else expected(quantity, variable, [row.at for row in own])
        )
        exponent = law.exponent
        found.append(
            ExponentRow(
                own[0].subject,
                problem,
                layer,
                variable,
                quantity,
                exponent.value,
                exponent.low,
                exponent.high,
                exponent.level,
                law.points,
                law.chi_square,
                law.p_value,
                theory.exponent,
                theory.source,
                own[0].seed,
            )
        )
    return found


def _closed_slope(measured: list[ScalingRow], closed: list[ScalingRow]) -> float:
    """Return the slope of the closed form, weighted as the measured points are."""
    by_place = {row.at: row.value for row in closed}
    alike = [
        Interval(1.0, row.low / row.value, row.high / row.value, row.level) for row in measured
    ]
    values = [
        Interval(v := by_place[row.at], v * one.low, v * one.high, one.level)
        for row, one in zip(measured, alike, strict=True)
    ]
    law = fit_power_law([row.at for row in measured], values)
    return math.nan if law is None else law.exponent.value


def _interval(row: ScalingRow) -> Interval:
    return Interval(row.value, row.low, row.high, row.level)
