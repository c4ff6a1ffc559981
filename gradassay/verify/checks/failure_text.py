"""The text of a result that is no PASS."""

from __future__ import annotations

import textwrap

from gradassay.core.records import CheckResult
from gradassay.estimators import is_name
from gradassay.verify.checks.results import NOT_MEASURED, USUAL_BUDGET


def failure_text(result: CheckResult) -> str:
    """Return the block that explains one result that is no PASS: at most 25 lines."""
    lines = [
        f"{result.verdict} {result.check}: {result.subject} on {result.problem}",
        *_field("claim", result.claim),
        *_field("measured", _measured(result)),
        *_field("bound", "" if result.quantity == NOT_MEASURED else f"{result.bound:.3g}"),
        *_field("where", result.detail),
        *_field("error rates", _rates(result)),
        *_field("evaluations", _replicates(result)),
        *_field("reproduce", reproduce(result)),
        *_field("usual causes", result.causes),
    ]
    return "\n".join(lines)


def reproduce(result: CheckResult) -> str:
    """Return the command that runs the check again; the call, where no command has that name."""
    if not is_name(result.subject):
        suite = ', suite="full"' if result.level > 2 else ""
        return f'verify({{"{result.subject}": ...}}, seed={result.seed}{suite})'
    name = f"'{result.subject}'" if "*" in result.subject else result.subject
    budget = f" --budget {result.budget}" if result.budget not in (0, USUAL_BUDGET) else ""
    suite = " --suite full" if result.level > 2 else ""
    return f"gradassay verify {name} --checks {result.check} --seed {result.seed}{budget}{suite}"


def _measured(result: CheckResult) -> str:
    if result.quantity == NOT_MEASURED:
        return "nothing"
    if result.low == result.high:
        return f"{result.quantity} {result.measured:.3g}"
    low, high = (f"{end:.3g}" for end in (result.low, result.high))
    return f"{result.quantity} {result.measured:.3g}, interval [{low}, {high}]"


def _rates(result: CheckResult) -> str:
    if not result.budget:
        return ""
    return f"false alarm and miss at the bound at most {result.false_alarm_rate:.2g} for this check"


def _replicates(result: CheckResult) -> str:
    if not result.budget:
        return f"{result.evaluations:,}"
    plan = f"; a test of fixed size needs {result.planned:,}" if result.planned else ""
    if result.verdict == "INCONCLUSIVE" and result.evaluations >= result.budget:
        plan += "; --budget allows more"
    return (
        f"{result.evaluations:,} replicates of at most {result.budget:,},"
        f" {'undecided after' if result.verdict == 'INCONCLUSIVE' else 'decided at'}"
        f" look {result.look}{plan}"
    )


def _field(name: str, text: str) -> list[str]:
    """Return the lines of a field, none where it is empty."""
    lines = text.splitlines()
    return [f"  {name if number == 0 else '':<13}{line}" for number, line in enumerate(lines)]


def one_line(text: str, width: int = 160) -> str:
    """Return a text on one line, shortened."""
    return textwrap.shorten(" ".join(text.split()), width, placeholder=" ...")
