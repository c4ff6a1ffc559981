"""Marks shared by the figures: axes with a strip, points with intervals, direct labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.axes import Axes

from gradassay.reports.palette import BAND, GRID, INK, MUTED, Look
from gradassay.reports.scales import Scale
from gradassay.reports.svg import clean

LABEL_SIZE = 8.0
LINE_HEIGHT_PT = 10.5
MOST_GAP_PT = 6.5  # between the joints of labels, however wide the figure


@dataclass(frozen=True)
class Label:
    """A direct label: its words, where its point is, its look."""

    text: str
    x: float
    y: float
    look: Look


def write_title(axes: Axes, text: str) -> None:
    """Write a title in the upper left corner of the figure."""
    axes.figure.text(0, 1, clean(text, 48), va="top", fontsize=9.5, fontweight="bold", color=INK)


def dress_axis(axes: Axes, scale: Scale) -> None:
    """Give the vertical axis the limits and ticks of the scale, and shade its strip."""
    places, texts = zip(*scale.ticks(), strict=True) if scale.ticks() else ((), ())
    axes.set_ylim(*scale.limits)
    axes.set_yticks(places, texts)
    axes.tick_params(length=0)
    if scale.strip is not None:
        axes.axhspan(scale.limits[0], scale.strip, color=BAND, zorder=0.5, linewidth=0)
        axes.axhline(scale.strip, color=MUTED, linewidth=0.6, linestyle=(0, (2, 2)), zorder=0.6)


def draw_interval(
    axes: Axes, scale: Scale, x: float, ends: tuple[float, float], look: Look
) -> None:
    """Draw an interval; an arrowhead says that it goes on into the strip or off the axis."""
    low, high = (
        scale.limits[i] if math.isnan(end) else scale.place(end) for i, end in enumerate(ends)
    )
    axes.plot(
        [x, x], [low, high], color=look.colour, linewidth=1.1, solid_capstyle="butt", zorder=3
    )
    if math.isnan(ends[1]) or scale.is_above(ends[1]):
        axes.plot([x], [high], marker=6, color=look.colour, markersize=4, zorder=3, clip_on=False)
    if ends[0] == -math.inf or math.isnan(ends[0]) or _in_strip(scale, low, high):
        axes.plot([x], [low], marker=7, color=look.colour, markersize=4, zorder=3, clip_on=False)


def _in_strip(scale: Scale, low: float, high: float) -> bool:
    """Whether an interval begins above the strip and ends in it."""
    return scale.strip is not None and low < scale.strip <= high


def draw_point(axes: Axes, x: float, y: float, look: Look) -> None:
    """Draw an estimate."""
    axes.plot(
        [x], [y], marker=look.marker, color=look.colour, markersize=4.5,
        markeredgewidth=0, linestyle="none", zorder=4, clip_on=False,
    )  # fmt: skip


def label_right(
    axes: Axes, labels: list[Label], *, edge: float | None = None, gap: float = 0.03
) -> None:
    """Write labels in a column right of the axes, each joined to its point.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With its final limits.
    labels : list of Label
        In any order.
    edge : float or None
        Where the column begins, in x units; None for the end of the axis.
    gap : float
        Its distance from the joints, in widths of the axes.
    """
    bottom, top = axes.get_ylim()
    left, right = axes.get_xlim()
    extent, points = axes.get_window_extent(), 72 / axes.figure.dpi
    height_pt = extent.height * points
    edge = right if edge is None else edge
    gap = min(gap * (right - left), MOST_GAP_PT * (right - left) / (extent.width * points))
    step = LINE_HEIGHT_PT * (top - bottom) / height_pt
    order = sorted(labels, key=lambda label: label.y)
    places = spread([label.y for label in order], step, bottom, top)
    for label, y in zip(order, places, strict=True):
        axes.plot(
            [label.x, edge, edge + gap], [label.y, y, y], color=label.look.colour,
            linewidth=0.6, alpha=0.7, clip_on=False, zorder=2,
        )  # fmt: skip
        axes.plot(
            [edge + 1.6 * gap], [y], marker=label.look.marker, color=label.look.colour,
            markersize=4, markeredgewidth=0, clip_on=False, zorder=4,
        )  # fmt: skip
        axes.text(
            edge + 2.4 * gap, y, clean(label.text, 18), fontsize=LABEL_SIZE, color=INK,
            va="center_baseline",
        )  # fmt: skip


def spread(wanted: list[float], step: float, bottom: float, top: float) -> list[float]:
    """Return places at least a step apart, near the wanted ones (ascending), inside the ends.

    Examples
    --------
    >>> spread([0.0, 0.0, 5.0], 1.0, 0.0, 10.0)
    [0.0, 1.0, 5.0]
    >>> spread([9.9, 10.0], 1.0, 0.0, 10.0)
    [9.0, 10.0]
    """
    step = min(step, (top - bottom) / max(len(wanted) - 1, 1))
    places: list[float] = []
    for value in wanted:
        least = places[-1] + step if places else bottom
        places.append(max(value, least))
    limit = top
    for i in reversed(range(len(places))):
        places[i] = min(places[i], limit)
        limit = places[i] - step
    return places


def vertical_grid_off(axes: Axes) -> None:
    """Keep only the horizontal grid."""
    axes.grid(visible=False, axis="x")
    axes.grid(visible=True, axis="y", color=GRID)
