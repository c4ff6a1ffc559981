"""The section on order: what has to wait for what."""

from __future__ import annotations

from collections.abc import Sequence

from gradassay.core.records import CostRow
from gradassay.reports.cells import Block, Cell, Section, Table
from gradassay.reports.formats import count
from gradassay.reports.origins import origin
from gradassay.reports.rows import Rows, distinct

ORDER = (
    "hidden_layers",
    "update_locked_layers",
    "backward_locked_layers",
    "signals_at_once",
    "steps_before_update",
    "sequential_depth",
)


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
