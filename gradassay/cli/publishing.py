"""What a command ends with: its records, manifest and report in one folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

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
        From `gradassay.cli.options.prepare_out`.
    bench, estimators
        What was worked on.
    settings : mapping
        Of the manifest, beside those of the bench.
    interval_method, overwrite
        As in `gradassay.reports.build_manifest` and `gradassay.reports.write_results`.
    **tables : iterable of records
        Tables of `gradassay.reports.write_results`.
    """
    from gradassay.reports import build_manifest, write_report, write_results

    manifest = build_manifest(
        command_line(),
        bench.options.seed,
        bench.settings(estimators) | dict(settings),
        bench.data.checksums,
        interval_method=interval_method,
    )
    write_results(folder, manifest=manifest, overwrite=overwrite, **tables)
    path = write_report(folder)
    Console(highlight=False, soft_wrap=True).print(f"report: {path}", markup=False)
