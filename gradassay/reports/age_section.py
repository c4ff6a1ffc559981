"""The section on feedback that is a running average, by its age."""

from __future__ import annotations

from gradassay.core.curves import ScalingRow
from gradassay.reports.cells import Block, Cell, Section, Table, folded, number_cell, point_cell
from gradassay.reports.definitions import title_of
from gradassay.reports.formats import count, coverages
from gradassay.reports.palette import Look
from gradassay.reports.rows import Rows, distinct
from gradassay.reports.scales import fit_linear
from gradassay.reports.scaling_figures import against_panel
from gradassay.reports.scaling_section import UPDATES

QUANTITIES = ("feedback_mean", "feedback_signal_to_noise", "feedback_cosine")
OPEN_TABLE = 24
LEAD = (
    "Feedback weights M of independent states after k updates at fixed weights, beside J, the "
    "Jacobian of the outputs by the layer's spikes averaged over the population. Points are "
    "measured; lines are closed forms of a running average: its mean is 1 \u2212 lambda^k times "
    "that of one term, its cosine with J is 1 / sqrt(1 + v (1 \u2212 lambda)(1 + lambda^k) / ((1 + "
    "lambda)(1 \u2212 lambda^k) |J|\u00b2)), v the variance of one term. On law problems v has a "
    "closed form; elsewhere it is that of the states after one update, so that a line there says "
    "how M goes on from its first update if the mean of a term is J. In layers below others it is "
    "not, for noise smooths the spikes, and points stay below their line."
)


def age_section(rows: Rows, looks: dict[str, Look]) -> Section | None:
    """Return the section, None where no feedback was looked at."""
    aged = [row for row in rows.scaling if row.variable == UPDATES]
    blocks = []
    for i, (problem, layer) in enumerate(distinct((row.problem, row.layer) for row in aged)):
        own = [row for row in aged if (row.problem, row.layer) == (problem, layer)]
        figures = tuple(
            _panel(own, looks, quantity, f"age-{i}-{quantity}")
            for quantity in QUANTITIES
            if any(row.quantity == quantity for row in own)
        )
        table = _table(own, f"{problem}, {layer}.")
        shut = folded(len(table.rows), "rows", OPEN_TABLE)
        blocks.append(Block(f"{layer}, {problem}", figures, table=table, folded=shut))
    title = "How does feedback become better with its age?"
    return Section("age", title, LEAD, tuple(blocks)) if blocks else None


def _panel(rows: list[ScalingRow], looks: dict[str, Look], quantity: str, name: str) -> str:
    """Return one quantity by updates, with its closed form as a line."""
    own = [row for row in rows if row.quantity == quantity]
    lines = [row for row in rows if row.quantity == f"predicted_{quantity}"]
    ends = [value for row in own for value in (row.value, row.low, row.high)]
    linear = quantity == "feedback_cosine"
    return against_panel(
        own,
        looks,
        name,
        title=title_of(quantity),
        axis="k, updates",
        tell=lambda subject: subject,
        lines=lines,
        scale=fit_linear(ends, keep=(0.0, 1.0)) if linear else None,
    )


def _table(rows: list[ScalingRow], caption: str) -> Table:
    """Return a row an estimator and number of updates; closed forms beside what they are of."""
    found = {(row.subject, row.at, row.quantity): row for row in rows}
    keys = distinct((row.subject, row.at) for row in rows)
    quantities = [q for q in QUANTITIES if any(row.quantity == q for row in rows)]
    body = tuple(
        (
            Cell(subject),
            Cell(count(int(at))),
            *(
                cell
                for q in quantities
                for cell in _cells(
                    found.get((subject, at, q)), found.get((subject, at, f"predicted_{q}"))
                )
            ),
        )
        for subject, at in keys
    )
    columns = ["estimator", "updates"]
    for quantity in quantities:
        columns += [title_of(quantity), "closed form"]
    counts = sorted({row.replicates for row in rows if row.replicates})
    levels = coverages(row.level for row in rows if row.replicates)
    told = f" n = {' or '.join(map(count, counts))} independent states, intervals of {levels}."
    return Table(f"{caption}{told}", tuple(columns), body)


def _cells(row: ScalingRow | None, law: ScalingRow | None) -> tuple[Cell, Cell]:
    """Return what was measured, and its closed form."""
    return point_cell(row), Cell("none", tone="quiet") if law is None else number_cell(law)
