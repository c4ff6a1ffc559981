"""Sections on cost over sizes: memory over steps and depth, feedback over n, m and N."""

from __future__ import annotations

from collections.abc import Sequence

from gradassay.core.curves import CostPoint
from gradassay.reports.cells import Block, Cell, Section, Table, number_cell
from gradassay.reports.curve_figure import SIZES, curve_panel
from gradassay.reports.formats import estimate, quantity
from gradassay.reports.origins import origin
from gradassay.reports.palette import Look
from gradassay.reports.rows import Rows, distinct

MEMORY_TITLES = {
    "closed form": "closed form",
    "measured": "measured, all steps in one block",
    "measured step by step": "measured, step by step",
}
FEEDBACK = {
    "feedback_operations": "feedback operations",
    "feedback_weight_bytes": "feedback memory, bytes",
}


def memory_section(rows: Rows, looks: dict[str, Look]) -> Section | None:
    """Return the section on memory over steps and depth."""
    own = [point for point in rows.cost_curves if point.quantity == "memory_bytes"]
    blocks = []
    for variable in distinct(point.variable for point in own):
        curve = [point for point in own if point.variable == variable]
        figures = tuple(
            curve_panel(
                [point for point in curve if point.source == source],
                looks,
                f"memory-{variable}-{i}",
                f"bytes, {title}",
                ratio=False,
            )
            for i, (source, title) in enumerate(MEMORY_TITLES.items())
            if any(point.source == source for point in curve)
        )
        heading = f"Against {SIZES[variable]}"
        folded = f"Show the numbers against {variable}"
        blocks.append(Block(heading, figures, table=_points_table(curve), folded=folded))
    lead = (
        "Memory of an update of a batch, besides the weights. Closed form: what a method has to "
        "keep. Measured: the most that NumPy holds, by tracemalloc, copies on the way included; "
        "all steps in one block, as this program computes a whole sequence, and step by step, as "
        "an online method can be run: so held, it does not grow with T."
    )
    title = "How does memory grow with T and depth?"
    return Section("memory", title, lead, tuple(blocks)) if blocks else None


def growth_section(rows: Rows, looks: dict[str, Look]) -> Section | None:
    """Return the section on feedback over units, outputs and layers, and on time."""
    blocks = [block for name in FEEDBACK for block in _feedback_blocks(rows, looks, name)]
    times = [point for point in rows.cost_curves if point.quantity == "time_ratio"]
    if times:
        heading = f"Wall time, {times[0].family.rpartition(', ')[2]}"
        figure = curve_panel(times, looks, "growth-time", "ratio of wall times", ratio=True)
        note = "Estimates of all methods take turns; on this machine and backend."
        blocks.append(Block(heading, (figure,), note, _points_table(times)))
    lead = (
        "Feedback operations: products of one sample and step that make the signals of hidden "
        "layers, sent down layer by layer, up as tangents or directly, and that learn feedback "
        "weights; counted as NumPy multiplies them. For N hidden layers of n units and m outputs "
        "spatial backpropagation needs (N \u2212 1)n² + mn, one direct product a layer Nnm. 0 has "
        "no place on a logarithmic axis and stands in the strip."
    )
    title = "How does the cost of feedback grow?"
    return Section("growth", title, lead, tuple(blocks)) if blocks else None


def _feedback_blocks(rows: Rows, looks: dict[str, Look], name: str) -> list[Block]:
    """Return panels, exponents and numbers of one cost of feedback; none where none was counted."""
    title = FEEDBACK[name]
    own = [point for point in rows.cost_curves if point.quantity == name]
    counted = [point for point in own if point.source == "counted"]
    if not counted:
        return []
    figures = tuple(
        curve_panel(
            [point for point in counted if point.variable == variable],
            looks,
            f"growth-{name}-{variable}",
            f"{title} over {variable}",
            ratio=False,
        )
        for variable in distinct(point.variable for point in counted)
    )
    slopes = [p for p in rows.cost_curves if p.quantity == f"{name}_exponent"]
    shown = f"Show the numbers of {title.split(',')[0]}"
    return [
        Block(title.capitalize(), figures, table=_exponent_table(slopes, own)),
        Block(table=_points_table(own), folded=shown),
    ]


def _points_table(points: Sequence[CostPoint]) -> Table:
    """Return one row an estimator and source, one column a size."""
    several = len(distinct((point.variable, point.family) for point in points)) > 1
    sizes = distinct((point.variable, point.at) for point in points)
    found = {(p.subject, p.source, p.variable, p.at): p for p in points}
    body = tuple(
        (
            Cell(subject),
            Cell(source),
            *(_point_cell(found.get((subject, source, *size))) for size in sizes),
        )
        for subject, source in distinct((point.subject, point.source) for point in points)
    )
    columns = ("estimator", "how", *(f"{variable} = {at}" for variable, at in sizes))
    families = "; ".join(distinct(point.family for point in points))
    caption = f"{'Networks' if several else 'Network'}: {families}."
    return Table(caption, columns, body, text_columns=2)


def _point_cell(point: CostPoint | None) -> Cell:
    """Value of one point with its interval."""
    if point is None:
        return Cell("none", tone="quiet")
    if point.low == point.value == point.high:
        text, note = quantity(point.value, point.unit), ""
    else:
        text, note = estimate(point.value, point.low, point.high)
    return Cell(text, note, value=point.value, origin=origin([point]))


def _exponent_table(fitted: Sequence[CostPoint], points: Sequence[CostPoint]) -> Table:
    """Return the fitted exponents and whether count and closed form agree."""
    variables = distinct(point.variable for point in points)
    slopes = {(point.subject, point.variable): point for point in fitted}
    body = tuple(
        (
            Cell(subject),
            *(_slope_cell(slopes.get((subject, variable))) for variable in variables),
            _agreement_cell([point for point in points if point.subject == subject]),
        )
        for subject in distinct(point.subject for point in points)
    )
    columns = ("estimator", *(f"exponent in {v}" for v in variables), "counted = closed form")
    caption = (
        "Exponents of growth: least-squares slopes of logarithms of the counts over the larger "
        "half of the sizes. They approach those of the polynomial's leading term."
    )
    return Table(caption, columns, body)


def _slope_cell(slope: CostPoint | None) -> Cell:
    """Return an exponent, or say that there is nothing to grow."""
    if slope is None:
        return Cell("always zero", tone="quiet")
    return number_cell(slope)


def _agreement_cell(points: Sequence[CostPoint]) -> Cell:
    """Say at how many sizes the count equals the closed form."""
    closed = {(p.variable, p.at): p.value for p in points if p.source == "closed form"}
    pairs = [(p.value, closed.get((p.variable, p.at))) for p in points if p.source == "counted"]
    equal = sum(left == right for left, right in pairs)
    text = f"at {equal} of {len(pairs)} sizes"
    return Cell(text, tone="good" if equal == len(pairs) else "bad")
