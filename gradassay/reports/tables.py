"""Tables and the summary as Markdown."""

from __future__ import annotations

import re

from gradassay.reports.cells import Table
from gradassay.reports.findings import findings
from gradassay.reports.formats import one_line
from gradassay.reports.rows import load_rows
from gradassay.reports.store import Results
from gradassay.reports.summary import summary_table

_ENTITY = re.compile(r"&#?\w+;")
# what marks text: not a line below inside a word, nor a bracket without an address behind it
_MARKED = re.compile(r"[\\`*|~$]|(?<![^\W_])_|_(?![^\W_])|(?<=\])[(\[:]|!(?=\[)")


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
    parts = [*(markdown_text(sentence) for sentence in findings(rows))]
    parts.append(table_markdown(table) if table.rows else "No results.")
    return "\n\n".join(parts) + "\n"


def table_markdown(table: Table) -> str:
    """Return one table as Markdown, its caption below.

    Examples
    --------
    >>> from gradassay.reports.cells import Cell
    >>> print(table_markdown(Table("", ("a", "b"), ((Cell("x"), Cell("1", "[0, 2]")),))))
    | a | b |
    |:--|--:|
    | x | 1 [0, 2] |
    """
    marks = [":--" if i < table.text_columns else "--:" for i in range(len(table.columns))]
    lines = [_line(table.columns), "|" + "|".join(marks) + "|"]
    lines += [_line([cell.line for cell in row]) for row in table.rows]
    return "\n".join(lines) + (f"\n\n{markdown_text(table.caption)}" if table.caption else "")


def _line(texts: tuple[str, ...] | list[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join(markdown_text(text) for text in texts) + " |"


def markdown_text(text: str) -> str:
    r"""Return text that Markdown shows as it is, on one line and in a cell of a table.

    Parameters
    ----------
    text : str
        Anything; what cannot be printed becomes a blank.

    Examples
    --------
    >>> print(markdown_text("a|b <i> 2*c*d [x](y) local_learning"))
    a\|b &lt;i> 2\*c\*d [x]\(y) local_learning
    """
    line = one_line(text)
    line = _MARKED.sub(r"\\\g<0>", line.replace("&", "&amp;") if _ENTITY.search(line) else line)
    return line.replace("<", "&lt;")
