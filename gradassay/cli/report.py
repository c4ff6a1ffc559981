"""``gradassay report``: a results folder as a page, or as files for a paper."""

from __future__ import annotations

from pathlib import Path

from gradassay.cli.exit_codes import PASSED
from gradassay.cli.files import require_new_file
from gradassay.cli.lines import print_line
from gradassay.cli.options import require_names
from gradassay.core.errors import UsageError


def report(
    folder: str,
    /,
    *,
    page: Path | None = None,
    markdown: bool = False,
    export: Path | None = None,
    formats: str | None = None,
    overwrite: bool = False,
) -> int:
    """Write the HTML report of a results folder; with --export, files for a paper instead.

    Parameters
    ----------
    folder
        A results folder, as `run`, `measure`, `train` or `verify --out` made it; or that of a
        `sweep`, by path or URL.
    page
        The HTML file; report.html in the folder where not given.
    markdown
        Print the summary as Markdown as well.
    export
        A new folder for the report in other forms: page, summary, LaTeX tables, figures at the
        widths of one and two columns (PDF and SVG), JSON and CSV.
    formats
        With --export, which of html, md, latex, figures, json, csv, separated by commas; all where
        not given.
    overwrite
        Replace the file or the export that is there.
    """
    from gradassay.reports import read_results, render_markdown, write_report
    from gradassay.reports.export import FORMATS, require_export, write_export
    from gradassay.reports.sweep_page import write_sweep_report
    from gradassay.sweeps import SweepFolder, is_sweep

    if export is None and formats is not None:
        raise UsageError("--formats: got no --export; expected it with a folder. Add --export DIR.")
    if overwrite and page is None and export is None:
        raise UsageError(
            "--overwrite: got neither --page nor --export; expected one of them. The page in the"
            " results folder is made anew without it."
        )
    if export is not None and page is not None:
        raise UsageError("--page: got --export as well; expected one of them. Drop --page.")
    require_new_file("--page", page, overwrite=overwrite)
    if is_sweep(folder):
        if markdown or export is not None:
            option = "--markdown" if markdown else "--export"
            raise UsageError(f"{option}: a sweep has none; leave it out.")
        print_line(f"report: {write_sweep_report(SweepFolder(folder), page)}")
        return PASSED
    if export is None:
        written = f"report: {write_report(folder, page)}"
    else:
        require_export(export, overwrite=overwrite)
        chosen = tuple(FORMATS) if formats is None else tuple(require_names("formats", formats))
        path = write_export(read_results(folder), export, chosen, overwrite=overwrite)
        written = f"export: {path}"
    if markdown:
        print(render_markdown(read_results(folder)))
    print_line(written)
    return PASSED
