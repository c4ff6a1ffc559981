"""The figure of test accuracy over epochs."""

from __future__ import annotations

import math
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from gradassay.core.records import EpochRow
from gradassay.reports.formats import percent
from gradassay.reports.marks import (
    Label,
    draw_point,
    dress_axis,
    label_right,
    vertical_grid_off,
    write_title,
)
from gradassay.reports.palette import Look
from gradassay.reports.scales import fit_linear
from gradassay.reports.svg import chart_style, inline_svg, new_axes
from gradassay.reports.trained import Run, runs_of

WIDTH, HEIGHT = 4.3, 3.0


def training_figure(rows: list[EpochRow], looks: dict[str, Look], name: str) -> str:
    """Return test accuracy by epoch: thin lines the seeds, thick lines their mean.

    Parameters
    ----------
    rows : list of EpochRow
        One problem.
    looks : dict of str to Look
        Of all estimators.
    name : str
        Id of the figure in the page.
    """
    runs = {subject: runs_of(tuple(rows), subject, None) for subject in looks}
    scale = fit_linear([100 * row.test_accuracy for row in rows])
    with chart_style(name):
        height = max(HEIGHT, 0.15 * len(looks) + 1.0)
        figure, axes = new_axes(WIDTH, height, (0.5, 1.3, 0.5, 0.36))
        _dress(axes, rows)
        dress_axis(axes, scale)
        labels = [
            label
            for subject, own in runs.items()
            if (label := _draw_runs(axes, own, subject, looks[subject]))
        ]
        label_right(axes, labels)
        return inline_svg(figure, name, "Test accuracy by epoch", _describe(runs))


def _dress(axes: Axes, rows: list[EpochRow]) -> None:
    """Title and whole-numbered epochs."""
    first, last = min(row.epoch for row in rows), max(row.epoch for row in rows)
    write_title(axes, "test accuracy (%)")
    axes.set_xlabel("epoch")
    if first == last:
        axes.set_xlim(first - 0.5, last + 0.04)
        axes.set_xticks([first])
    else:
        axes.set_xlim(first - 0.02, last + 0.04 * (last - first))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    vertical_grid_off(axes)


def mean_curve(runs: list[Run]) -> list[tuple[int, float]]:
    """Return epoch and mean test accuracy over the seeds that have the epoch and a number."""
    by_epoch: dict[int, list[float]] = {}
    for row in (row for run in runs for row in run.epochs):
        if math.isfinite(row.test_accuracy):
            by_epoch.setdefault(row.epoch, []).append(row.test_accuracy)
    return [(epoch, fmean(by_epoch[epoch])) for epoch in sorted(by_epoch)]


def _draw_runs(axes: Axes, runs: list[Run], subject: str, look: Look) -> Label | None:
    """Draw the seeds and their mean, and return the label."""
    curve = mean_curve(runs)
    if not curve:
        return None
    for run in runs if len(runs) > 1 else []:
        points = [(row.epoch, 100 * row.test_accuracy) for row in run.epochs]
        axes.plot(*zip(*points, strict=True), color=look.colour, linewidth=0.6, alpha=0.35)
    epochs, values = [epoch for epoch, _ in curve], [100 * value for _, value in curve]
    axes.plot(epochs, values, color=look.colour, linestyle=look.line, linewidth=1.6, zorder=3)
    for epoch, value in list(zip(epochs, values, strict=True))[:: max(1, len(curve) // 8)]:
        draw_point(axes, epoch, value, look)
    return Label(subject, epochs[-1], values[-1], look)


def _describe(runs: dict[str, list[Run]]) -> str:
    """Return the text alternative: where each curve ends."""
    ends = [(subject, mean_curve(own)) for subject, own in runs.items()]
    parts = [f"{subject} {percent(curve[-1][1])}" for subject, curve in ends if curve]
    return f"Curves that end at: {'; '.join(parts)}. All final numbers are in the table below."
