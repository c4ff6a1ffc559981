"""The section on verification: tally, failures with detail, all checks."""

from __future__ import annotations

import math

from gradassay.core.records import CheckResult
from gradassay.reports.cells import Block, Cell, Section, Table, Tone, folded
from gradassay.reports.definitions import level_text
from gradassay.reports.formats import count, number
from gradassay.reports.origins import origin
from gradassay.reports.rows import Rows, distinct

ORDER = {"FAIL": 0, "INCONCLUSIVE": 1, "PASS": 2}
TONES: dict[str, Tone] = {"FAIL": "bad", "INCONCLUSIVE": "warn", "PASS": "good"}
OPEN_TABLE = 30


def checks_section(rows: Rows) -> Section | None:
    """Return the section on verification: tally, failures with detail, all checks."""
    if not rows.checks:
        return None
    ordered = sorted(rows.checks, key=lambda check: ORDER.get(check.verdict, 1))
    open_ones = [check for check in ordered if check.verdict != "PASS"]
    blocks = [Block(table=_tally_table(rows.checks))]
    if open_ones:
        blocks.append(Block("Not passed", table=_check_table(open_ones, with_detail=True)))
    every = _check_table(ordered, with_detail=False)
    shut = folded(len(ordered), "checks", OPEN_TABLE)
    blocks.append(Block("All checks", table=every, folded=shut))
    levels = sorted({check.level for check in rows.checks})
    lead = (
        f"{'; '.join(level_text(level) for level in levels).capitalize()}. At levels 0 and 1 "
        "nothing is sampled: a check passes where the relative error is at most the bound, which "
        "follows from the length of the sums and the number format. At levels 2 and 3 it passes "
        "where the whole interval is within the bound, fails where the fault is proven at the "
        "check's share of the suite's false-alarm rate, and is inconclusive else."
    )
    return Section("checks", "What was verified, and how?", lead, tuple(blocks))


def _tally_table(checks: tuple[CheckResult, ...]) -> Table:
    """Return passes by subject and level."""
    levels = sorted({check.level for check in checks})
    body = tuple(
        (
            Cell(subject),
            *(_tally_cell(checks, subject, level) for level in levels),
            _evaluations_cell([check for check in checks if check.subject == subject]),
        )
        for subject in distinct(check.subject for check in checks)
    )
    columns = ("subject", *(f"level {level} passed" for level in levels), "evaluations")
    return Table("Checks passed. Evaluations: gradients or passes computed.", columns, body)


def _evaluations_cell(checks: list[CheckResult]) -> Cell:
    """Add the evaluations of some checks."""
    size = sum(check.evaluations for check in checks)
    found = origin(checks, "evaluations", "sum")
    return Cell(count(size), value=float(size), origin=found)


def _tally_cell(checks: tuple[CheckResult, ...], subject: str, level: int) -> Cell:
    """Count the passes of one subject at one level."""
    own = [c for c in checks if (c.subject, c.level) == (subject, level)]
    verdicts = [check.verdict for check in own]
    if not verdicts:
        return Cell("none", tone="quiet")
    passed = verdicts.count("PASS")
    worst = min(verdicts, key=lambda verdict: ORDER.get(verdict, 1))
    text, tone = f"{count(passed)} of {count(len(verdicts))}", TONES.get(worst, "warn")
    found = origin([check for check in own if check.verdict == "PASS"], "verdict", "count")
    return Cell(text, tone=tone, value=float(passed), origin=found)


def _check_table(checks: list[CheckResult], *, with_detail: bool) -> Table:
    """Return one row a check."""
    columns = ("subject", "problem", "claim", "level", "verdict", "measured, bound", "evaluations")
    body = tuple(
        (
            Cell(check.subject),
            Cell(check.problem),
            Cell(check.claim, _detail(check) if with_detail else check.check),
            _check_cell(str(check.level), check, "level"),
            Cell(check.verdict, tone=TONES.get(check.verdict, "warn")),
            _check_cell(_comparison(check), check, "measured"),
            _check_cell(count(check.evaluations), check, "evaluations"),
        )
        for check in checks
    )
    where = "verdict is FAIL, INCONCLUSIVE or XFAIL" if with_detail else ""
    return Table("What was measured against its bound.", columns, body, 3, where=where)


def _check_cell(text: str, check: CheckResult, column: str) -> Cell:
    """Show one number of a check."""
    value = float(getattr(check, column))
    return Cell(text, value=value, origin=origin([check], column))


def _detail(check: CheckResult) -> str:
    """Say what a reader needs to find the fault."""
    return f"{check.check}, seed {check.seed}\n{check.detail}".strip()


def _comparison(check: CheckResult) -> str:
    """Measured error, sign, bound."""
    if not math.isfinite(check.measured):
        return f"not measured, bound {number(check.bound)}"
    if check.low < check.high:
        low, high, bound = (number(value) for value in (check.low, check.high, check.bound))
        return f"{number(check.measured)} [{low}, {high}], bound {bound}"
    sign = "\u2264" if check.measured <= check.bound else ">"
    return f"{number(check.measured)} {sign} {number(check.bound)}"
