"""Sections made from measurements layer by layer: bias and noise, direction and signs."""

from __future__ import annotations

import math
from collections.abc import Callable

from gradassay.core.records import Measurement
from gradassay.reports.cells import Block, Cell, Section, Table, folded, measured_cell
from gradassay.reports.definitions import ORACLES, heading_of, sorted_quantities, title_of
from gradassay.reports.formats import count, coverages
from gradassay.reports.layer_figures import cosine_panel, log_panel
from gradassay.reports.origins import origin
from gradassay.reports.palette import Look
from gradassay.reports.rows import Rows, distinct, measurement_groups, ordered_layers

OPEN_TABLE = 40
Panel = Callable[[list[Measurement], dict[str, Look], str], str]
DRAWN = ("squared_bias", "noise_variance", "batch_variance", "state_variance", "mean_squared_error")
DIRECTION = ("cosine", "sign_agreement")
STRIP_NOTE = (
    "Logarithmic axes. The grey strip at the foot holds values that have no place on them: 0, "
    "negative within error, or below the lowest decade; a whisker with an arrow goes on into it."
)


def bias_section(rows: Rows, looks: dict[str, Look]) -> Section | None:
    """Return the section on bias and variance; every quantity but directions is in its tables."""
    wanted = (*DIRECTION, "zero_coordinates")
    blocks = _layer_blocks(rows, looks, "bias", lambda row: row.quantity not in wanted, log_panel)
    lead = (
        "Relative to the squared norm of the surrogate gradient of the layer: 1 means an error as "
        f"large as the gradient itself. {STRIP_NOTE}"
    )
    title = "How biased and how noisy is each estimator, layer by layer?"
    oracles = oracle_table(rows)
    told = (Block(table=oracles),) if oracles is not None else ()
    return Section("bias", title, lead, (*blocks, *told)) if blocks else None


def direction_section(rows: Rows, looks: dict[str, Look]) -> Section | None:
    """Return the section on cosine and signs."""
    wanted = (*DIRECTION, "zero_coordinates")
    blocks = _layer_blocks(
        rows, looks, "direction", lambda row: row.quantity in wanted, cosine_panel
    )
    lead = "1: the same direction as the oracle gradient. 0: at right angles, no use on average."
    if any(row.quantity == "sign_agreement" for row in rows.measurements):
        lead += " Of signs, 0.5 is chance."
    return Section("direction", "Does it point the right way?", lead, blocks) if blocks else None


def oracle_table(rows: Rows) -> Table | None:
    """Return what every oracle is, None where there is only the main one."""
    names = distinct(row.oracle for row in rows.measurements if row.oracle)
    if len(names) < 2:
        return None
    meanings = [ORACLES.get(name, "no definition in this version") for name in names]
    body = tuple((Cell(n), Cell(meaning)) for n, meaning in zip(names, meanings, strict=True))
    caption = "Gradients that the bias is measured against; all relative to surrogate_bp's norm."
    return Table(caption, ("oracle", "gradient"), body, text_columns=2)


def _layer_blocks(
    rows: Rows,
    looks: dict[str, Look],
    prefix: str,
    wanted: Callable[[Measurement], bool],
    panel: Panel,
) -> tuple[Block, ...]:
    """One block a problem: panels and table."""
    blocks = []
    groups = measurement_groups(rows)
    for i, (label, group) in enumerate(groups):
        own = [row for row in group if wanted(row)]
        if own:
            figures = tuple(
                panel(drawn, looks, f"{prefix}-{i}-{j}") for j, drawn in enumerate(_drawn(own))
            )
            heading = label if len(groups) > 1 else ""
            table = layer_table(own, list(looks), label)
            shut = folded(len(table.rows), "rows", OPEN_TABLE)
            blocks.append(Block(heading, figures, _not_drawn(own), table, folded=shut))
    return tuple(blocks)


def _drawn(rows: list[Measurement]) -> list[list[Measurement]]:
    """Rows of each quantity that has a panel."""
    return [
        [row for row in rows if (row.quantity, row.oracle) == pair]
        for pair in sorted_quantities(rows)
        if pair[0] in (*DRAWN, *DIRECTION)
    ]


def _not_drawn(rows: list[Measurement]) -> str:
    """Name the values that have no place in a figure."""
    names = distinct(
        f"{title_of(row.quantity)} of {row.subject}" for row in rows if not math.isfinite(row.value)
    )
    return f"Not drawn where not finite: {', '.join(names)}." if names else ""


def layer_table(rows: list[Measurement], subjects: list[str], problem: str) -> Table:
    """Return a table with one row an estimator and layer, one column a quantity."""
    pairs = sorted_quantities(rows)
    if len(pairs) == 1:
        return _one_quantity_table(rows, subjects, problem)
    found = {(row.subject, row.layer, row.quantity, row.oracle): row for row in rows}
    keys = [(s, layer) for s in subjects for layer in ordered_layers(rows)]
    keys = [key for key in keys if any((*key, *pair) in found for pair in pairs)]
    by_row = [[found.get((*key, *pair)) for pair in pairs] for key in keys]
    counts = [sorted({row.replicates for row in own if row}) for own in by_row]
    apart = any(len(numbers) > 1 for numbers in counts)
    body = tuple(
        (
            Cell(subject),
            Cell(layer),
            *(measured_cell(row, with_n=apart) for row in own),
            *([] if apart else [_count_cell(own, numbers[0])]),
        )
        for (subject, layer), own, numbers in zip(keys, by_row, counts, strict=True)
    )
    headings = [_column(rows, pair) for pair in pairs] + ["n"] * (not apart)
    caption = f"{problem}. {_levels(rows)} n: gradient estimates behind a number."
    columns = ("estimator", "layer", *headings)
    return Table(caption, columns, body, text_columns=2, where=f"problem is {problem}")


def _count_cell(rows: list[Measurement | None], number: int) -> Cell:
    """Replicates behind all numbers of a row."""
    known = [row for row in rows if row]
    found = origin(known[:1], "replicates")
    return Cell(count(number), value=float(number), origin=found)


def _one_quantity_table(rows: list[Measurement], subjects: list[str], problem: str) -> Table:
    """Return a table with one row an estimator and one column a layer."""
    layers = ordered_layers(rows)
    found = {(row.subject, row.layer): row for row in rows}
    body = tuple(
        (
            Cell(subject),
            *(measured_cell(found.get((subject, layer)), with_n=True) for layer in layers),
        )
        for subject in subjects
        if any((subject, layer) in found for layer in layers)
    )
    name = _column(rows, (rows[0].quantity, rows[0].oracle))
    caption = f"{name.capitalize()} on {problem}. {_levels(rows)} n: gradient estimates."
    return Table(caption, ("estimator", *layers), body, where=f"quantity is {rows[0].quantity}")


def _column(rows: list[Measurement], pair: tuple[str, str]) -> str:
    """Heading of a quantity with its unit where it is not a ratio."""
    units = distinct(row.unit for row in rows if (row.quantity, row.oracle) == pair)
    shown = [unit for unit in units if unit not in ("", "1")]
    return heading_of(*pair) + (f", {', '.join(shown)}" if shown else "")


def _levels(rows: list[Measurement]) -> str:
    """Say the nominal coverage of the intervals."""
    told = coverages(row.level for row in rows if row.low != row.high)
    return f"Intervals: {told}." if told else "All values are exact."
