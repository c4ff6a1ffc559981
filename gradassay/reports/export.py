"""A results folder as files for a paper, a talk or another program: a folder, whole or not at all.

Every table and figure is that of the page: this module only writes them in other forms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gradassay.core.atomic import folder_beside, take_place
from gradassay.core.errors import UsageError, unknown_name
from gradassay.reports.cells import Table
from gradassay.reports.html import render_report, sections_of
from gradassay.reports.latex import table_latex
from gradassay.reports.results_json import results_json
from gradassay.reports.rows import load_rows
from gradassay.reports.store import TABLES, Results
from gradassay.reports.summary import summary_table
from gradassay.reports.svg import at_width
from gradassay.reports.tables import render_markdown

INDEX = "index.json"
# widths of one and of two columns of most journals, in inches
COLUMNS = {"single": 3.3, "double": 6.9}


@dataclass(frozen=True)
class Exported:
    """One file of an export: its path in the folder, what it shows, its content."""

    path: str
    title: str
    content: str | bytes


def _html(results: Results) -> Iterator[Exported]:
    yield Exported("report.html", "The report as one page", render_report(results))


def _markdown(results: Results) -> Iterator[Exported]:
    yield Exported("summary.md", "The summary", render_markdown(results))


def _latex(results: Results) -> Iterator[Exported]:
    for name, table in _tables(results):
        yield Exported(f"tables/{name}.tex", table.caption, table_latex(table))


def _tables(results: Results) -> Iterator[tuple[str, Table]]:
    """Yield the tables of the page with numbers, each with a name."""
    rows = load_rows(results)
    summary = summary_table(rows)
    if summary.rows:
        yield "answer", summary
    for section in sections_of(rows, results):
        tables = [block.table for block in section.blocks if block.table is not None]
        for number, table in enumerate(tables, start=1):
            if table.text_columns < len(table.columns):
                yield f"{section.anchor}-{number}", table


def _figures(results: Results) -> Iterator[Exported]:
    for column, width in COLUMNS.items():
        with at_width(width) as figures:
            sections_of(load_rows(results), results)
        for figure in figures:
            path = f"figures/{figure.name}-{column}"
            title = f"{figure.title}, {column} column, {width} in"
            yield Exported(f"{path}.pdf", title, figure.pdf)
            yield Exported(f"{path}.svg", title, figure.svg)


def _json(results: Results) -> Iterator[Exported]:
    yield Exported("results.json", "All tables and the manifest", results_json(results))


def _csv(results: Results) -> Iterator[Exported]:
    for name in TABLES:
        text = getattr(results, name).to_csv(index_label="row", lineterminator="\n")
        yield Exported(f"data/{name}.csv", f"All rows of {name}.parquet", text)


FORMATS: dict[str, Callable[[Results], Iterator[Exported]]] = {
    "html": _html,
    "md": _markdown,
    "latex": _latex,
    "figures": _figures,
    "json": _json,
    "csv": _csv,
}


def export_files(results: Results, formats: Sequence[str]) -> list[Exported]:
    """Return the files of an export; the same results give the same bytes.

    Parameters
    ----------
    results : Results
        As read by `read_results`.
    formats : sequence of str
        Of `FORMATS`.

    Raises
    ------
    UsageError
        A format does not exist.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown_name("formats", name, FORMATS)
    return [file for name in dict.fromkeys(formats) for file in FORMATS[name](results)]


def write_export(
    results: Results,
    folder: str | Path,
    formats: Sequence[str] = tuple(FORMATS),
    *,
    overwrite: bool = False,
) -> Path:
    """Return the folder after writing an export into it, whole or not at all.

    Parameters
    ----------
    results : Results
        As read by `read_results`.
    folder : path
        New or empty, or an export that may be replaced; missing parents are made.
    formats : sequence of str, optional
        Of `FORMATS`; all where not given.
    overwrite : bool, optional
        Replace an export that is there. A folder with other files is never touched.

    Raises
    ------
    UsageError
        A format does not exist, or the folder is in the way or cannot be written.
    """
    target = Path(folder)
    require_export(target, overwrite=overwrite)
    files = export_files(results, formats)
    index = {
        "command": str(results.manifest.get("command") or ""),
        "files": {file.path: file.title for file in files},
    }
    text = json.dumps(index, indent=1, allow_nan=False) + "\n"
    try:
        with folder_beside(target) as fresh:
            for file in [*files, Exported(INDEX, "", text)]:
                path = fresh / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                content = file.content
                path.write_bytes(content.encode() if isinstance(content, str) else content)
            take_place(fresh, target)
    except OSError as error:
        reason = error.strerror or error
        message = f"export: cannot write {str(target)!r}: {reason}. Choose another folder."
        raise UsageError(message) from error
    return target


def require_export(target: Path, *, overwrite: bool) -> None:
    """Check that an export may be written to a folder.

    Raises
    ------
    UsageError
        It is a file, or holds something that is no export or may not be replaced.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageError(
            f"export: {str(target)!r} is a file; expected a folder. Choose another name."
        )
    there = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    if not there and not any(target.iterdir()):
        return
    foreign = sorted(there - _own_files(target))
    if foreign or not there:
        raise UsageError(
            f"export: {str(target)!r} holds {(foreign or ['folders'])[0]!r}, which is no part of "
            "an export; expected a new or empty folder. Choose another one."
        )
    if not overwrite:
        raise UsageError(
            f"export: {str(target)!r} already holds an export; expected a new or empty folder. "
            "Choose another one or ask to overwrite."
        )


def _own_files(target: Path) -> set[str]:
    """Return the files that the folder's index names, none where it has no index."""
    try:
        index = json.loads((target / INDEX).read_text(encoding="utf-8"))
        return {INDEX, *index["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
