"""The section on cost: operations, memory and time of an update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradassay.core.records import CostRow
from gradassay.core.regimes import REGIMES
from gradassay.reports.cells import Block, Cell, Section, Table
from gradassay.reports.cost_definitions import DENSE_ENERGY, ENERGY, PARTS
from gradassay.reports.definitions import QUANTITIES, title_of
from gradassay.reports.formats import count, quantity
from gradassay.reports.order_section import ORDER
from gradassay.reports.origins import origin
from gradassay.reports.rows import Rows, distinct

MEMORY = (
    "feedback_weight_bytes",
    "gradient_bytes",
    "state_bytes",
    "trace_bytes",
    "buffer_bytes",
    "peak_bytes",
)
EFFECTIVE = ("dense_operations", "effective_operations")
ELSEWHERE = {
    *ORDER,
    *EFFECTIVE,
    *(f"dense_{part}" for part in PARTS),
    *(f"effective_{part}_{kind}" for part in PARTS for kind in ("macs", "acs")),
    *(kind + regime.name for regime in REGIMES for kind in (ENERGY, DENSE_ENERGY)),
}


def cost_section(rows: Rows) -> Section | None:
    """Return the section with everything counted and timed."""
    blocks: list[Block] = []
    for problem in distinct(row.problem for row in rows.cost):
        own = [row for row in rows.cost if row.problem == problem]
        whole = any(row.quantity == "gradient_bytes" for row in own)
        apart = ELSEWHERE | (set(MEMORY) if whole else set())
        names = [n for n in distinct(row.quantity for row in own) if n not in apart]
        if names:
            blocks.append(Block(table=_cost_table(own, names, f"Cost on {problem}.")))
        if any(row.quantity in EFFECTIVE for row in own):
            blocks.append(Block("Dense and effective operations", table=_effective_table(own)))
        if whole:
            caption = (
                "Memory of an update, 4 bytes a number. Feedback weights and gradient are shared "
                "by all samples; membrane potentials, trace and buffers are those of one sample. "
                "The measured peak is that of the whole batch in one block of all steps."
            )
            names = [name for name in MEMORY if any(row.quantity == name for row in own)]
            blocks.append(Block("Memory", table=_cost_table(own, names, caption)))
    lead = (
        "Counts are exact and hold for one update of one sample over all time steps. "
        "Time, with its interval, is that of one estimate for the whole batch."
    )
    return Section("cost", "What does an update cost?", lead, tuple(blocks)) if blocks else None


def _cost_table(own: Sequence[CostRow], names: Sequence[str], caption: str) -> Table:
    """Return one row an estimator, one column a cost."""
    order = list(QUANTITIES)
    ordered = sorted(names, key=lambda name: order.index(name) if name in order else len(order))
    units = {row.quantity: row.unit for row in own}
    found = {(row.subject, row.quantity): row for row in own}
    body = tuple(
        (Cell(subject), *(_cost_cell(found.get((subject, name))) for name in ordered))
        for subject in distinct(row.subject for row in own)
    )
    columns = ("estimator", *(_cost_heading(name, units[name]) for name in ordered))
    where = f"problem is {own[0].problem}"
    return Table(caption, columns, body, where=where)


def _cost_heading(name: str, unit: str) -> str:
    """Name of a cost, with its unit where the name does not say it."""
    known = name in QUANTITIES or not unit or unit == "1"
    return title_of(name) if known else f"{title_of(name)}, {unit}"


def _cost_cell(row: CostRow | None) -> Cell:
    """Value of a cost with its interval."""
    if row is None:
        return Cell("not counted", tone="quiet")
    text = quantity(row.value, row.unit)
    exact = row.low == row.high == row.value
    note = "" if exact else f"[{quantity(row.low, row.unit)}, {quantity(row.high, row.unit)}]"
    return Cell(text, note or _in_full(row.value, text), value=row.value, origin=origin([row]))


def _in_full(value: float, text: str) -> str:
    """Return the exact count where the text is rounded."""
    rounded = text[-1:] in "kMGT"
    return count(int(value)) if rounded and value == int(value) else ""


def _effective_table(own: Sequence[CostRow]) -> Table:
    """Return effective operations of each part, the dense ones below them."""
    subjects = distinct(row.subject for row in own if row.quantity in EFFECTIVE)
    found = {s: {row.quantity: row for row in own if row.subject == s} for s in subjects}
    parts = [p for p in PARTS if any(_amount(f, f"dense_{p}") for f in found.values())]
    body = tuple(
        (Cell(subject), *(_effective_cell(known, part) for part in parts), _total_cell(known))
        for subject, known in found.items()
    )
    columns = ("estimator", *(PARTS[part][0] for part in parts), "all")
    caption = (
        "Effective operations: MACs where the activity is a real number other than 0, ACs where it "
        "is a spike; below them the dense ones, every connection, zeros included."
    )
    return Table(caption, columns, body)


def _amount(found: Mapping[str, CostRow], name: str) -> float | None:
    """Value of a quantity, None where it was not counted."""
    row = found.get(name)
    return None if row is None else row.value


def _effective_cell(found: Mapping[str, CostRow], part: str) -> Cell:
    """MACs and ACs of one part, its dense operations below."""
    dense = _amount(found, f"dense_{part}")
    if dense is None:
        return Cell("not counted", tone="quiet")
    rows = {
        name: found[f"effective_{part}_{kind}"]
        for name, kind in (("MAC", "macs"), ("AC", "acs"))
        if f"effective_{part}_{kind}" in found
    }
    kinds = [f"{quantity(row.value, '')} {name}" for name, row in rows.items() if row.value]
    return Cell(
        " + ".join(kinds) or "0",
        f"dense {quantity(dense, '')}",
        value=sum(row.value for row in rows.values()),
        origin=origin(rows.values(), how="sum"),
    )


def _total_cell(found: Mapping[str, CostRow]) -> Cell:
    """All effective operations, the dense ones below."""
    dense, effective = _amount(found, "dense_operations"), found.get("effective_operations")
    if dense is None or effective is None:
        return Cell("not counted", tone="quiet")
    text, note = quantity(effective.value, ""), f"dense {quantity(dense, '')}"
    return Cell(text, note, value=effective.value, origin=origin([effective]))
