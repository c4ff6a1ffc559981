"""The figure of energies: a range for each estimator, a marker for each regime."""

from __future__ import annotations

from dataclasses import dataclass

from gradassay.reports.formats import joules
from gradassay.reports.marks import (
    Label,
    draw_point,
    dress_axis,
    label_right,
    vertical_grid_off,
    write_title,
)
from gradassay.reports.palette import GRID, looks
from gradassay.reports.rows import distinct
from gradassay.reports.scales import fit_log
from gradassay.reports.svg import chart_style, clean, inline_svg, new_axes

LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 0.62, 1.75, 0.42, 0.85, 3.6


@dataclass(frozen=True)
class Charge:
    """Energy of one estimator under one regime, in joules."""

    subject: str
    regime: str
    joules: float


def energy_figure(charges: list[Charge], name: str) -> str:
    """Return the figure; energies in nanojoules on a logarithmic axis."""
    subjects = distinct(charge.subject for charge in charges)
    regimes = distinct(charge.regime for charge in charges)
    values = [1e9 * charge.joules for charge in charges]
    scale, marks = fit_log(values, values, values), looks(regimes)
    with chart_style(name):
        width = LEFT + RIGHT + max(1.8, 0.34 * len(subjects))
        figure, axes = new_axes(width, HEIGHT, (LEFT, RIGHT, BOTTOM, TOP))
        write_title(axes, "energy of an update, nJ (arithmetic only)")
        axes.set_xlim(-0.5, len(subjects) - 0.5)
        texts = [clean(subject, 16) for subject in subjects]
        axes.set_xticks(range(len(subjects)), texts, fontsize=7.5, rotation=50, ha="right")
        dress_axis(axes, scale)
        vertical_grid_off(axes)
        for x, subject in enumerate(subjects):
            own = [scale.place(1e9 * c.joules) for c in charges if c.subject == subject]
            axes.plot([x, x], [min(own), max(own)], color=GRID, linewidth=3, zorder=1)
        labels = []
        for charge in charges:
            x, y = subjects.index(charge.subject), scale.place(1e9 * charge.joules)
            draw_point(axes, x, y, marks[charge.regime])
            if charge.subject == subjects[-1]:
                labels.append(Label(charge.regime, x, y, marks[charge.regime]))
        label_right(axes, labels, edge=len(subjects) - 0.45)
        return inline_svg(figure, name, "Energy of an update by regime", _describe(charges))


def _describe(charges: list[Charge]) -> str:
    """Return the text alternative: the range of each estimator."""
    parts = []
    for subject in distinct(charge.subject for charge in charges):
        own = [charge.joules for charge in charges if charge.subject == subject]
        parts.append(f"{subject} {joules(min(own))} to {joules(max(own))}")
    return f"Ranges over regimes: {'; '.join(parts)}. All numbers are in the table below."
