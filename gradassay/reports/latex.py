r"""Tables as LaTeX with the rules of booktabs, for ``\input`` in a paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gradassay.reports.cells import Table
from gradassay.reports.formats import one_line

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\u2212": "$-$",
    "\u00d7": r"$\times$",
    "\u221e": r"$\infty$",
    "\u2264": r"$\le$",
    "\u00b5": r"$\mu$",
    "\u2026": r"\dots{}",
}
_RAISED = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def latex_text(text: str) -> str:
    r"""Return text that LaTeX prints as it is, on one line.

    Parameters
    ----------
    text : str
        Anything; what cannot be printed becomes a blank.

    Examples
    --------
    >>> print(latex_text("opzo_2 & 50 %"), latex_text("10⁻³"))
    opzo\_2 \& 50 \% 10$^{-3}$
    """
    line = one_line(text)
    parts, end = [], 0
    for match in _RAISED.finditer(line):
        parts += [_escaped(line[end : match.start()]), f"$^{{{match[0].translate(_PLAIN)}}}$"]
        end = match.end()
    return "".join([*parts, _escaped(line[end:])])


def _escaped(text: str) -> str:
    """Replace what has a meaning in LaTeX or no place in its plain fonts."""
    escaped = "".join(_SPECIAL.get(character, character) for character in text)
    return re.sub("-(?=-)", "-{}", escaped)  # two in a row are no dash


def booktabs(columns: Iterable[str], rows: Iterable[Sequence[str]], alignment: str) -> str:
    r"""Return a ``tabular`` of plain texts, which are escaped here.

    Parameters
    ----------
    columns : iterable of str
        Headings.
    rows : iterable of sequence of str
        Texts of each row.
    alignment : str
        One letter a column, ``l`` or ``r``.

    Examples
    --------
    >>> print(booktabs(["a", "b"], [["x_1", "50 %"]], "lr"))
    \begin{tabular}{lr}
    \toprule
    a & b \\
    \midrule
    x\_1 & 50 \% \\
    \bottomrule
    \end{tabular}
    """
    lines = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", _line(columns), r"\midrule"]
    lines += [_line(row) for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _line(texts: Iterable[str]) -> str:
    r"""One row; a bracket that opens it is no argument of the ``\\`` before it."""
    line = " & ".join(latex_text(text) for text in texts)
    return ("{}" if line.startswith(("[", "*")) else "") + line + r" \\"


def table_latex(table: Table) -> str:
    r"""Return a table of a report as ``tabular``, its caption as a comment above it.

    Parameters
    ----------
    table : Table
        With units in its headings; a cell's interval and n stand behind its number.
    """
    size = len(table.columns)
    alignment = "l" * min(table.text_columns, size) + "r" * max(size - table.text_columns, 0)
    head = ["% needs \\usepackage{booktabs}"]
    caption = one_line(table.caption)
    if caption:
        head.append(f"% {caption}")
    rows = [[cell.line for cell in row] for row in table.rows]
    return "\n".join([*head, booktabs(table.columns, rows, alignment)]) + "\n"
