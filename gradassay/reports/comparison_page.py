"""A comparison of two results folders as tables, and these as a page and as Markdown."""

from __future__ import annotations

import math

from gradassay.reports.cells import Block, Cell, Section, Table
from gradassay.reports.compared import Comparison, Outcome
from gradassay.reports.comparison_tables import changed_table, numbers_table, verdict_table
from gradassay.reports.definitions import QUANTITIES, definition_anchor, title_of
from gradassay.reports.differences import FREEDOM
from gradassay.reports.formats import count
from gradassay.reports.html import render_page
from gradassay.reports.rows import distinct
from gradassay.reports.tables import markdown_text, table_markdown

METHOD = (
    "Intervals of differences recover the variances of both numbers from their intervals (MOVER, "
    "Zou and Donner 2008), each at its own level, for runs that are independent of each other. "
    "Runs of the same seed share their draws, which makes their differences smaller than that: a "
    "change is missed more easily then, and found wrongly no more often. Accuracies of the same "
    "seeds are compared in pairs (Student's t), of other seeds as two samples (Welch's t)."
)
DIFFERENT_SEEDS = (
    "The seeds differ: initial weights, samples and draws are others in the two, so that a change "
    "can be that of the seed."
)


def comparison_findings(found: Comparison) -> tuple[str, ...]:
    """Return the answer in a few sentences."""
    changed = found.of("changed")
    sampled = [row for row in changed if math.isfinite(row.adjusted)]
    others: tuple[Outcome, ...] = ("identical", "within noise", "not judged")
    tally = ", ".join(f"{count(len(found.of(outcome)))} {outcome}" for outcome in others)
    flips = [pair for pair in found.checks if pair.changed]
    sentences = [
        f"{count(len(changed))} of {count(len(found.rows))} numbers changed: {count(len(sampled))} "
        f"beyond noise, {count(len(changed) - len(sampled))} exact ones; {tally}.",
    ]
    if found.family:
        sentences.append(
            f"Of the {count(found.family)} comparisons with noise, one or more is called changed "
            f"at a rate of at most {found.false_alarm_rate:g} where nothing changed "
            "(Holm's procedure)."
        )
    if found.checks:
        sentences.append(
            f"{count(len(flips))} of {count(len(found.checks))} checks changed their verdict."
        )
    lacking = len(found.only_first) + len(found.only_second)
    if lacking:
        sentences.append(f"{count(lacking)} things are in one folder only.")
    if any(row.first.seeds != row.second.seeds for row in found.rows):
        sentences.append(DIFFERENT_SEEDS)
    return tuple(sentences)


def comparison_sections(
    found: Comparison, names: tuple[str, str], commands: tuple[str, str]
) -> list[Section]:
    """Return the sections of a comparison.

    Parameters
    ----------
    found : Comparison
        As `compare_results` gives it.
    names : tuple of str
        Of the two folders.
    commands : tuple of str
        That made them.
    """
    sections = [_numbers_section(found, names), _checks_section(found, names)]
    sections += [_lacking_section(found, names), _settings_section(found)]
    sections.append(_definitions_section(found))
    code = "\n".join(f"{one}: {two}" for one, two in zip(("A", "B"), commands, strict=True))
    lead = f"A is {names[0]}, B is {names[1]}."
    reproduce = Section("reproduce", "How to make these numbers again", lead, (Block(code=code),))
    return [section for section in [*sections, reproduce] if section is not None]


def _numbers_section(found: Comparison, names: tuple[str, str]) -> Section:
    """Return the section on everything that is in both folders."""
    blocks = []
    headings: dict[Outcome, str] = {
        "not judged": "Not judged",
        "within noise": "Within noise",
        "identical": "Identical",
    }
    for outcome, heading in headings.items():
        rows = found.of(outcome)
        if rows:
            folded = f"Show {count(len(rows))}"
            blocks.append(Block(heading, table=numbers_table("", rows, names), folded=folded))
    lead = (
        f"{METHOD} P-values read every interval as Student's t with {FREEDOM:g} degrees of "
        "freedom, on the logarithm where it is positive and more symmetric there, and are adjusted "
        "for all comparisons together (Holm). Exact values that differ are changes."
    )
    return Section("numbers", "What did not change, and how is that known?", lead, tuple(blocks))


