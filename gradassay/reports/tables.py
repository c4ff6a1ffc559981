"""Tables and the summary as Markdown."""

from __future__ import annotations

from gradassay.reports.cells import Cell, Table
from gradassay.reports.findings import findings
from gradassay.reports.rows import load_rows
from gradassay.reports.store import Results
from gradassay.reports.summary import summary_table


def render_markdown(results: Results) -> str:
    """Return the summary of a results folder as Markdown.

    Parameters
    ----------
    results : Results
        As read by `read_results`.

    Returns
    -------
    str
        Findings, then the summary table; ends with a newline.
    """
    rows = load_rows(results)
    table = summary_table(rows)
    parts = [*(_escape(sentence) for sentence in findings(rows))]
    parts.append(table_markdown(table) if table.rows else "No results.")
    return "\n\n".join(parts) + "\n"


def table_markdown(table: Table) -> str:
    """Return one table as Markdown, its caption below.

    Examples
    --------
    >>> print(table_markdown(Table("", ("a", "b"), ((Cell("x"), Cell("1", "[0, 2]")),))))
    | a | b |
    |:--|--:|
    | x | 1 [0, 2] |
    """
    marks = [":--" if i < table.text_columns else "--:" for i in range(len(table.columns))]
    lines = [_line(table.columns), "|" + "|".join(marks) + "|"]
    lines += [_line([_cell_text(cell) for cell in row]) for row in table.rows]
    return "\n".join(lines) + (f"\n\n{_escape(table.caption)}" if table.caption else "")


def _line(texts: tuple[str, ...] | list[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join(_escape(text) for text in texts) + " |"


def _cell_text(cell: Cell) -> str:
    """Text and note of a cell on one line."""
    return f"{cell.text} {cell.note}".strip()


def _escape(text: str) -> str:
    """Keep pipes, line ends and HTML in names from breaking the page."""
    line = " ".join(text.split())
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
