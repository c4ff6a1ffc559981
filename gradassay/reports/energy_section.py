"""The section on energy under published regimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradassay.core.records import CostRow
from gradassay.core.regimes import REGIMES, Regime
from gradassay.reports.cells import Block, Cell, Section, Table
from gradassay.reports.cost_definitions import DENSE_ENERGY, ENERGY
from gradassay.reports.energy_figure import Charge, energy_figure
from gradassay.reports.formats import joules
from gradassay.reports.origins import How, origin
from gradassay.reports.rows import Rows, distinct


def energy_section(rows: Rows) -> Section | None:
    """Return the section on energy under published regimes."""
    own = [row for row in rows.cost if row.quantity.startswith(ENERGY)]
    known = [regime for regime in REGIMES if any(r.quantity == ENERGY + regime.name for r in own)]
    blocks = []
    for i, problem in enumerate(distinct(row.problem for row in own)):
        cost = [row for row in rows.cost if row.problem == problem]
        charges = [
            Charge(row.subject, regime.title, row.value)
            for regime in known
            for row in cost
            if row.quantity == ENERGY + regime.name
        ]
        figure = energy_figure(charges, f"energy-{i}")
        blocks.append(Block("", (figure,), table=_energy_table(cost, known, problem)))
    if not blocks:
        return None
    blocks.append(Block("Where the prices are from", table=_source_table(known)))
    lead = (
        "MACs times (multiply + add) plus ACs times add, of the effective operations of one update "
        "of one sample; in small print as if every connection were a MAC. Memory access, "
        "communication and leakage are not in it, and often cost more: read it as a range over "
        "published prices of arithmetic, not as what a machine draws."
    )
    return Section("energy", "What energy is that?", lead, tuple(blocks))


def _energy_table(cost: Sequence[CostRow], regimes: Sequence[Regime], problem: str) -> Table:
    """Return one row a regime, one column an estimator, the range last."""
    found = {(row.subject, row.quantity): row for row in cost}
    subjects = distinct(row.subject for row in cost if row.quantity.startswith(ENERGY))
    body = [
        (
            Cell(regime.title),
            Cell(f"{regime.add_pj:g}"),
            Cell(f"{regime.multiply_pj:g}"),
            *(_energy_cell(found, subject, [regime], "") for subject in subjects),
        )
        for regime in regimes
    ]
    ranges: tuple[tuple[str, How], ...] = (("lowest", "min"), ("highest", "max"))
    for title, end in ranges:
        ends = (_energy_cell(found, subject, regimes, end) for subject in subjects)
        body.append((Cell(title), Cell(""), Cell(""), *ends))
    caption = f"Energy of one update of one sample on {problem}, by regime, and its range."
    return Table(caption, ("regime", "add, pJ", "multiply, pJ", *subjects), tuple(body))


def _energy_cell(
    found: Mapping[tuple[str, str], CostRow],
    subject: str,
    regimes: Sequence[Regime],
    end: How,
) -> Cell:
    """Return an effective energy, or the lowest or highest of several, the dense one below."""
    effective, dense = (
        [found[subject, kind + regime.name] for regime in regimes]
        for kind in (ENERGY, DENSE_ENERGY)
    )
    least_or_most = min if end == "min" else max
    value, below = (least_or_most(row.value for row in rows) for rows in (effective, dense))
    return Cell(
        joules(value), f"dense {joules(below)}", value=value, origin=origin(effective, how=end)
    )


def _source_table(regimes: Sequence[Regime]) -> Table:
    """Return where each regime's numbers stand."""
    body = tuple((Cell(regime.title), Cell(regime.source)) for regime in regimes)
    caption = (
        "A chip whose published figure is for a whole synaptic operation is charged that once for "
        "an AC and once for a MAC, which it may not be able to do."
    )
    return Table(caption, ("regime", "source"), body, text_columns=2)
