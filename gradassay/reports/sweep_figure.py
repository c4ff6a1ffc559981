"""One quantity of a sweep: a point with its interval for each estimator and its options."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from gradassay.reports.definitions import heading_of
from gradassay.reports.formats import estimate
from gradassay.reports.marks import (
    draw_interval,
    draw_point,
    dress_axis,
    vertical_grid_off,
    write_title,
)
from gradassay.reports.palette import Look
from gradassay.reports.scales import Scale, fit_linear, fit_rows
from gradassay.reports.svg import chart_style, clean, inline_svg, new_axes
from gradassay.reports.sweep_summary import SeedMean

# quantities that lie between ends; of others the axis is logarithmic
BOUNDED = frozenset({"cosine", "final_test_accuracy"})
LEFT, RIGHT, TOP, CATEGORY = 0.6, 0.15, 0.34, 0.24
LONGEST_NAME = 34
CHARACTER = 0.055  # inches of a letter in a name below the axis


def sweep_panel(means: Sequence[SeedMean], looks: dict[str, Look], name: str) -> str:
    """Return a panel with one category for each estimator with its options.

    Parameters
    ----------
    means : sequence of SeedMean
        One quantity and oracle on one problem, at least one, all finite.
    looks : dict of str to Look
        Of all estimators.
    name : str
        Id of the figure in the page.
    """
    title = heading_of(means[0].quantity, means[0].oracle)
    names = [clean(mean.setting.subject, LONGEST_NAME) for mean in means]
    bottom = 0.2 + 0.85 * CHARACTER * max(map(len, names))
    width = LEFT + RIGHT + max(2.4, CATEGORY * len(means))
    with chart_style(name):
        figure, axes = new_axes(width, 2.2 + bottom, (LEFT, RIGHT, bottom, TOP))
        scale = _scale(means)
        write_title(axes, title)
        axes.set_xlim(-0.6, len(means) - 0.4)
        axes.set_xticks(range(len(means)), names, fontsize=7.5, rotation=60, ha="right")
        vertical_grid_off(axes)
        dress_axis(axes, scale)
        for x, mean in enumerate(means):
            _draw(axes, scale, x, mean, looks[mean.setting.estimator])
        return inline_svg(figure, name, f"{title}, mean over seeds", _describe(means, title))


def _scale(means: Sequence[SeedMean]) -> Scale:
    """Return a linear axis for what lies between ends, else a logarithmic one."""
    intervals = [mean.interval for mean in means]
    if means[0].quantity in BOUNDED:
        ends = [end for i in intervals for end in (i.value, max(i.low, -1.0), min(i.high, 1.0))]
        return fit_linear(ends, keep=(0.0, 1.0) if means[0].quantity == "cosine" else ())
    return fit_rows(intervals)


def _draw(axes: Axes, scale: Scale, x: int, mean: SeedMean, look: Look) -> None:
    interval = mean.interval
    known = not math.isnan(interval.low) and not interval.low == interval.high
    if known:
        draw_interval(axes, scale, x, (interval.low, interval.high), look)
    draw_point(axes, x, scale.place(interval.value), look)


def _describe(means: Sequence[SeedMean], title: str) -> str:
    """Return the text alternative."""
    parts = [
        f"{mean.setting.subject} "
        + " ".join(estimate(mean.interval.value, mean.interval.low, mean.interval.high)).strip()
        for mean in means
    ]
    return f"Points with intervals. {title}: {'; '.join(parts)}. The numbers are in the table."
