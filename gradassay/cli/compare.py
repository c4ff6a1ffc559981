"""``gradassay compare``: two results folders side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from gradassay.cli.exit_codes import PASSED
from gradassay.cli.files import require_different_files, require_new_file
from gradassay.cli.lines import print_line
from gradassay.core.atomic import write_whole
from gradassay.core.errors import UsageError

if TYPE_CHECKING:
    from gradassay.reports.cells import Table
    from gradassay.reports.compared import Comparison

MOST_ROWS = 40


def compare(
    first: Path,
    second: Path,
    /,
    *,
    false_alarm_rate: float = 0.05,
    page: Path | None = None,
    json: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Compare two results folders: what changed beyond noise, and what the runs differ in.

    Differences are those of the second folder less the first.

    Parameters
    ----------
    first
        A results folder, as `run`, `measure`, `train` or `verify --out` made it.
    second
        Another one, or a later one of the same command.
    false_alarm_rate
        Rate of calling anything changed where nothing is, over all comparisons together.
    page
        Also write it as a page to this file, .html or .md.
    json
        Also write the outcome to this file.
    overwrite
        Replace the files.
    """
    from gradassay.reports import read_results
    from gradassay.reports.comparison import compare_results
    from gradassay.reports.comparison_json import comparison_json
    from gradassay.reports.comparison_page import comparison_html, comparison_markdown

    if page and page.suffix not in (".html", ".md"):
        raise UsageError(f"--page: got {str(page)!r}; expected a name that ends in .html or .md.")
    require_different_files(page=page, json=json)
    for option, file in (("--page", page), ("--json", json)):
        require_new_file(option, file, overwrite=overwrite)
    one, two = read_results(first), read_results(second)
    found = compare_results(one, two, false_alarm_rate=false_alarm_rate)
    names = (str(first), str(second))
    _print_found(found, names)
    if page and page.suffix == ".md":
        write_whole(page, comparison_markdown(found, names))
    elif page:
        commands = (str(one.manifest.get("command")), str(two.manifest.get("command")))
        write_whole(page, comparison_html(found, names, commands))
    if json:
        write_whole(json, comparison_json(found, names))
    for what, file in (("page", page), ("outcome", json)):
        if file:
            print_line(f"{what}: {file}")
    return PASSED


def _print_found(found: Comparison, names: tuple[str, str]) -> None:
    """Print the answer, what changed, and what the runs differ in."""
    from gradassay.reports.comparison_page import comparison_findings
    from gradassay.reports.comparison_tables import console_table

    for sentence in comparison_findings(found):
        print_line(sentence)
    if found.of("changed"):
        _print_table(console_table(found, names))
    for pair in (pair for pair in found.checks if pair.changed):
        words = f"{pair.first.verdict} -> {pair.second.verdict}"
        print_line(f"{words} {pair.first.subject}: {pair.first.check}")
    for name, before, after in found.settings:
        print_line(f"{name}: {_short(before)} -> {_short(after)}")


def _print_table(table: Table) -> None:
    """Print the first rows of a table."""
    shown = RichTable(caption=_left_out(len(table.rows)), box=SIMPLE, pad_edge=False)
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in table.rows[:MOST_ROWS]:
        shown.add_row(*(Text(cell.line) for cell in row))
    Console(highlight=False).print(shown)


def _left_out(rows: int) -> str | None:
    """Say how many rows are not shown."""
    return f"{rows - MOST_ROWS:,} more: write a page with --page" if rows > MOST_ROWS else None


def _short(text: str) -> str:
    """Cut a setting to a readable length."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "\u2026"
