"""Ranks of estimators by error times operations, and who is dominated, in words and as a table."""

from __future__ import annotations

from gradassay.reports.cells import EMPTY, Cell, Table
from gradassay.reports.pareto import (
    Offer,
    dominators,
    front_sentence,
    rank_ranges,
    rank_text,
)
from gradassay.reports.rows import distinct


def fronts_told(offers: dict[str, list[Offer]]) -> str:
    """Say who is on which front, and what is shown by that."""
    told = [front_sentence(own, error) for error, own in offers.items()]
    every = [one.error.level for own in offers.values() for one in own]
    levels = sorted({level for level in every if level < 1})
    shown = f" at {100 * levels[0]:g} %" if levels else ""
    rule = (
        f"Dominated is who is shown{shown} to be worse without being cheaper: intervals that "
        "overlap show nothing."
    )
    return " ".join([*filter(None, told), rule])


def rank_table(offers: dict[str, list[Offer]], problem: str) -> Table:
    """Return ranks by products, and who dominates whom, of each kind of error."""
    ranks = [rank_ranges({one.subject: one.product for one in own}) for own in offers.values()]
    found = [dominators(own) for own in offers.values()]
    subjects = distinct(one.subject for own in offers.values() for one in own)
    body = tuple(
        (
            Cell(subject),
            *(
                cell
                for rank, dominated in zip(ranks, found, strict=True)
                for cell in _ranked(rank.get(subject), dominated.get(subject))
            ),
        )
        for subject in subjects
    )
    columns = ["estimator"]
    for error in offers:
        columns += [f"rank by {error} \u00d7 operations", f"{error}: dominated by"]
    caption = f"{problem}. 1 is the least; a range holds all ranks that the intervals allow."
    return Table(caption, tuple(columns), body)


def _ranked(rank: tuple[int, int] | None, dominated: tuple[str, ...] | None) -> tuple[Cell, Cell]:
    if rank is None or dominated is None:
        return EMPTY, EMPTY
    by = Cell(", ".join(dominated), tone="warn") if dominated else Cell("nobody: on the front")
    return Cell(rank_text(rank)), by
