"""The section on gradients during training: noise, bias and direction by update."""

from __future__ import annotations

import math

from matplotlib.ticker import MaxNLocator

from gradassay.core.records import NETWORK, MomentRow
from gradassay.reports.cells import Block, Cell, Section, Table, measured_cell, number_cell
from gradassay.reports.formats import count, number
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
from gradassay.reports.rows import Rows, distinct
from gradassay.reports.scales import Scale, fit_linear, fit_rows
from gradassay.reports.svg import chart_style, inline_svg, new_axes

WIDTH, HEIGHT = 4.3, 3.0
TITLES = {
    "gradient_variance": "gradient variance, total",
    "noise_variance": "noise variance, total",
    "squared_bias": "squared bias, total",
    "cosine": "cosine, total",
    "sign_agreement": "sign agreement, total",
}
LINEAR = ("cosine", "sign_agreement")
LEAD = (
    "Draws of each estimator at the weights of that moment, given what it has learnt by then, "
    "relative to the squared norm of the online surrogate gradient of the same samples. "
    "Estimators other than the one that trains are passengers: they learn on the same batches and "
    "move nothing. Gradient variance is that over noise and mini-batch together, noise variance "
    "that over noise on the same samples. Squared bias is an unbiased estimate, and may come out "
    "negative where it is small."
)


def moment_section(rows: Rows, looks: dict[str, Look]) -> Section | None:
    """Return the section, None where nobody looked."""
    runs = distinct((row.problem, row.trained_by, row.seed) for row in rows.moments)
    blocks = []
    for i, (problem, trainer, seed) in enumerate(runs):
        own = [
            row
            for row in rows.moments
            if (row.problem, row.trained_by, row.seed) == (problem, trainer, seed)
        ]
        figures = tuple(
            moment_figure(own, looks, quantity, f"moments-{i}-{quantity}")
            for quantity in TITLES
            if any(row.quantity == quantity for row in own)
        )
        heading = f"Trained by {trainer} on {problem}, seed {seed}"
        blocks.append(Block(heading, figures, table=last_look_table(own)))
        blocks.append(Block(table=firing_table(own)))
        feedback = feedback_table(own)
        if feedback is not None:
            blocks.append(Block(table=feedback))
    title = "How good are the gradients while it trains?"
    return Section("moments", title, LEAD, tuple(blocks)) if blocks else None


def moment_figure(rows: list[MomentRow], looks: dict[str, Look], quantity: str, name: str) -> str:
    """Return one quantity over all parameters, by update.

    Parameters
    ----------
    rows : list of MomentRow
        Of one training.
    looks : dict of str to Look
        Of the estimators.
    quantity : str
        One of `TITLES`.
    name : str
        Id of the figure in the page.
    """
    own = [row for row in rows if (row.layer, row.quantity) == ("total", quantity)]
    scale = _scale(own, quantity)
    with chart_style(name):
        figure, axes = new_axes(WIDTH, HEIGHT, (0.62, 1.3, 0.5, 0.36))
        write_title(axes, TITLES[quantity])
        axes.set_xlabel("updates")
        last = max(row.iteration for row in own)
        axes.set_xlim(-0.02 * max(last, 1), 1.04 * max(last, 1))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        vertical_grid_off(axes)
        dress_axis(axes, scale)
        labels = []
        for subject in distinct(row.subject for row in own):
            curve = [row for row in own if row.subject == subject]
            look = looks[subject]
            places = [(row.iteration, scale.place(row.value)) for row in curve]
            axes.plot(
                *zip(*places, strict=True), color=look.colour, linestyle=look.line, linewidth=1
            )
            for row, (x, y) in zip(curve, places, strict=True):
                if row.low < row.high:
                    draw_interval(axes, scale, x, (row.low, row.high), look)
                draw_point(axes, x, y, look)
            labels.append(Label(subject, *places[-1], look))
        label_right(axes, labels)
        return inline_svg(figure, name, TITLES[quantity], _describe(own))


def _scale(rows: list[MomentRow], quantity: str) -> Scale:
    if quantity in LINEAR:
        return fit_linear([value for row in rows for value in (row.value, row.low, row.high)])
    return fit_rows(rows)


def _describe(rows: list[MomentRow]) -> str:
    """Return the text alternative: where each curve begins and ends."""
    parts = []
    for subject in distinct(row.subject for row in rows):
        values = [row.value for row in rows if row.subject == subject]
        parts.append(f"{subject} from {number(values[0])} to {number(values[-1])}")
    return f"{'; '.join(parts)}. The last numbers are in the table below."


def last_look_table(rows: list[MomentRow]) -> Table:
    """Return what the last look at a training found, for all parameters."""
    last = max(row.iteration for row in rows)
    found = {
        (row.subject, row.quantity): row
        for row in rows
        if row.iteration == last and row.layer == "total"
    }
    subjects = [one for one in distinct(row.subject for row in rows) if one != NETWORK]
    body = tuple(
        (Cell(subject), *(_cell(found.get((subject, quantity))) for quantity in TITLES))
        for subject in subjects
    )
    columns = ("estimator", *(title.removesuffix(", total") for title in TITLES.values()))
    note = f"Before update {count(last)}, over all parameters; intervals of 95 %."
    where = f"iteration is {count(last)}, layer is total"
    return Table(note, columns, body, where=where)


def firing_table(rows: list[MomentRow]) -> Table:
    """Return firing rates and silent neurons at the first and at the last look."""
    own = [row for row in rows if row.subject == NETWORK]
    ends = (min(row.iteration for row in own), max(row.iteration for row in own))
    found = {(row.layer, row.quantity, row.iteration): row for row in own}
    layers = distinct(row.layer for row in own if row.quantity == "firing_rate")
    body = tuple(
        (
            Cell(layer),
            *(
                number_cell(found[layer, quantity, end])
                for quantity in ("firing_rate", "silent_neurons")
                for end in ends
            ),
        )
        for layer in layers
    )
    columns = ("layer", "firing rate, first", "last", "silent, first", "last")
    note = "Spikes a neuron, sample and step; fraction of neurons that fire on none of the samples."
    return Table(note, columns, body, where=f"subject is {NETWORK}, first and last iteration")


def feedback_table(rows: list[MomentRow]) -> Table | None:
    """Return cosines of feedback weights with the Jacobian, None where nobody has any."""
    own = [row for row in rows if row.quantity == "feedback_cosine"]
    if not own:
        return None
    ends = (min(row.iteration for row in own), max(row.iteration for row in own))
    found = {(row.subject, row.layer, row.iteration): row for row in own}
    body = tuple(
        (Cell(subject), Cell(layer), *(_cell(found.get((subject, layer, end))) for end in ends))
        for subject, layer in distinct((row.subject, row.layer) for row in own)
    )
    columns = ("estimator", "layer", f"before update {count(ends[0])}", f"{count(ends[1])}")
    note = (
        "Cosine of direct feedback weights with the Jacobian of the outputs by the layer's spikes,"
        " averaged over steps and the samples looked at."
    )
    where = "quantity is feedback_cosine, first and last iteration"
    return Table(note, columns, body, where=where)


def _cell(row: MomentRow | None) -> Cell:
    return measured_cell(None if row is None or math.isnan(row.value) else row, with_n=True)
