"""Figures layer by layer: one small panel a quantity, one line an estimator."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from gradassay.core.records import Measurement
from gradassay.reports.definitions import heading_of
from gradassay.reports.formats import estimate
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
from gradassay.reports.rows import ordered_layers
from gradassay.reports.scales import Scale, fit_linear, fit_rows
from gradassay.reports.svg import chart_style, clean, drawn_width, inline_svg, new_axes

WIDTH, RIGHT, LEFT, TOP = 3.7, 1.16, 0.56, 0.34
CHARACTER_PT = 4.9  # of a layer's name, with the gap to its neighbour


def log_panel(rows: list[Measurement], looks: dict[str, Look], name: str) -> str:
    """Return a panel with a logarithmic axis and a strip for what is 0 or below.

    Parameters
    ----------
    rows : list of Measurement
        One quantity and oracle, any estimators and layers.
    looks : dict of str to Look
        Of all estimators.
    name : str
        Id of the figure in the page.
    """
    return _panel(rows, looks, name, fit_rows(rows))


def cosine_panel(rows: list[Measurement], looks: dict[str, Look], name: str) -> str:
    """Return a panel with a linear axis that holds 0 and 1; parameters as in `log_panel`."""
    values = [item for row in rows for item in (row.value, max(row.low, -1), min(row.high, 1))]
    return _panel(rows, looks, name, fit_linear(values, keep=(0.0, 1.0)))


def _panel(rows: list[Measurement], looks: dict[str, Look], name: str, scale: Scale) -> str:
    """Draw one quantity."""
    title = heading_of(rows[0].quantity, rows[0].oracle)
    layers = ordered_layers(rows)
    subjects = [subject for subject in looks if any(row.subject == subject for row in rows)]
    room = drawn_width(WIDTH) - LEFT - RIGHT
    turned = max(map(len, layers)) * CHARACTER_PT > 72 * room / len(layers)
    height = max(2.7, 0.15 * len(subjects) + 0.9) + 0.4 * turned
    with chart_style(name):
        margins = (LEFT, RIGHT, 0.75 if turned else 0.32, TOP)
        figure, axes = new_axes(WIDTH, height, margins)
        _dress(axes, title, layers, turned)
        dress_axis(axes, scale)
        labels = [
            label
            for i, subject in enumerate(subjects)
            if (
                label := _series(
                    axes, scale, rows, layers, (subject, looks[subject], _shift(i, len(subjects)))
                )
            )
        ]
        label_right(axes, labels, edge=len(layers) - 0.45, gap=0.055)
        return inline_svg(
            figure, name, f"{title}, layer by layer", _describe(rows, title, subjects)
        )


def _shift(index: int, size: int) -> float:
    """Place of an estimator beside the middle of a layer."""
    return 0.0 if size < 2 else 0.5 * (index / (size - 1) - 0.5)


def _dress(axes: Axes, title: str, layers: list[str], turned: bool) -> None:
    """Title, layers, and a line before the total."""
    write_title(axes, title)
    axes.set_xlim(-0.5, len(layers) - 0.5)
    texts = [clean(layer, 12) for layer in layers]
    axes.set_xticks(
        range(len(layers)),
        texts,
        fontsize=7.5,
        rotation=60 * turned,
        ha="right" if turned else "center",
    )
    vertical_grid_off(axes)
    if layers[-1] == "total" and len(layers) > 1:
        axes.axvline(len(layers) - 1.5, color=axes.spines["left"].get_edgecolor(), linewidth=0.6)


def _series(
    axes: Axes,
    scale: Scale,
    rows: list[Measurement],
    layers: list[str],
    series: tuple[str, Look, float],
) -> Label | None:
    """Draw one estimator over all layers and return its label."""
    subject, look, shift = series
    own = {row.layer: row for row in rows if row.subject == subject and math.isfinite(row.value)}
    shown = [(layers.index(layer) + shift, own[layer]) for layer in layers if layer in own]
    line = [(x, scale.place(row.value)) for x, row in shown if row.layer != "total"]
    axes.plot(
        [x for x, _ in line], [y for _, y in line], color=look.colour, linestyle=look.line,
        linewidth=0.9, alpha=0.55, zorder=2,
    )  # fmt: skip
    for x, row in shown:
        if not row.low == row.high == row.value:
            draw_interval(axes, scale, x, (row.low, row.high), look)
        draw_point(axes, x, scale.place(row.value), look)
    if not shown:
        return None
    return Label(subject, shown[-1][0], scale.place(shown[-1][1].value), look)


def _describe(rows: list[Measurement], title: str, subjects: list[str]) -> str:
    """Return the text alternative: the last value of each estimator."""
    parts = []
    for subject in subjects:
        row = [row for row in rows if row.subject == subject][-1]
        parts.append(f"{subject} {' '.join(estimate(row.value, row.low, row.high)).strip()}")
    layer = ordered_layers(rows)[-1]
    return (
        f"Points with intervals by layer, one line an estimator. {title} of {layer}: "
        f"{'; '.join(parts)}. All numbers are in the table below."
    )
