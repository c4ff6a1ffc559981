"""One HTML page from a results folder, whole without a script and without a network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from gradassay.core.atomic import write_whole
from gradassay.core.errors import UsageError
from gradassay.core.records import NETWORK
from gradassay.reports.age_section import age_section
from gradassay.reports.cells import Section, Table
from gradassay.reports.check_section import checks_section
from gradassay.reports.closed_form_section import closed_form_section
from gradassay.reports.cost_section import cost_section
from gradassay.reports.curve_sections import growth_section, memory_section
from gradassay.reports.definitions import defined_by
from gradassay.reports.energy_section import energy_section
from gradassay.reports.fact_sections import definitions_section, reproduce_section
from gradassay.reports.findings import findings
from gradassay.reports.layer_sections import bias_section, direction_section
from gradassay.reports.moment_section import moment_section
from gradassay.reports.order_section import order_section
from gradassay.reports.origins import sources_of
from gradassay.reports.palette import looks
from gradassay.reports.price_section import price_section
from gradassay.reports.results_json import strict
from gradassay.reports.rows import Rows, compared_subjects, distinct, load_rows
from gradassay.reports.scaling_section import scaling_section
from gradassay.reports.store import REPORT, Results, read_results
from gradassay.reports.summary import summary_table
from gradassay.reports.training_section import training_section


def render_report(results: Results) -> str:
    """Return the report as one self-contained HTML page.

    Parameters
    ----------
    results : Results
        As read by `read_results`. Sections without data are left out.

    Notes
    -----
    A function of its input alone: the same results give the same page, byte for byte. All text
    of the data is escaped; a content security policy forbids every request, and every script but
    the one that sorts tables, which it knows by its hash.
    """
    rows = load_rows(results)
    return render_page(
        findings=findings(rows),
        summary=summary_table(rows),
        sections=sections_of(rows, results),
        origin=origin_of(results.manifest),
    )


def render_page(*, sections: list[Section], **parts: Any) -> str:
    """Return a page of sections below an answer.

    Parameters
    ----------
    sections : list of Section
        In order.
    **parts
        ``findings`` (sentences), ``summary`` (a `Table`), ``origin`` (a line below the heading);
        ``title``, ``heading`` and ``nothing`` (said where the summary is empty) where they are
        not those of a results folder; ``traced=False`` where cells have no origins.
    """
    template = _environment().get_template("report.html.j2")
    return template.render(sections=sections, defined=_defined(sections), **parts)


def _defined(sections: list[Section]) -> set[str]:
    """Quantities that the page defines."""
    tables = [block.table for section in sections for block in section.blocks if block.table]
    anchors = [cell.anchor for table in tables for row in table.rows for cell in row]
    return {anchor.removeprefix("definition-") for anchor in anchors if anchor}


def _sources(table: Table) -> str:
    """Name the files that a table's numbers are from, with the number of rows."""
    found = sources_of(cell.origin for row in table.rows for cell in row)
    return ", ".join(
        f"{name}.parquet ({rows} row{'s' * (rows != 1)})" for name, rows in found.items()
    )


def sections_of(rows: Rows, results: Results) -> list[Section]:
    """Return all sections that have something to show."""
    passengers = [row.subject for row in rows.moments if row.subject != NETWORK]
    look = looks(distinct([*compared_subjects(rows), *passengers]))
    found = (
        bias_section(rows, look),
        direction_section(rows, look),
        closed_form_section(rows, look),
        scaling_section(rows, look),
        age_section(rows, look),
        price_section(rows, look),
        cost_section(rows),
        memory_section(rows, look),
        growth_section(rows, look),
        order_section(rows),
        energy_section(rows),
        training_section(rows, look),
        moment_section(rows, look),
        checks_section(rows),
        definitions_section(rows, results.manifest),
        reproduce_section(results.manifest),
    )
    return [section for section in found if section is not None]


def origin_of(manifest: Mapping[str, Any]) -> str:
    """Return version, date and seed, as far as the manifest has them."""
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
    environment.filters["sources"] = _sources
    environment.filters["strict"] = strict
    environment.filters["defined_by"] = defined_by
    environment.filters["script"] = _script
    environment.filters["sha256"] = _sha256
    return environment


def _script(name: str) -> Markup:
    """Return a script of ours as it stands in its file."""
    path = files("gradassay.reports") / "templates" / name
    return Markup(path.read_text(encoding="utf-8"))


def _sha256(script: str) -> str:
    """Return a script's hash as a content security policy names it."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


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
    write_page(target, page)
    return target


def write_page(target: Path, page: str) -> None:
    """Write a page, whole or not at all.

    Raises
    ------
    UsageError
        It cannot be written.
    """
    try:
        write_whole(target, page)
    except OSError as error:
        reason = error.strerror or error
        message = f"report: cannot write {str(target)!r}: {reason}. Choose another file."
        raise UsageError(message) from error