def _checks_section(found: Comparison, names: tuple[str, str]) -> Section | None:
    """Return the section on verdicts."""
    if not found.checks:
        return None
    flips = [pair for pair in found.checks if pair.changed]
    size = count(len(found.checks))
    blocks = []
    if flips:
        blocks.append(Block(table=verdict_table(f"Verdicts changed, of {size}.", flips, names)))
    every = verdict_table(f"All {size} checks of both.", found.checks, names)
    blocks.append(Block("All checks", table=every, folded=f"Show {size}"))
    lead = (
        "Verdicts are compared as they are; what is measured is shown, and not judged: at levels 0 "
        "and 1 it is rounding. A sampled check of right code fails at the rate of its suite."
    )
    return Section("checks", "Which verdicts changed?", lead, tuple(blocks))


def _lacking_section(found: Comparison, names: tuple[str, str]) -> Section | None:
    """Return the section on what one folder lacks."""
    sides = (("A", found.only_first), ("B", found.only_second))
    body = tuple((Cell(item), Cell(side)) for side, items in sides for item in items)
    if not body:
        return None
    table = Table("Found in one folder only.", ("what", "only in"), body, text_columns=2)
    folded = f"Show {count(len(body))}" if len(body) > 30 else ""
    lead = f"{count(len(found.only_first))} in A only, {count(len(found.only_second))} in B only."
    return Section(
        "only", "What is in one of them only?", lead, (Block(table=table, folded=folded),)
    )


def _settings_section(found: Comparison) -> Section:
    """Return the section on the manifests."""
    body = tuple((Cell(name), Cell(a), Cell(b)) for name, a, b in found.settings)
    lead = "Settings, versions, data, command and machine, from the manifests."
    table = Table("What differs.", ("name", "A", "B"), body, text_columns=3, stack=True)
    blocks = (Block(table=table),) if body else (Block(note="Nothing."),)
    return Section("settings", "What was different about the runs?", lead, blocks)


def _definitions_section(found: Comparison) -> Section | None:
    """Return the section on what the quantities mean."""
    names = distinct(row.key.quantity for row in found.rows)
    body = tuple(
        (Cell(title_of(name), anchor=definition_anchor(name)), Cell(QUANTITIES[name][1]))
        for name in names
        if name in QUANTITIES
    )
    if not body:
        return None
    table = Table("Quantities.", ("name", "meaning"), body, text_columns=2)
    lead = "Every number is in the table of one of the two folders, at the row that it shows."
    return Section("definitions", "What do the numbers mean?", lead, (Block(table=table),))


def comparison_html(
    found: Comparison, names: tuple[str, str], commands: tuple[str, str] = ("", "")
) -> str:
    """Return a comparison as one self-contained page; parameters as in `comparison_sections`."""
    return render_page(
        findings=comparison_findings(found),
        summary=changed_table(found, names),
        sections=comparison_sections(found, names, commands),
        origin=f"A: {names[0]}; B: {names[1]}",
        title="Two results of gradassay compared",
        heading="Two results compared",
        nothing="Nothing changed beyond noise.",
    )


def comparison_markdown(found: Comparison, names: tuple[str, str]) -> str:
    """Return the answer of a comparison as Markdown; ends with a newline."""
    parts = [markdown_text(f"A: {names[0]}; B: {names[1]}")]
    parts += [markdown_text(sentence) for sentence in comparison_findings(found)]
    tables = [changed_table(found, names)] if found.of("changed") else []
    sections = comparison_sections(found, names, ("", ""))
    shown = [one for one in sections if one.anchor in ("checks", "only", "settings")]
    open_ones = [block for one in shown for block in one.blocks if not block.folded]
    tables += [block.table for block in open_ones if block.table is not None]
    return "\n\n".join([*parts, *map(table_markdown, tables), METHOD]) + "\n"
