"""The section on what variance and bias depend on: panels and fitted exponents."""

from __future__ import annotations

import math
from functools import partial

from gradassay.core.curves import ExponentRow, ScalingRow
from gradassay.reports.cells import Block, Cell, Section, Table, Tone, point_cell
from gradassay.reports.definitions import title_of
from gradassay.reports.formats import coverages, estimate, number
from gradassay.reports.origins import origin
from gradassay.reports.palette import Look
from gradassay.reports.rows import Rows, distinct
from gradassay.reports.scaling_figures import against_panel

UPDATES = "updates"
CLOSED_FORM_QUANTITIES = ("variance", "predicted_variance", "printed_variance")
DRAWN = ("total_variance", "noise_variance", "squared_bias")
AXES = {
    "d": "d, units of each hidden layer",
    "m": "m, outputs",
    "B": "B, samples of a batch",
    "T": "T, steps",
    "alpha": "alpha, noise scale",
    "1-lambda": "1 \u2212 lambda",
}
UNLIKELY = 0.01
LEAD = (
    "One number at a time is changed around a base point; each point is a mean over networks with "
    "weights of their own, geometric for noise and total variance; its interval holds their "
    "spread. Labels are exponents p of "
    "quantity ~ number^p: least squares of logarithms, each point weighted by its interval. "
    "Theory's exponents hold for outputs that are linear in the noise: a spiking network need not "
    "have them. A line is not a law where the points lie beside it: 'no power law' is said where "
    "the chi-square of the points about the line has a probability below 1 %."
)


def scaling_section(rows: Rows, looks: dict[str, Look]) -> Section | None:
    """Return the section, None where nothing was varied."""
    studied = [
        row
        for row in rows.scaling
        if row.variable != UPDATES and row.quantity not in CLOSED_FORM_QUANTITIES
    ]
    blocks: list[Block] = []
    for i, problem in enumerate(distinct(row.problem for row in studied)):
        own = [row for row in studied if row.problem == problem]
        exponents = [row for row in rows.exponents if row.problem == problem]
        blocks.append(
            Block(problem, table=exponent_table(exponents, f"Exponents. {problem}.", own))
        )
        for quantity in DRAWN:
            figures = _panels(own, exponents, looks, quantity, f"scaling-{i}-{quantity}")
            if figures:
                blocks.append(Block(title_of(quantity).capitalize(), figures))
        table = _points_table(own, problem)
        blocks.append(Block(table=table, folded=f"Show all {len(table.rows)} points"))
        sources = _sources_table(exponents)
        if sources is not None:
            blocks.append(Block(table=sources))
    title = "What do variance and bias depend on?"
    return Section("scaling", title, LEAD, tuple(blocks)) if blocks else None


def _panels(
    rows: list[ScalingRow],
    exponents: list[ExponentRow],
    looks: dict[str, Look],
    quantity: str,
    name: str,
) -> tuple[str, ...]:
    """Return a panel a variable, of one quantity."""
    figures = []
    for variable in distinct(row.variable for row in rows):
        drawn = [
            row
            for row in rows
            if (row.variable, row.quantity) == (variable, quantity) and not _all_zero(row)
        ]
        if drawn:
            found = {
                row.subject: row.value
                for row in exponents
                if (row.variable, row.quantity) == (variable, quantity)
            }
            figures.append(
                against_panel(
                    drawn,
                    looks,
                    f"{name}-{variable}",
                    title=f"{title_of(quantity)}, over {variable}",
                    axis=AXES.get(variable, variable),
                    tell=partial(_told, found),
                )
            )
    return tuple(figures)


def _all_zero(row: ScalingRow) -> bool:
    return row.low == row.value == row.high == 0


def _told(found: dict[str, float], subject: str) -> str:
    """Return an exponent and whose it is."""
    exponent = found.get(subject)
    return subject if exponent is None else f"{number(exponent, 2)} {subject}"


