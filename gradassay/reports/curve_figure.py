"""Figures of costs over a size: both axes logarithmic, one curve an estimator."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes

from gradassay.core.curves import CostPoint
from gradassay.reports.formats import quantity
from gradassay.reports.marks import (
    Label,
    draw_interval,
    draw_point,
    dress_axis,
    label_right,
    vertical_grid_off,
    write_title,
)
from gradassay.reports.palette import Look
from gradassay.reports.rows import distinct
from gradassay.reports.scales import Scale, fit_linear, fit_rows
from gradassay.reports.svg import chart_style, inline_svg, new_axes

WIDTH, RIGHT, LEFT, TOP, BOTTOM = 3.7, 1.16, 0.56, 0.34, 0.44
SIZES = {
    "n": "n, units of a hidden layer",
    "m": "m, outputs",
    "N": "N, hidden layers",
    "T": "T, steps",
}


def curve_panel(
    points: Sequence[CostPoint], looks: dict[str, Look], name: str, title: str, *, ratio: bool
) -> str:
    """Return a panel of one quantity over one size.

    Parameters
    ----------
    points : sequence of CostPoint
        Of one quantity, source and variable.
    looks : dict of str to Look
        Of all estimators.
    name : str
        Id of the figure in the page.
    title : str
        What is shown.
    ratio : bool
        Whether the vertical axis is linear, with 1 in view; otherwise it is logarithmic.
    """
    scale: Scale = fit_rows(points)
    if ratio:
        top = 1.5 * max(point.value for point in points)
        ends = [end for point in points for end in (point.value, point.low, point.high)]
        scale = fit_linear([min(end, top) for end in ends], keep=(0.0, 1.0))
    subjects = [subject for subject in looks if any(p.subject == subject for p in points)]
    height = max(2.7, 0.15 * len(subjects) + 0.9)
    with chart_style(name):
        figure, axes = new_axes(WIDTH, height, (LEFT, RIGHT, BOTTOM, TOP))
        sizes = sorted({point.at for point in points})
        place = _size_axis(axes, sizes, SIZES[points[0].variable])
        write_title(axes, title)
        dress_axis(axes, scale)
        vertical_grid_off(axes)
        labels = [
            _curve(axes, scale, place, [p for p in points if p.subject == subject], looks[subject])
            for subject in subjects
        ]
        label_right(axes, labels, gap=0.02)
        return inline_svg(figure, name, title, _describe(points, title))


def _size_axis(axes: Axes, sizes: list[int], label: str) -> Callable[[int], float]:
    """Dress the horizontal axis, the sizes as ticks; return the place of a size."""
    low, high = math.log2(sizes[0]), math.log2(sizes[-1])
    margin = 0.06 * (high - low) or 0.5
    axes.set_xlim(low - margin, high + margin)
    axes.set_xticks([math.log2(size) for size in sizes], [str(size) for size in sizes])
    axes.set_xlabel(label)
    return lambda size: math.log2(size)


def _curve(
    axes: Axes, scale: Scale, place: Callable[[int], float], own: list[CostPoint], look: Look
) -> Label:
    """Draw one estimator over all sizes and return its label."""
    ordered = sorted(own, key=lambda point: point.at)
    xs = [place(point.at) for point in ordered]
    ys = [scale.place(point.value) for point in ordered]
    axes.plot(xs, ys, color=look.colour, linestyle=look.line, linewidth=0.9, alpha=0.6, zorder=2)
    for x, y, point in zip(xs, ys, ordered, strict=True):
        if not point.low == point.value == point.high:
            draw_interval(axes, scale, x, (point.low, point.high), look)
        draw_point(axes, x, y, look)
    return Label(ordered[-1].subject, xs[-1], ys[-1], look)


def _describe(points: Sequence[CostPoint], title: str) -> str:
    """Return the text alternative: first and last value of each estimator."""
    parts = []
    for subject in distinct(point.subject for point in points):
        own = sorted((p for p in points if p.subject == subject), key=lambda point: point.at)
        ends = [f"{quantity(p.value, '')} at {p.variable} = {p.at}" for p in (own[0], own[-1])]
        parts.append(f"{subject} {' to '.join(ends)}")
    return f"{title}: {'; '.join(parts)}. All numbers are in the table below."
