"""Checks on the command line: run with a bar of progress, printed, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradassay.cli.exit_codes import FAILED, INCONCLUSIVE, PASSED
from gradassay.cli.lines import print_line
from gradassay.core.records import CheckResult
from gradassay.verify.checks.case import Case
from gradassay.verify.checks.failure_text import failure_text
from gradassay.workbench.progress import bar


def run_with_progress(cases: Sequence[Case], workers: int = 1) -> list[CheckResult]:
    """Run all cases with a bar of progress on the standard error."""
    from gradassay.verify.runner import run_cases

    results: list[CheckResult] = []
    outcomes = run_cases(cases, workers=workers)
    with bar(len(cases), "verify") as advance:
        for case, found in zip(cases, outcomes, strict=True):
            advance(f"{case.subject}: {case.check.name}")
            results += found
    return results


def print_plan(cases: Sequence[Case], *, only_too_small: bool) -> None:
    """Say on the standard error how many replicates each sampled mean needs, from a pilot."""
    from gradassay.verify.checks.sampled_checks import MOMENTUM, UNBIASED, planned_replicates

    for case in cases:
        if case.check not in (UNBIASED, MOMENTUM):
            continue
        try:
            needed = planned_replicates(case)
        except Exception:  # a third party's code: the check itself says so
            continue
        budget = case.settings.budget
        if needed is None or (only_too_small and needed <= budget):
            continue
        told = "; raise --budget or --margin" if needed > budget else ""
        print_line(
            f"plan: {case.check.name}, {case.subject} on {case.problem.name}: about {needed:,}"
            f" replicates for a margin of {case.settings.margin:g}, budget {budget:,}{told}",
            to_stderr=True,
        )


def print_checks(results: Iterable[CheckResult]) -> None:
    """Print one line for each estimator and level, and a block for each failure."""
    groups: dict[tuple[str, int], list[CheckResult]] = {}
    for result in results:
        groups.setdefault((result.subject, result.level), []).append(result)
    for (subject, level), group in groups.items():
        print_line(_line(subject, level, group))
        _print_troubles([result for result in group if result.verdict != "PASS"])


def _print_troubles(results: Sequence[CheckResult]) -> None:
    """Print blocks: of one check and verdict the first, and where else it is so."""
    groups: dict[tuple[str, str], list[CheckResult]] = {}
    for result in results:
        groups.setdefault((result.check, result.verdict), []).append(result)
    for (check, verdict), (first, *others) in groups.items():
        print_line(failure_text(first))
        if others:
            where = "; ".join(dict.fromkeys(result.problem for result in others))
            print_line(f"{verdict} {check}: {len(others)} more, on {where} (--out keeps all)")


def _line(subject: str, level: int, group: Sequence[CheckResult]) -> str:
    """Return the line of one estimator and level: the worst verdict, and how much was shown."""
    verdicts = [result.verdict for result in group]
    worst = next((v for v in ("FAIL", "INCONCLUSIVE", "XFAIL") if v in verdicts), "PASS")
    passed = [result for result in group if result.verdict == "PASS"]
    line = f"{worst} {subject}: level {level}, {len(passed)} of {len(group)} checks"
    if not passed:
        return line
    if level < 2:
        return f"{line}, largest relative difference {max(r.measured for r in passed):.1e}"
    replicates = sum(result.evaluations for result in passed)
    share = max(result.high / result.bound for result in passed)
    fixed = [result for result in passed if result.planned]
    told = f"{line}, {replicates:,} replicates, intervals within {share:.0%} of their bounds"
    if not fixed:
        return told
    used, needed = sum(r.evaluations for r in fixed), sum(r.planned for r in fixed)
    return f"{told}; {used:,} where tests of fixed size would take {needed:,}"


def exit_code(results: Iterable[CheckResult], strict: bool) -> int:
    """Return 0 all passed, 1 a check failed, 3 one is inconclusive and that counts."""
    verdicts = {result.verdict for result in results}
    if "FAIL" in verdicts:
        return FAILED
    return INCONCLUSIVE if strict and "INCONCLUSIVE" in verdicts else PASSED
