"""The conformance page: conventions out of the box, agreement, defects."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradassay.core.records import CheckResult
from gradassay.crosscheck.conformance import Conformance
from gradassay.crosscheck.findings import Finding
from gradassay.crosscheck.network_checks import GRADIENTS
from gradassay.crosscheck.reproduction import Reproduction
from gradassay.crosscheck.surrogates import SurrogateRow

MOST_DETAIL = 240


def conformance_page(found: Conformance) -> str:
    """Return the page in Markdown; every row comes from a run.

    Parameters
    ----------
    found : Conformance
        What is told.
    """
    ran = ", ".join(f"{name} {number}" for name, number in found.versions.items())
    return "\n".join(
        [
            "# Conformance of other libraries",
            "",
            f"Made on {found.date} by `{found.command}` with {ran}. Nothing here was entered by",
            "hand.",
            "",
            "## Conventions out of the box",
            "",
            "Found by running single neurons; what differs from the reference is in bold.",
            "",
            *_conventions(found.conventions),
            "",
            "## Surrogate derivatives on offer",
            "",
            "At their defaults (1 where there is none), threshold 1; what is broken is in bold. A",
            "spike's derivative has integral 1.",
            "",
            *surrogate_table(found.surrogates),
            "",
            "## Configured to the reference",
            "",
            "Spikes that differ, and the largest relative difference of the gradient of",
            "backpropagation through time (SLTT: of the spatial rule), against the NumPy reference",
            "and torch autograd. Membrane potentials and outputs are among the checks.",
            "",
            *_matched(found.matched),
            "",
            "## Configurations that should agree and do not",
            "",
            "How many of the problems a check fails on, and the first of them.",
            "",
            *_suspects(found.suspects),
            "",
            "## Defects, each with a script",
            "",
            "Scripts use the library alone. The currents were found by a search for the smallest",
            "ones that show the defect; each script was run, and printed what stands below it.",
            "",
            *_defects(found.defects),
        ]
    )


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


def surrogate_table(rows: Sequence[SurrogateRow]) -> list[str]:
    """Return a table in Markdown, a row a surrogate derivative.

    Parameters
    ----------
    rows : sequence of SurrogateRow
        Of all libraries.
    """
    head = ["surrogate derivative", "at the threshold", "integral", "least", "symmetric"]
    head += ["vanishes", "not finite from", "no effect"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows:
        if row.raises:
            cells = [row.subject, "**raises**", *[""] * 6]
        elif math.isnan(row.at_threshold):
            cells = [row.subject, "not a function of every x", *[""] * 6]
        else:
            broken = "; ".join(
                f"**{' and '.join(f'{x:g}' for x in places)} in {precision}**"
                for precision, places in row.not_finite.items()
            )
            numbers = [f"{x:.3g}" for x in (row.at_threshold, row.integral, row.smallest)]
            words = ["yes" if told else "no" for told in (row.symmetric, row.vanishes)]
            effect = ", ".join(f"**{name}**" for name in row.without_effect)
            cells = [row.subject, *numbers, *words, broken, effect]
        lines.append(f"| {' | '.join(cells)} |")
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
    """Return a row for each check that a configuration fails."""
    lines = ["| configuration | check | fails on | first |", "|---|---|---|---|"]
    for subject, check in dict.fromkeys((one.subject, one.check) for one in results):
        own = [one for one in results if (one.subject, one.check) == (subject, check)]
        failed = [one for one in own if one.verdict == "FAIL"]
        if failed:
            detail = failed[0].detail.replace("|", "\\|")
            cut = detail[:MOST_DETAIL] + ("..." if len(detail) > MOST_DETAIL else "")
            told = f"{failed[0].problem}: {cut}"
            lines.append(f"| {subject} | {check} | {len(failed)} of {len(own)} | {told} |")
    return lines


def _defects(defects: Sequence[Reproduction]) -> list[str]:
    """Return each defect, its script, what it printed and should."""
    lines = []
    for number, one in enumerate(defects, 1):
        lines += [
            f"### {number}. {one.subject}",
            "",
            f"{one.defect[0].upper()}{one.defect[1:]}.",
            "",
        ]
        lines += ["```python", *one.script.splitlines(), "```", ""]
        lines += ["printed, and expected:", "", "```", *one.printed.splitlines(), "```", ""]
        lines += ["```", *one.expected.splitlines(), "```", ""]
    return lines
