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

from gradassay.cli.options import require_different_files, require_new_file
from gradassay.core.records import CheckResult
from gradassay.workbench.options import require_seed

if TYPE_CHECKING:
    from gradassay.crosscheck.findings import Finding

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
    require_seed(seed)
    require_different_files(json=json, page=page)
    for option, file in (("--json", json), ("--page", page)):
        require_new_file(option, file, overwrite=overwrite)
    if page:
        return _write_page(page, json, targets, seed)
    from gradassay.crosscheck.conformance import available, implementations
    from gradassay.crosscheck.findings import findings
    from gradassay.crosscheck.suite import crosscheck as checks_of

    console = Console(highlight=False, soft_wrap=True)
    present, missing = available(targets)
    _tell_missing(missing)
    rows: list[Finding] = []
    results: list[CheckResult] = []
    for implementation in [one for target in present for one in implementations(target, mode)]:
        if mode == "default":
            found = list(findings(implementation, seed=seed))
            console.print(_table(implementation.name, found))
            rows += found
        else:
            results += _print_checks(console, checks_of(implementation, seed=seed))
    if json:
        outcome = {
            "seed": seed,
            "mode": mode,
            "conventions": [dataclasses.asdict(row) for row in rows],
            "checks": [dataclasses.asdict(row) for row in results],
        }
        _write_json(json, outcome)
        console.print(f"outcome: {json}")
    if any(result.verdict == "FAIL" for result in results):
        return 1
    return 2 if missing else 0


def _tell_missing(missing: Sequence[str]) -> None:
    """Print what is not installed; the others are run."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for message in missing:
        console.print(message, markup=False)


def _write_json(file: Path, outcome: object) -> None:
    from gradassay.reports import write_whole

    write_whole(file, json_format.dumps(outcome, indent=1) + "\n")


def _write_page(page: Path, json: Path | None, targets: Sequence[str], seed: int) -> int:
    """Run everything, and write the page, and the same as JSON."""
    from gradassay.crosscheck.conformance import available, measure
    from gradassay.crosscheck.page import conformance_page
    from gradassay.reports import write_whole

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    present, missing = available(targets)
    _tell_missing(missing)
    if not present:
        return 2
    found = measure(
        present,
        command=f"gradassay crosscheck {' '.join(targets)} --page FILE",
        seed=seed,
        tell=lambda line: console.print(line, markup=False),
    )
    write_whole(page, conformance_page(found))
    if json:
        _write_json(json, dataclasses.asdict(found))
    console.print(f"page: {page}", markup=False)
    if any(row.verdict == "FAIL" for row in found.matched):
        return 1
    return 2 if missing else 0


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
