"""Sections on cost: what an update costs, what waits for what, energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradassay.core.records import CostRow
from gradassay.core.regimes import REGIMES, Regime
from gradassay.reports.cells import Block, Cell, Section, Table
from gradassay.reports.cost_definitions import DENSE_ENERGY, ENERGY, PARTS
from gradassay.reports.definitions import QUANTITIES, title_of
from gradassay.reports.energy_figure import Charge, energy_figure
from gradassay.reports.formats import count, joules, quantity
from gradassay.reports.origins import How, origin
from gradassay.reports.rows import Rows, distinct

ORDER = (
    "hidden_layers",
    "update_locked_layers",
    "backward_locked_layers",
    "signals_at_once",
    "steps_before_update",
    "sequential_depth",
)
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


def order_section(rows: Rows) -> Section | None:
    """Return the section on what has to wait for what."""
    own = [row for row in rows.cost if row.quantity in ORDER]
    blocks = tuple(
        Block(table=_order_table([row for row in own if row.problem == problem], problem))
        for problem in distinct(row.problem for row in own)
    )
    lead = (
        "Found by intervening: an estimate is made again with the outputs, one layer, or what "
        "comes down through weights changed on purpose, and a layer whose gradient changes had "
        "looked there. Every layer waits for those before it in the forward pass (forward "
        "locking). A layer is update-locked if its update waits for the output's forward pass, "
        "backward-locked if it waits for an error through the weights above."
    )
    title = "What must wait for what?"
    return Section("order", title, lead, blocks) if blocks else None


def _order_table(own: Sequence[CostRow], problem: str) -> Table:
    """Return one row an estimator, in words."""
    found = {(row.subject, row.quantity): row for row in own}
    body = []
    for subject in distinct(row.subject for row in own):
        hidden, update, backward, at_once, steps, depth = (
            int(found[subject, name].value) for name in ORDER
        )
        longest = found[subject, "sequential_depth"]
        body.append(
            (
                Cell(subject),
                Cell(f"{count(update)} of {count(hidden)} layers"),
                Cell(f"{count(backward)} of {count(hidden)} layers"),
                Cell(f"{count(at_once)} at once" if at_once > 1 else "one after the other"),
                Cell("at every step" if steps == 1 else f"after {count(steps)} steps"),
                Cell(count(depth), value=longest.value, origin=origin([longest])),
            )
        )
    columns = (
        "estimator", "update-locked", "backward-locked", "signals of layers", "weights can change",
        "sequential depth",
    )  # fmt: skip
    caption = (
        f"{problem}. Sequential depth: the longest chain of dependent work of one update, in units "
        "of one layer at one step, with unlimited parallelism."
    )
    return Table(caption, columns, tuple(body), text_columns=5, stack=True)


def order_sentence(rows: Rows) -> str:
    """Say which methods wait for an error through weights, for the output, or for neither."""
    found = {(row.subject, row.quantity): row.value for row in rows.cost if row.quantity in ORDER}
    kinds: dict[str, list[str]] = {"an error through the weights": [], "the output alone": []}
    kinds["neither"] = []
    for subject in distinct(subject for subject, _ in found):
        update, backward = (found.get((subject, name), 0) for name in ORDER[1:3])
        kind = "neither" if not update else "the output alone"
        kinds["an error through the weights" if backward else kind].append(subject)
    told = [f"{what}: {', '.join(names)}" for what, names in kinds.items() if names]
    return f"Updates of hidden layers wait for {'; '.join(told)}." if told else ""


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
