"""What a command ends with: its records, manifest and report in one folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradassay.cli.lines import print_line
from gradassay.cli.options import command_line
from gradassay.core.estimator import Estimator

if TYPE_CHECKING:
    from gradassay.workbench.workbench import Workbench


def publish(
    folder: Path,
    bench: Workbench,
    estimators: Mapping[str, Estimator],
    settings: Mapping[str, object],
    *,
    interval_method: str,
    overwrite: bool,
    **tables: Any,
) -> None:
    """Write records, manifest and report, and print the report's path.

    Parameters
    ----------
    folder : pathlib.Path
        From `gradassay.cli.files.prepare_out`.
    bench, estimators
        What was worked on.
    settings : mapping
        Of the manifest, beside those of the bench.
    interval_method, overwrite
        As in `gradassay.reports.build_manifest` and `gradassay.reports.write_results`.
    **tables : iterable of records
        Tables of `gradassay.reports.write_results`.
    """
    from gradassay.reports import write_report, write_results

    manifest = manifest_of(bench, estimators, settings, interval_method=interval_method)
    write_results(folder, manifest=manifest, overwrite=overwrite, **tables)
    print_line(f"report: {write_report(folder)}")


def manifest_of(
    bench: Workbench,
    estimators: Mapping[str, Estimator],
    settings: Mapping[str, object],
    *,
    interval_method: str,
) -> dict[str, Any]:
    """Return the manifest of this command; parameters as in `publish`."""
    from gradassay.reports import build_manifest

    return build_manifest(
        command_line(),
        bench.options.seed,
        bench.settings(estimators) | dict(settings),
        bench.data.checksums,
        interval_method=interval_method,
    )
