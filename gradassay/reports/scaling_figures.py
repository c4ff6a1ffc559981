"""Log-log panels: a quantity against one number, or measured against predicted values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes

from gradassay.core.curves import ScalingRow
from gradassay.core.records import Interval
from gradassay.reports.formats import number
from gradassay.reports.marks import (
    Label,
    draw_interval,
    draw_point,
    dress_axis,
    label_right,
    vertical_grid_off,
    write_title,
)
from gradassay.reports.palette import INK, MUTED, Look
from gradassay.reports.rows import distinct
from gradassay.reports.scales import LogScale, Scale, fit_linear, fit_log, fit_rows
from gradassay.reports.svg import chart_style, inline_svg, new_axes

WIDTH, HEIGHT, MARGINS = 3.7, 2.7, (0.62, 1.3, 0.5, 0.36)
SHIFT = 0.012  # of the width, between estimators at one place


def against_panel(
    rows: Sequence[ScalingRow],
    looks: dict[str, Look],
    name: str,
    *,
    title: str,
    axis: str,
    tell: Callable[[str], str],
    lines: Sequence[ScalingRow] = (),
    scale: Scale | None = None,
) -> str:
    """Return a panel with both axes logarithmic: points with intervals, one line an estimator.

    Parameters
    ----------
    rows : sequence of ScalingRow
        One quantity and variable, any estimators.
    looks : dict of str to Look
        Of all estimators.
    name : str
        Id of the figure in the page.
    title, axis : str
        Of the figure and of its horizontal axis.
    tell : callable
        Gives the direct label of an estimator.
    lines : sequence of ScalingRow
        Predicted values, drawn as lines without points; where there are none, lines join points.
    scale : Scale, optional
        Of the vertical axis; logarithmic where not given.
    """
    scale = scale or fit_rows([*rows, *lines])
    subjects = [subject for subject in looks if any(row.subject == subject for row in rows)]
    with chart_style(name):
        figure, axes = new_axes(WIDTH, HEIGHT, MARGINS)
        write_title(axes, title)
        axes.set_xlabel(axis)
        _dress_horizontal(axes, [row.at for row in rows])
        dress_axis(axes, scale)
        left, right = axes.get_xlim()
        labels = []
        for i, subject in enumerate(subjects):
            shift = SHIFT * (right - left) * (i - (len(subjects) - 1) / 2)
            own = [row for row in rows if row.subject == subject and math.isfinite(row.value)]
            curve = [row for row in lines if row.subject == subject] or own
            _draw_line(axes, scale, curve, looks[subject], shift * (curve is own))
            places = [_draw_row(axes, scale, row, looks[subject], shift) for row in own]
            if places:
                labels.append(Label(tell(subject), *places[-1], looks[subject]))
        label_right(axes, labels)
        return inline_svg(figure, name, f"{title} against {axis}", _describe(rows, subjects))


def _dress_horizontal(axes: Axes, values: list[float]) -> None:
    """Ticks at the values themselves, thinned where there are many."""
    places = sorted({math.log10(value) for value in values})
    width = places[-1] - places[0] or 1.0
    axes.set_xlim(places[0] - 0.1 * width, places[-1] + 0.1 * width)
    every = max(1, math.ceil(len(places) / 6))
    shown = places[::every]
    axes.set_xticks(shown, [f"{10**place:.3g}" for place in shown])
    axes.minorticks_off()
    vertical_grid_off(axes)


def _draw_line(axes: Axes, scale: Scale, curve: list[ScalingRow], look: Look, shift: float) -> None:
    axes.plot(
        [math.log10(row.at) + shift for row in curve],
        [scale.place(row.value) for row in curve],
        color=look.colour, linestyle=look.line, linewidth=0.9, alpha=0.6, zorder=2,
    )  # fmt: skip


def _draw_row(
    axes: Axes, scale: Scale, row: ScalingRow, look: Look, shift: float
) -> tuple[float, float]:
    """Draw a point with its interval and return its place."""
    x, y = math.log10(row.at) + shift, scale.place(row.value)
    if row.low < row.high:
        draw_interval(axes, scale, x, (row.low, row.high), look)
    draw_point(axes, x, y, look)
    return x, y


def _describe(rows: Sequence[ScalingRow], subjects: list[str]) -> str:
    """Return the text alternative: where each curve begins and ends."""
    parts = []
    for subject in subjects:
        own = [row for row in rows if row.subject == subject]
        first, last = own[0], own[-1]
        parts.append(
            f"{subject} from {number(first.value)} at {first.at:.3g}"
            f" to {number(last.value)} at {last.at:.3g}"
        )
    return f"{'; '.join(parts)}. All numbers are in the table below."


def prediction_figure(
    pairs: Sequence[tuple[str, float, Interval]], looks: dict[str, Look], name: str
) -> str:
    """Return measured values against those of a closed form, with the diagonal.

    Parameters
    ----------
    pairs : sequence of (str, float, Interval)
        Estimator, value of the closed form, measured value.
    looks, name
        As in `against_panel`.
    """
    values = [value for _, x, one in pairs for value in (x, one.value)]
    scale = fit_log(values, [one.low for *_, one in pairs], [one.high for *_, one in pairs])
    title = "measured against closed form"
    with chart_style(name):
        figure, axes = new_axes(4.3, 3.6, MARGINS)
        write_title(axes, title)
        axes.set_xlabel("closed form")
        dress_axis(axes, scale)
        axes.set_xlim(scale.floor, scale.top)
        ticks = [(place, text) for place, text in scale.ticks() if place >= scale.floor]
        axes.set_xticks([place for place, _ in ticks], [text for _, text in ticks])
        ends = [scale.floor, scale.top]
        axes.plot(ends, ends, color=MUTED, linewidth=0.8, linestyle="--", zorder=1)
        labels = []
        for subject in distinct(subject for subject, *_ in pairs):
            own = sorted(
                ((x, one) for s, x, one in pairs if s == subject), key=lambda pair: pair[0]
            )
            labels.append(_scatter(axes, scale, own, Label(subject, 0, 0, looks[subject])))
        label_right(axes, labels)
        axes.text(
            0.03, 0.95, "dashed: equal", transform=axes.transAxes, fontsize=7.5, color=INK,
        )  # fmt: skip
        ratios = [one.value / x for _, x, one in pairs]
        told = f"{len(pairs)} points; measured {min(ratios):.3g} to {max(ratios):.3g} times"
        return inline_svg(figure, name, title, f"{told} the closed form. See the table below.")


def _scatter(axes: Axes, scale: LogScale, own: list[tuple[float, Interval]], label: Label) -> Label:
    """Draw the points of one estimator and return its label."""
    place = (float(scale.top), float(scale.top))
    for x, one in own:
        place = (scale.place(x), scale.place(one.value))
        draw_interval(axes, scale, place[0], (one.low, one.high), label.look)
        draw_point(axes, *place, label.look)
    return Label(label.text, *place, label.look)


def ratio_figure(
    pairs: Sequence[tuple[str, float, Interval]], looks: dict[str, Look], name: str
) -> str:
    """Return measured values over those of a closed form; parameters as in `prediction_figure`."""
    ratios = [
        (subject, x, Interval(one.value / x, one.low / x, one.high / x, one.level))
        for subject, x, one in pairs
    ]
    scale = fit_linear([end for *_, r in ratios for end in (r.value, r.low, r.high)], keep=(1.0,))
    title = "measured over closed form"
    with chart_style(name):
        figure, axes = new_axes(4.3, 3.6, MARGINS)
        write_title(axes, title)
        axes.set_xlabel("closed form")
        dress_axis(axes, scale)
        below = fit_log(*([x for _, x, _ in ratios] for _ in range(3)))
        axes.set_xlim(below.floor, below.top)
        axes.set_xticks(*zip(*below.ticks(), strict=True))
        vertical_grid_off(axes)
        axes.axhline(1, color=MUTED, linewidth=0.8, linestyle="--", zorder=1)
        labels = []
        for subject in distinct(subject for subject, *_ in ratios):
            own = [(below.place(x), one) for s, x, one in ratios if s == subject]
            for x, one in own:
                draw_interval(axes, scale, x, (one.low, one.high), looks[subject])
                draw_point(axes, x, scale.place(one.value), looks[subject])
            x, one = max(own, key=lambda pair: pair[0])
            labels.append(Label(subject, x, scale.place(one.value), looks[subject]))
        label_right(axes, labels)
        told = f"{len(ratios)} ratios with intervals; dashed: 1. See the table below."
        return inline_svg(figure, name, title, told)
