"""Reports made from records only."""

from gradassay.reports.accuracy import accuracy_markdown, write_accuracy
from gradassay.reports.columns import columns
from gradassay.reports.html import render_report, write_report
from gradassay.reports.manifest import SCHEMA_VERSION, build_manifest
from gradassay.reports.store import Results, read_results, require_target, write_results
from gradassay.reports.tables import render_markdown

__all__ = [
    "SCHEMA_VERSION",
    "Results",
    "accuracy_markdown",
    "build_manifest",
    "columns",
    "read_results",
    "render_markdown",
    "render_report",
    "require_target",
    "write_accuracy",
    "write_report",
    "write_results",
]
