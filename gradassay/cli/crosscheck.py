"""``gradassay crosscheck``: another implementation against the reference."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from gradassay.cli.exit_codes import FAILED, PASSED, UNUSABLE
from gradassay.cli.files import require_different_files, require_new_file, write_json
from gradassay.cli.lines import print_line
from gradassay.core.atomic import write_whole
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

    present, missing = available(targets)
    _tell_missing(missing)
    rows: list[Finding] = []
    results: list[CheckResult] = []
    for implementation in [one for target in present for one in implementations(target, mode)]:
        if mode == "default":
            found = list(findings(implementation, seed=seed))
            Console(highlight=False, soft_wrap=True).print(_table(implementation.name, found))
            rows += found
        else:
            results += _print_checks(checks_of(implementation, seed=seed))
    if json:
        outcome = {
            "seed": seed,
            "mode": mode,
            "conventions": [dataclasses.asdict(row) for row in rows],
            "checks": [dataclasses.asdict(row) for row in results],
        }
        write_json(json, outcome)
        print_line(f"outcome: {json}")
    if any(result.verdict == "FAIL" for result in results):
        return FAILED
    return UNUSABLE if missing else PASSED


def _tell_missing(missing: Sequence[str]) -> None:
    """Print what is not installed; the others are run."""
    for message in missing:
        print_line(message, to_stderr=True)


def _write_page(page: Path, json: Path | None, targets: Sequence[str], seed: int) -> int:
    """Run everything, and write the page, and the same as JSON."""
    from gradassay.crosscheck.conformance import available, measure
    from gradassay.crosscheck.page import conformance_page

    present, missing = available(targets)
    _tell_missing(missing)
    if not present:
        return UNUSABLE
    found = measure(
        present,
        command=f"gradassay crosscheck {' '.join(targets)} --page FILE",
        seed=seed,
        tell=lambda line: print_line(line, to_stderr=True),
    )
    write_whole(page, conformance_page(found))
    if json:
        write_json(json, dataclasses.asdict(found))
    print_line(f"page: {page}", to_stderr=True)
    if any(row.verdict == "FAIL" for row in found.matched):
        return FAILED
    return UNUSABLE if missing else PASSED


def _table(title: str, rows: Sequence[Finding]) -> Table:
    """Return the conventions as a table; what differs from the reference is marked."""
    table = Table(title=title, title_justify="left")
    for heading in ("convention", "found", "reference", "differs"):
        table.add_column(heading)
    for row in rows:
        table.add_row(row.convention, row.found, row.reference, "yes" if row.differs else "")
    return table


def _print_checks(results: Iterator[CheckResult]) -> list[CheckResult]:
    """Print a line for each check as it ends, and return them."""
    done = []
    for result in results:
        told = f"{result.quantity} {result.measured:.2g} (at most {result.bound:.2g})"
        line = f"{result.verdict} {result.subject}: {result.check} on {result.problem}, {told}"
        print_line(line)
        if result.detail:
            print_line(f"     {result.detail}")
        done.append(result)
    return done
