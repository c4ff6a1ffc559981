"""``gradassay compare``: two results folders side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from gradassay.core.atomic import write_whole
from gradassay.core.errors import UsageError

if TYPE_CHECKING:
    from gradassay.reports.cells import Table

MOST_ROWS = 40
ENDINGS = (".html", ".md", ".json")


def compare(
    first: Path,
    second: Path,
    /,
    *,
    out: Annotated[tuple[Path, ...], Parameter(negative=(), consume_multiple=False)] = (),
    false_alarm_rate: Annotated[float, Parameter(alias="--alpha")] = 0.05,
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
    out
        A file to write: its ending, .html, .md or .json, says in what form; may be given several
        times.
    false_alarm_rate
        Rate of calling anything changed where nothing is, over all comparisons together.
    overwrite
        Replace files that are there.
    """
    from gradassay.reports import read_results
    from gradassay.reports.comparison import compare_results
    from gradassay.reports.comparison_json import comparison_json
    from gradassay.reports.comparison_page import (
        comparison_findings,
        comparison_html,
        comparison_markdown,
    )
    from gradassay.reports.comparison_tables import console_table

    for path in out:
        _require_file(path, overwrite=overwrite)
    one, two = read_results(first), read_results(second)
    found = compare_results(one, two, rate=false_alarm_rate)
    names = (str(first), str(second))
    console = Console(highlight=False, soft_wrap=True)
    for sentence in comparison_findings(found):
        console.print(sentence, markup=False)
    if found.of("changed"):
        _print_table(console_table(found, names))
    for pair in (pair for pair in found.checks if pair.changed):
        words = f"{pair.first.verdict} -> {pair.second.verdict}"
        console.print(f"{words} {pair.first.subject}: {pair.first.check}", markup=False)
    for name, before, after in found.settings:
        console.print(f"{name}: {_short(before)} -> {_short(after)}", markup=False)
    commands = (str(one.manifest.get("command")), str(two.manifest.get("command")))
    makers = {
        ".html": lambda: comparison_html(found, names, commands),
        ".md": lambda: comparison_markdown(found, names),
        ".json": lambda: comparison_json(found, names),
    }
    texts = {path: makers[path.suffix]() for path in out}
    for path, text in texts.items():
        _write(path, text)
        console.print(f"comparison: {path}", markup=False)
    return 0


def _require_file(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that has no known ending, or is there."""
    if path.suffix not in ENDINGS:
        raise UsageError(
            f"--out: got {str(path)!r}; expected a name that ends in .html, .md, .json."
        )
    if path.is_dir() or (path.exists() and not overwrite):
        raise UsageError(
            f"--out: {str(path)!r} is there; expected a new file. "
            "Choose another name or give --overwrite."
        )


def _write(path: Path, text: str) -> None:
    """Write a file whole."""
    try:
        write_whole(path, text)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(
            f"--out: cannot write {str(path)!r}: {reason}. Choose another file."
        ) from error


def _print_table(table: Table) -> None:
    """Print the first rows of a table."""
    shown = RichTable(caption=_left_out(len(table.rows)), box=SIMPLE, pad_edge=False)
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in table.rows[:MOST_ROWS]:
        shown.add_row(*(Text(" ".join(f"{cell.text} {cell.note}".split())) for cell in row))
    Console(highlight=False).print(shown)


def _left_out(rows: int) -> str | None:
    """Say how many rows are not shown."""
    return f"{rows - MOST_ROWS:,} more: write a page with --out" if rows > MOST_ROWS else None


def _short(text: str) -> str:
    """Cut a setting to a readable length."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "\u2026"
