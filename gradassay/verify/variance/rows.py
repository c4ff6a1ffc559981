"""Rows of a study: an interval of one quantity at one point."""

from __future__ import annotations

from gradassay.core.curves import ScalingRow
from gradassay.core.records import Interval


def scaling_row(
    subject: str,
    problem: str,
    variable: str,
    at: float,
    quantity: str,
    found: Interval,
    *,
    replicates: int,
    seed: int,
    layer: str = "total",
) -> ScalingRow:
    """Return the row of an interval; parameters as in `ScalingRow`."""
    ends = (found.value, found.low, found.high, found.level)
    return ScalingRow(
        subject, problem, layer, variable, float(at), quantity, *ends, replicates, seed
    )
