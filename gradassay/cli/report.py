"""``gradassay report``: the HTML page of a results folder."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console


def report(folder: Path, /, *, out: Path | None = None, markdown: bool = False) -> int:
    """Write the HTML report of a results folder.

    Parameters
    ----------
    folder
        A results folder, as `run`, `measure`, `train` or `verify --out` made it.
    out
        The HTML file; report.html in the folder where not given.
    markdown
        Print the summary as Markdown as well.
    """
    from gradassay.reports import read_results, render_markdown, write_report

    path = write_report(folder, out)
    if markdown:
        print(render_markdown(read_results(folder)))
    Console(highlight=False, soft_wrap=True).print(f"report: {path}", markup=False)
    return 0
