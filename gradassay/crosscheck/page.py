"""The conformance page: conventions out of the box, agreement, defects."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from gradassay.core.records import CheckResult
from gradassay.crosscheck.findings import Finding
from gradassay.crosscheck.network_checks import GRADIENTS

MOST_DETAIL = 160


def conformance_page(
    findings: Sequence[Finding],
    matched: Sequence[CheckResult],
    suspects: Sequence[CheckResult],
    *,
    versions: Mapping[str, str],
    command: str,
) -> str:
    """Return the page in Markdown; every row comes from a run.

    Parameters
    ----------
    findings : sequence of Finding
        Conventions out of the box.
    matched, suspects : sequence of CheckResult
        Configurations that should agree, and those that are known not to.
    versions : mapping from library to version
        What was run.
    command : str
        That made the page.
    """
    ran = ", ".join(f"{name} {number}" for name, number in versions.items())
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return "\n".join(
        [
            "# Conformance of other libraries",
            "",
            f"Made on {today} by `{command}` with {ran}. Nothing here was entered by hand.",
            "",
            "## Conventions out of the box",
            "",
            "Found by running single neurons; what differs from the reference is in bold.",
            "",
            *_conventions(findings),
            "",
            "## Configured to the reference",
            "",
            "Spikes that differ, and the largest relative difference of the gradient of",
            "backpropagation through time (SLTT: of the spatial rule), against the NumPy reference",
            "and torch autograd.",
            "",
            *_matched(matched),
            "",
            "## Configurations that should agree and do not",
            "",
            *_suspects(suspects),
            "",
        ]
    )


def library_versions(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of libraries; those that are not installed are left out.

    Parameters
    ----------
    names : sequence of str
        Distributions.
    """
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _conventions(findings: Sequence[Finding]) -> list[str]:
    """Return one table: a row a convention, a column a library."""
    subjects = list(dict.fromkeys(finding.subject for finding in findings))
    cells = {(f.convention, f.subject): f for f in findings}
    head = ["convention", "reference", *subjects]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for convention in dict.fromkeys(finding.convention for finding in findings):
        row = [cells.get((convention, subject)) for subject in subjects]
        reference = next(cell.reference for cell in row if cell is not None)
        told = ["-" if c is None else f"**{c.found}**" if c.differs else c.found for c in row]
        lines.append(f"| {' | '.join([convention, reference, *told])} |")
    return lines


def _matched(results: Sequence[CheckResult]) -> list[str]:
    """Return a row for each configuration."""
    lines = [
        "| configuration | checks passed | differing spikes | gradient, float64 | float32 |",
        "|---|---:|---:|---:|---:|",
    ]
    for subject in dict.fromkeys(result.subject for result in results):
        own = [result for result in results if result.subject == subject]
        passed = sum(result.verdict == "PASS" for result in own)
        spikes = sum(result.measured for result in own if result.check == "spikes_agree")
        gradients = [result for result in own if result.check in GRADIENTS.values()]
        single = [r.measured for r in gradients if r.problem.startswith("float32")]
        double = [r.measured for r in gradients if not r.problem.startswith("float32")]
        told = [f"{max(group):.1e}" if group else "not compared" for group in (double, single)]
        lines.append(f"| {subject} | {passed} of {len(own)} | {spikes:g} | {' | '.join(told)} |")
    return lines


def _suspects(results: Sequence[CheckResult]) -> list[str]:
    """Return what fails of each configuration, and the first divergence."""
    lines = ["| configuration | check | problem | what was found |", "|---|---|---|---|"]
    for result in results:
        if result.verdict == "FAIL":
            detail = result.detail.replace("|", "\\|")[:MOST_DETAIL]
            row = [result.subject, result.check, result.problem, detail]
            lines.append(f"| {' | '.join(row)} |")
    return lines