def exponent_table(exponents: list[ExponentRow], caption: str, rows: list[ScalingRow]) -> Table:
    """Return a row an estimator and quantity, a column a variable.

    Parameters
    ----------
    exponents : list of ExponentRow
        Of one problem, or of several without a variable and quantity in common.
    caption : str
        What the table shows.
    rows : list of ScalingRow
        The points: where an estimator has none over a variable, it does not have it.
    """
    varied = {(row.subject, row.variable) for row in rows}
    variables = [v for v in AXES if any(row.variable == v for row in exponents)]
    found = {(row.subject, row.quantity, row.variable): row for row in exponents}
    keys = distinct((row.subject, row.quantity) for row in exponents)
    body = tuple(
        (
            Cell(subject),
            Cell(title_of(quantity)),
            *(
                exponent_cell(found.get((subject, quantity, variable)))
                if (subject, variable) in varied
                else Cell("has none", tone="quiet")
                for variable in variables
            ),
        )
        for subject, quantity in keys
    )
    told = coverages(row.level for row in exponents) or "none"
    note = (
        f"{caption} Intervals: {told}. Not fitted: fewer than three points whose interval "
        "is above 0."
    )
    return Table(note, ("estimator", "quantity", *variables), body, text_columns=2)


def exponent_cell(row: ExponentRow | None) -> Cell:
    """Return an exponent with its interval, theory's, and how well the points lie on a line."""
    if row is None:
        return Cell("not fitted", tone="quiet")
    text, interval = estimate(row.value, row.low, row.high)
    freedom = row.points - 2
    fit = f"chi\u00b2 {number(row.chi_square, 2)} on {freedom}, p {number(row.p_value, 2)}"
    notes = [interval or "exact", fit]
    tone: Tone = ""
    if not math.isnan(row.predicted):
        agrees = row.low <= row.predicted <= row.high
        verdict = "agrees" if agrees else "differs"
        notes.insert(1, f"theory {number(row.predicted, 3)}: {verdict}")
        tone = "good" if agrees else "warn"
    if row.p_value < UNLIKELY:
        notes.append("no power law")
        closed = row.quantity in CLOSED_FORM_QUANTITIES  # whose own points need be on no line
        tone = tone if closed else "warn"
    return Cell(text, "\n".join(notes), tone, value=row.value, origin=origin([row]))


def _points_table(rows: list[ScalingRow], problem: str) -> Table:
    """Return all points: a row an estimator, variable and value, a column a quantity."""
    quantities = distinct(row.quantity for row in rows)
    found = {(row.subject, row.variable, row.at, row.quantity): row for row in rows}
    keys = distinct((row.subject, row.variable, row.at, row.replicates) for row in rows)
    body = tuple(
        (
            Cell(subject),
            Cell(f"{variable} = {at:.4g}"),
            *(point_cell(found.get((subject, variable, at, q))) for q in quantities),
            Cell(f"{replicates:,}"),
        )
        for subject, variable, at, replicates in keys
    )
    headings = tuple(title_of(quantity) for quantity in quantities)
    caption = f"{problem}, all layers together, relative. n: gradient estimates behind a point."
    return Table(caption, ("estimator", "at", *headings, "n"), body, text_columns=2)


def _sources_table(exponents: list[ExponentRow]) -> Table | None:
    """Return where theory's exponents are from."""
    rows = [row for row in exponents if not math.isnan(row.predicted)]
    told = distinct(
        (row.subject, row.quantity, row.variable, row.predicted, row.source) for row in rows
    )
    body = tuple(
        (
            Cell(subject),
            Cell(title_of(quantity)),
            Cell(variable),
            Cell(source),
            Cell(number(predicted, 3)),
        )
        for subject, quantity, variable, predicted, source in told
    )
    columns = ("estimator", "quantity", "over", "formula", "exponent")
    caption = (
        "Theory's exponents, and the formula of the variance that each is from: d units, g "
        "gradient, c loss and o output without noise, k4 kurtosis, e error."
    )
    return Table(caption, columns, body, text_columns=4) if body else None
