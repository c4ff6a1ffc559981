"""Plain sentences worked out from the numbers of the summary."""

from __future__ import annotations

import math

from gradassay.core.records import Interval
from gradassay.reports.definitions import MAIN_ORACLE
from gradassay.reports.formats import count, estimate, percent
from gradassay.reports.order_section import order_sentence
from gradassay.reports.rows import Rows, distinct, interval_of
from gradassay.reports.study_findings import closed_form_sentence, exponent_sentence
from gradassay.reports.summary import Case, cases, total
from gradassay.reports.trained import accuracy_cell, final_accuracy, runs_of

REFERENCE = "spatial_bp"
MANY = 5


def findings(rows: Rows) -> tuple[str, ...]:
    """Return up to seven sentences: verification, variance, direction, training, laws, order."""
    sentences = (
        verification_sentence(rows),
        variance_sentence(rows),
        direction_sentence(rows),
        training_sentence(rows),
        closed_form_sentence(rows),
        exponent_sentence(rows),
        order_sentence(rows),
    )
    return tuple(sentence for sentence in sentences if sentence)


def verification_sentence(rows: Rows) -> str:
    """Say how many checks passed, and whose failed."""
    if not rows.checks:
        return ""
    failed = [check.subject for check in rows.checks if check.verdict == "FAIL"]
    open_ones = [check.subject for check in rows.checks if check.verdict == "INCONCLUSIVE"]
    size = count(len(rows.checks))
    if not failed and not open_ones:
        return f"All {size} checks passed."
    parts = [
        f"{count(len(names))} of {size} checks {verb} ({_tally(names)})"
        for names, verb in ((failed, "failed"), (open_ones, "were inconclusive"))
        if names
    ]
    return "; ".join(parts) + "."


def _tally(names: list[str]) -> str:
    """Names with how often they occur."""
    return ", ".join(f"{name}: {names.count(name)}" for name in distinct(names))


def variance_sentence(rows: Rows) -> str:
    """Compare variances with that of spatial BP, or with the least where it was not measured."""
    known = {
        case: interval_of(row)
        for case in cases(rows)
        if (row := total(rows, case, "total_variance", ""))
        and row.value > 0
        and math.isfinite(row.value)
    }
    if len(known) < 2:
        return ""
    least_first = sorted(known, key=lambda case: known[case].value)
    base = next((case for case in known if case.subject == REFERENCE), least_first[0])
    others = [case for case in reversed(least_first) if case != base]
    texts = _shorten([f"{case.label} {_ratio(known[case], known[base])}" for case in others])
    return f"Variance relative to that of {base.label}, from largest to smallest: {texts}."


def _shorten(texts: list[str]) -> str:
    """Join all, or the first three and the last where there are many."""
    shown = texts if len(texts) <= MANY else [*texts[:3], "...", texts[-1]]
    return "; ".join(shown)


def _ratio(top: Interval, bottom: Interval) -> str:
    """Ratio of two positive estimates with the widest ends their intervals allow."""
    low = max(top.low, 0.0) / bottom.high if bottom.high > 0 else math.nan
    high = top.high / bottom.low if bottom.low > 0 else math.inf
    text, ends = estimate(top.value / bottom.value, low, high)
    return f"{text} times {ends}".strip()


def direction_sentence(rows: Rows) -> str:
    """Say whose direction is nearest to, and furthest from, the surrogate gradient's."""
    known = {
        case: row
        for case in cases(rows)
        if (row := total(rows, case, "cosine", MAIN_ORACLE)) and math.isfinite(row.value)
    }
    if len(known) < 2:
        return ""
    order = sorted(known, key=lambda case: -known[case].value)
    texts = [
        f"{case.label} {' '.join(estimate(row.value, row.low, row.high)).strip()}"
        for case, row in ((case, known[case]) for case in order)
    ]
    return f"Cosine with the surrogate gradient, from best to worst: {_shorten(texts)}."


def training_sentence(rows: Rows) -> str:
    """Say what test accuracy each estimator ends with, from best to worst."""
    known: list[tuple[float, Case]] = []
    for case in cases(rows):
        final = final_accuracy(runs_of(rows.training, case.subject, case.problem))
        if final is not None and math.isfinite(final.value):
            known.append((final.value, case))
    if not known:
        return ""
    known.sort(key=lambda pair: -pair[0])
    texts = [f"{case.label} {percent(value)} ({_note(rows, case)})" for value, case in known]
    order = "" if len(known) == 1 else ", from best to worst"
    return f"Final test accuracy{order}: {_shorten(texts)}."


def _note(rows: Rows, case: Case) -> str:
    """Interval and n of an accuracy."""
    note = accuracy_cell(runs_of(rows.training, case.subject, case.problem)).note
    return note.replace("\n", ", ")
