"""Sentences and summary cells on closed forms and exponents."""

from __future__ import annotations

import math

from gradassay.core.curves import ExponentRow
from gradassay.reports.cells import EMPTY, Cell
from gradassay.reports.closed_form_section import coverage_sentence, pairs_of
from gradassay.reports.definitions import title_of
from gradassay.reports.formats import count, estimate, number
from gradassay.reports.rows import Rows
from gradassay.reports.scaling_section import CLOSED_FORM_QUANTITIES, UNLIKELY

MANY = 4


def closed_form_sentence(rows: Rows) -> str:
    """Say how many measured variances hold their closed form; empty where there is none."""
    pairs = pairs_of(rows)
    return f"Measured variances: {coverage_sentence(pairs)}" if pairs else ""


def exponent_sentence(rows: Rows) -> str:
    """Say how many exponents are theory's on the network that was asked for, and which are not."""
    judged = [row for row in rows.exponents if _judged(row)]
    if not judged:
        return ""
    apart = sorted(
        (row for row in judged if not _agrees(row)), key=lambda row: -abs(row.value - row.predicted)
    )
    told = (
        f"{count(len(judged) - len(apart))} of {count(len(judged))} exponents on "
        f"{judged[0].problem} are theory's for outputs that are linear in the noise"
    )
    texts = [_told(row) for row in apart[:MANY]]
    more = f"; {len(apart) - MANY} more" if len(apart) > MANY else ""
    return f"{told}; farthest from it: {'; '.join(texts)}{more}." if texts else f"{told}."


def _judged(row: ExponentRow) -> bool:
    return row.quantity not in CLOSED_FORM_QUANTITIES and not math.isnan(row.predicted)


def _agrees(row: ExponentRow) -> bool:
    return row.low <= row.predicted <= row.high and row.p_value >= UNLIKELY


def _told(row: ExponentRow) -> str:
    text = " ".join(estimate(row.value, row.low, row.high))
    bent = ", no power law" if row.p_value < UNLIKELY else ""
    return (
        f"{row.subject}, {title_of(row.quantity)} over {row.variable} {text}, theory "
        f"{number(row.predicted, 3)}{bent}"
    )


def closed_form_cell(rows: Rows, subject: str) -> Cell:
    """Return how many of an estimator's measured variances hold their closed form."""
    pairs = [pair for pair in pairs_of(rows) if pair.measured.subject == subject]
    held = sum(pair.ratio.covers(1.0) for pair in pairs)
    return Cell(f"{count(held)} of {count(len(pairs))}") if pairs else EMPTY


def exponent_summary_cell(rows: Rows, subject: str) -> Cell:
    """Return how many of an estimator's exponents are theory's."""
    judged = [row for row in rows.exponents if row.subject == subject and _judged(row)]
    agreed = sum(map(_agrees, judged))
    return Cell(f"{count(agreed)} of {count(len(judged))}") if judged else EMPTY
