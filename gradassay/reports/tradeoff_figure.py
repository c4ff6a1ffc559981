"""The figure that sets error against operations."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from matplotlib.axes import Axes

from gradassay.core.records import Interval
from gradassay.reports.formats import number, quantity
from gradassay.reports.marks import (
    Label,
    draw_interval,
    draw_point,
    dress_axis,
    label_right,
    write_title,
)
from gradassay.reports.palette import GRID, INK, MUTED, Look
from gradassay.reports.scales import LogScale, fit_rows
from gradassay.reports.svg import chart_style, inline_svg, new_axes

WIDTH, HEIGHT, BOTTOM, TOP = 4.3, 3.2, 0.5, 0.45


@dataclass(frozen=True)
class Price:
    """What an estimator costs, how far off its gradient is, and whether nobody dominates it."""

    subject: str
    operations: float
    error: Interval
    on_front: bool = False

    @property
    def drawable(self) -> bool:
        """Whether the point has a place in the figure."""
        return 0 < self.operations < math.inf and math.isfinite(self.error.value)


def tradeoff_figure(
    prices: list[Price],
    looks: dict[str, Look],
    name: str,
    error: str = "relative mean squared error",
) -> str:
    """Return the scatter of error against operations; `prices` all drawable.

    A ring is round those on the Pareto front.
    """
    scale = fit_rows([price.error for price in prices])
    with chart_style(name):
        figure, axes = new_axes(WIDTH, HEIGHT, (0.66, 1.3, BOTTOM, TOP))
        _dress(axes, [p.operations for p in prices], error)
        dress_axis(axes, scale)
        _draw_products(axes, scale)
        for price in prices:
            x, look = math.log10(price.operations), looks[price.subject]
            if price.error.low != price.error.high:
                draw_interval(axes, scale, x, (price.error.low, price.error.high), look)
            draw_point(axes, x, scale.place(price.error.value), look)
            if price.on_front:
                _draw_ring(axes, x, scale.place(price.error.value))
        _draw_labels(axes, scale, prices, looks)
        _explain(axes, rings=any(price.on_front for price in prices))
        title = f"{error.removeprefix('relative ').capitalize()} against operations"
        return inline_svg(figure, name, title, _describe(prices))


def _draw_ring(axes: Axes, x: float, y: float) -> None:
    """Draw a ring round a point."""
    axes.plot(
        [x], [y], marker="o", markersize=9.5, markerfacecolor="none", markeredgecolor=INK,
        markeredgewidth=0.9, linestyle="none", zorder=3.5, clip_on=False,
    )  # fmt: skip


def _dress(axes: Axes, costs: list[float], error: str) -> None:
    """Horizontal axis with round numbers of operations."""
    write_title(axes, error)
    axes.set_xlabel("operations an update (MACs and ACs)")
    low, high = math.log10(min(costs)), math.log10(max(costs))
    margin = max(0.12, 0.12 * (high - low))
    axes.set_xlim(low - margin, high + margin)
    ticks = _round_numbers(low - margin, high + margin)
    axes.set_xticks([math.log10(tick) for tick in ticks], [_tick(tick) for tick in ticks])


def _round_numbers(low: float, high: float) -> list[float]:
    """Round numbers between two exponents, whole decades alone where there are many."""
    close = (1, 1.5, 2, 3, 4, 5, 7) if high - low < 0.8 else (1, 2, 5)
    digits = close if high - low < 2 else (1,)
    exponents = range(math.floor(low), math.ceil(high) + 1, max(1, math.ceil((high - low) / 6)))
    every = [digit * 10.0**e for e in exponents for digit in digits]
    return [value for value in every if low <= math.log10(value) <= high]


def _tick(value: float) -> str:
    """Label of a round number of operations, without needless zeros."""
    return re.sub(r"\.0+(?= |$)", "", quantity(value, ""))


def _draw_products(axes: Axes, scale: LogScale) -> None:
    """Thin diagonals: points on one of them have the same product."""
    left, right = axes.get_xlim()
    for level in range(math.floor(left + scale.floor), math.ceil(right + scale.top) + 1):
        xs = [max(left, level - scale.top), min(right, level - scale.floor)]
        if xs[0] < xs[1]:
            axes.plot(
                xs, [level - x for x in xs], color=GRID, linewidth=0.7, linestyle="--", zorder=1
            )


def _explain(axes: Axes, *, rings: bool) -> None:
    """Say what lines and rings mean."""
    text = "dashed: same error \u00d7 operations" + "; ringed: not dominated" * rings
    axes.text(0, 1.02, text, transform=axes.transAxes, fontsize=7.5, color=MUTED)


def _draw_labels(axes: Axes, scale: LogScale, prices: list[Price], looks: dict[str, Look]) -> None:
    """Names in a column right of the points."""
    labels = [
        Label(
            price.subject,
            math.log10(price.operations),
            scale.place(price.error.value),
            looks[price.subject],
        )
        for price in prices
    ]
    label_right(axes, labels)


def _describe(prices: list[Price]) -> str:
    """Return the text alternative."""
    parts = [
        f"{p.subject} {number(p.error.value)} at {quantity(p.operations, '')} operations"
        for p in prices
    ]
    front = [p.subject for p in prices if p.on_front]
    told = f" On the Pareto front: {', '.join(front)}." if front else ""
    return f"Scatter: {'; '.join(parts)}.{told} All numbers are in the table below."
