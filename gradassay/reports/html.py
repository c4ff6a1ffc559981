"""One HTML page from a results folder, without script and without network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from gradassay.core.atomic import write_whole
from gradassay.core.errors import UsageError
from gradassay.core.records import NETWORK
from gradassay.reports.cells import Section
from gradassay.reports.fact_sections import (
    checks_section,
    definitions_section,
    reproduce_section,
    training_section,
)
from gradassay.reports.findings import findings
from gradassay.reports.layer_sections import bias_section, direction_section
from gradassay.reports.moment_section import moment_section
from gradassay.reports.palette import looks
from gradassay.reports.price_sections import cost_section, price_section
from gradassay.reports.rows import Rows, compared_subjects, distinct, load_rows
from gradassay.reports.store import REPORT, Results, read_results
from gradassay.reports.summary import summary_table


def render_report(results: Results) -> str:
    """Return the report as one self-contained HTML page.

    Parameters
    ----------
    results : Results
        As read by `read_results`. Sections without data are left out.

    Notes
    -----
    A function of its input alone: the same results give the same page, byte for byte. All text
    of the data is escaped; a content security policy forbids scripts and every request.
    """
    rows = load_rows(results)
    template = _environment().get_template("report.html.j2")
    return template.render(
        findings=findings(rows),
        summary=summary_table(rows),
        sections=_sections(rows, results),
        origin=_origin(results.manifest),
    )


def _sections(rows: Rows, results: Results) -> list[Section]:
    """All sections that have something to show."""
    passengers = [row.subject for row in rows.moments if row.subject != NETWORK]
    look = looks(distinct([*compared_subjects(rows), *passengers]))
    found = (
        bias_section(rows, look),
        direction_section(rows, look),
        price_section(rows, look),
        cost_section(rows),
        training_section(rows, look),
        moment_section(rows, look),
        checks_section(rows),
        definitions_section(rows, results.manifest),
        reproduce_section(results.manifest),
    )
    return [section for section in found if section is not None]


def _origin(manifest: Mapping[str, Any]) -> str:
    """Version, date and seed, as far as the manifest has them."""
    versions = manifest.get("versions")
    version = versions.get("gradassay", "?") if isinstance(versions, Mapping) else "?"
    parts = [f"gradassay {version}"]
    if manifest.get("date_utc"):
        parts.append(str(manifest["date_utc"]))
    if manifest.get("seed") is not None:
        parts.append(f"seed {manifest['seed']}")
    return ", ".join(parts)


def _environment() -> jinja2.Environment:
    """Jinja with escaping on and no silent gaps."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gradassay.reports", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = Markup  # our own SVG, escaped where it was made
    return environment


def write_report(folder: str | Path, out: str | Path | None = None) -> Path:
    """Return the path of the report written from a results folder.

    Parameters
    ----------
    folder : path
        A results folder.
    out : path, optional
        File to write, ``report.html`` in the folder if not given. An old file is replaced.

    Raises
    ------
    DataError
        The results cannot be read.
    UsageError
        The report cannot be written.
    """
    page = render_report(read_results(folder))
    target = Path(folder) / REPORT if out is None else Path(out)
    try:
        write_whole(target, page)
    except OSError as error:
        reason = error.strerror or error
        message = f"report: cannot write {str(target)!r}: {reason}. Choose another file."
        raise UsageError(message) from error
    return target
