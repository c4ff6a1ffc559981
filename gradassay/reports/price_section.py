"""The section on error times operations."""

from __future__ import annotations

from gradassay.core.records import CostRow, Measurement
from gradassay.reports.cells import EMPTY, Block, Cell, Section, Table, measured_cell
from gradassay.reports.definitions import MAIN_ORACLE, OPERATIONS_MEANING
from gradassay.reports.formats import estimate, quantity
from gradassay.reports.origins import origin, times
from gradassay.reports.palette import Look
from gradassay.reports.pareto import Offer, dominators
from gradassay.reports.rank_table import fronts_told, rank_table
from gradassay.reports.rows import Rows, interval_of, measurement_groups, operation_rows, operations
from gradassay.reports.tradeoff_figure import Price, tradeoff_figure

MSE = ("mean_squared_error", MAIN_ORACLE)


def price_section(rows: Rows, looks: dict[str, Look]) -> Section | None:
    """Return the section on error times operations."""
    groups = measurement_groups(rows)
    blocks: list[Block] = []
    for i, (label, group) in enumerate(groups):
        cost = _cost_of(rows, group[0].problem)
        priced = [
            (row, amount)
            for row in group
            if row.layer == "total" and (row.quantity, row.oracle) == MSE
            if (amount := operations(cost, row.subject, None)) is not None
        ]
        if priced:
            variances = _variances(group)
            offers = _offers(priced, variances)
            figures = _figures(offers, looks, f"price-{i}")
            table = _price_table(priced, variances, cost, label)
            blocks.append(Block(label if len(groups) > 1 else "", figures, table=table))
            if len(priced) > 1:
                blocks.append(Block(note=fronts_told(offers), table=rank_table(offers, label)))
    lead = (
        "To halve the error by averaging takes twice the estimates: error times operations is "
        "what an estimate of a given quality costs, for the part that averaging removes. "
        + OPERATIONS_MEANING
    )
    title = "What does a good direction cost?"
    return Section("price", title, lead, tuple(blocks)) if blocks else None


def _offers(
    priced: list[tuple[Measurement, float]], variances: dict[str, Measurement]
) -> dict[str, list[Offer]]:
    """Return what each estimator costs with its error, and with its variance."""
    return {
        "mean squared error": [
            Offer(row.subject, amount, interval_of(row)) for row, amount in priced
        ],
        "variance": [
            Offer(row.subject, amount, interval_of(variances[row.subject]))
            for row, amount in priced
            if row.subject in variances
        ],
    }


def _cost_of(rows: Rows, problem: str) -> tuple[CostRow, ...]:
    """Costs on the same problem; all where there is one problem of each kind."""
    names = [{row.problem for row in rows.cost}, {row.problem for row in rows.measurements}]
    if all(len(known) == 1 for known in names):
        return rows.cost
    return tuple(row for row in rows.cost if row.problem == problem)


def _figures(offers: dict[str, list[Offer]], looks: dict[str, Look], name: str) -> tuple[str, ...]:
    """Return a scatter of each kind of error, of what can be drawn."""
    figures = []
    for i, (error, own) in enumerate(offers.items()):
        dominated = dominators(own)
        prices = [
            Price(one.subject, one.operations, one.error, on_front=not dominated[one.subject])
            for one in own
        ]
        drawn = [price for price in prices if price.drawable]
        if drawn:
            figures.append(
                tradeoff_figure(drawn, looks, f"{name}-{i}" if i else name, f"relative {error}")
            )
    return tuple(figures)


def _variances(group: list[Measurement]) -> dict[str, Measurement]:
    """Return the variance of each estimator over all layers."""
    return {
        row.subject: row
        for row in group
        if row.layer == "total" and row.quantity == "total_variance"
    }


def _price_table(
    priced: list[tuple[Measurement, float]],
    variances: dict[str, Measurement],
    cost: tuple[CostRow, ...],
    problem: str,
) -> Table:
    """Return error and variance, operations, and their products."""
    columns: tuple[str, ...] = (
        "estimator",
        "relative mean squared error",
        "operations an update",
        "error \u00d7 operations",
        "variance",
        "variance \u00d7 operations",
        "error \u00d7 time, s",
    )
    seconds = {row.subject: row for row in reversed(cost) if row.quantity == "step_seconds"}
    counted = {
        row.subject: origin(operation_rows(cost, row.subject, None), how="sum") for row, _ in priced
    }
    body: tuple[tuple[Cell, ...], ...] = tuple(
        (
            Cell(row.subject),
            measured_cell(row, with_n=True),
            Cell(quantity(amount, ""), value=amount, origin=counted[row.subject]),
            _times_amount(row, amount, counted[row.subject]),
            measured_cell(variances.get(row.subject), with_n=False),
            _times_amount(variances.get(row.subject), amount, counted[row.subject]),
            _times_seconds(row, seconds.get(row.subject)),
        )
        for row, amount in priced
    )
    if not seconds:
        columns, body = columns[:-1], tuple(row[:-1] for row in body)
    note = "Intervals of products multiply the ends of both factors."
    where = "layer is total, and the cost on the same problem"
    return Table(f"{problem}, all layers together. {note}", columns, body, where=where)


def _times_amount(row: Measurement | None, amount: float, counted: str) -> Cell:
    """Product of an error or a variance and a number of operations."""
    if row is None:
        return EMPTY
    return _product(row, (amount, amount, amount), times(origin([row]), counted))


def _times_seconds(row: Measurement, seconds: CostRow | None) -> Cell:
    """Product of error and time a step."""
    if seconds is None:
        return EMPTY
    factor = (seconds.value, seconds.low, seconds.high)
    return _product(row, factor, times(origin([row]), origin([seconds])))


def _product(row: Measurement, factor: tuple[float, float, float], found: str) -> Cell:
    """Product of an error or a variance with a positive factor: its value, low and high end."""
    value, low, high = factor
    bottom = min(row.low * low, row.low * high)
    top = max(row.high * low, row.high * high)
    product = row.value * value
    text, note = estimate(product, bottom, top)
    return Cell(text, note, value=product, origin=found)
