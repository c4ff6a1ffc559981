"""``gradassay crosscheck``: another implementation against the reference."""

from __future__ import annotations

import dataclasses
import json as json_format
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from gradassay.cli.options import require_new_file
from gradassay.core.records import CheckResult

if TYPE_CHECKING:
    from gradassay.crosscheck.findings import Finding
    from gradassay.crosscheck.implementation import Implementation

Mode = Literal["default", "matched", "suspects"]


def crosscheck(
    targets: Annotated[list[str], Parameter(name="TARGET")],
    /,
    *,
    mode: Mode = "matched",
    seed: int = 0,
    json: Path | None = None,
    page: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Cross-check other implementations of spiking networks with the NumPy reference.

    Parameters
    ----------
    targets
        snntorch, spikingjelly, norse, sinabs, or module:attribute: an object with a name, a profile
        and run(task), or what makes one.
    mode
        default: report the conventions found out of the box. matched: configured to conventions
        that the reference has too, everything must agree. suspects: configurations of a library
        that should agree and do not.
    seed
        Of weights and inputs.
    json
        Also write the outcome to this file.
    page
        Run libraries in all three modes, and write the conformance page (Markdown) to this file.
    overwrite
        Replace the files.
    """
    from gradassay.crosscheck.findings import findings
    from gradassay.crosscheck.suite import crosscheck as checks_of

    for option, file in (("--json", json), ("--page", page)):
        require_new_file(option, file, overwrite=overwrite)
    if page:
        return _write_page(page, targets, seed)
    console = Console(highlight=False, soft_wrap=True)
    rows: list[Finding] = []
    results: list[CheckResult] = []
    for implementation in [one for target in targets for one in _implementations(target, mode)]:
        if mode == "default":
            found = list(findings(implementation, seed=seed))
            console.print(_table(implementation.name, found))
            rows += found
        else:
            results += _print_checks(console, checks_of(implementation, seed=seed))
    if json:
        from gradassay.reports import write_whole

        outcome = {
            "seed": seed,
            "mode": mode,
            "conventions": [dataclasses.asdict(row) for row in rows],
            "checks": [dataclasses.asdict(row) for row in results],
        }
        write_whole(json, json_format.dumps(outcome, indent=1) + "\n")
        console.print(f"outcome: {json}")
    return int(any(result.verdict == "FAIL" for result in results))


def _write_page(page: Path, targets: Sequence[str], seed: int) -> int:
    """Run everything, and write the page."""
    from gradassay.crosscheck.findings import findings
    from gradassay.crosscheck.page import conformance_page, library_versions
    from gradassay.crosscheck.suite import crosscheck as checks_of
    from gradassay.reports import write_whole

    console = Console(stderr=True, highlight=False, soft_wrap=True)

    def every(mode: Mode) -> Iterator[Implementation]:
        for target in targets:
            for implementation in _implementations(target, mode):
                console.print(f"{mode}: {implementation.name}", markup=False)
                yield implementation

    matched = [row for one in every("matched") for row in checks_of(one, seed=seed)]
    text = conformance_page(
        [row for one in every("default") for row in findings(one, seed=seed)],
        matched,
        [row for one in every("suspects") for row in checks_of(one, seed=seed)],
        versions=library_versions([*targets, "torch", "numpy"]),
        command=f"gradassay crosscheck {' '.join(targets)} --page FILE",
    )
    write_whole(page, text)
    console.print(f"page: {page}", markup=False)
    return int(any(row.verdict == "FAIL" for row in matched))


def _implementations(target: str, mode: Mode) -> Sequence[Implementation]:
    """Return what a target stands for."""
    from gradassay.crosscheck.adapters import LIBRARIES, library, named_implementation

    if target in LIBRARIES:
        return library(target, mode)
    return (named_implementation(target),)


def _table(title: str, rows: Sequence[Finding]) -> Table:
    """Return the conventions as a table; what differs from the reference is marked."""
    table = Table(title=title, title_justify="left")
    for heading in ("convention", "found", "reference", "differs"):
        table.add_column(heading)
    for row in rows:
        table.add_row(row.convention, row.found, row.reference, "yes" if row.differs else "")
    return table


def _print_checks(console: Console, results: Iterator[CheckResult]) -> list[CheckResult]:
    """Print a line for each check as it ends, and return them."""
    done = []
    for result in results:
        told = f"{result.quantity} {result.measured:.2g} (at most {result.bound:.2g})"
        line = f"{result.verdict} {result.subject}: {result.check} on {result.problem}, {told}"
        console.print(line, markup=False)
        if result.detail:
            console.print(f"     {result.detail}", markup=False)
        done.append(result)
    return done
