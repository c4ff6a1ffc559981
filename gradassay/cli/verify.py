"""``gradassay verify``: exact checks of estimators against their claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gradassay.cli.options import Settings, chosen_estimators, command_line, prepare_out
from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.verify.checks.results import failure_text


def verify(
    targets: Annotated[list[str] | None, Parameter(name="TARGET")] = None,
    /,
    *,
    set_: Settings = None,
    seed: int = 0,
    strict: bool = False,
    out: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Verify estimators: both backends, autograd, and exact enumeration of all noise.

    Parameters
    ----------
    targets
        Names of the zoo, sums such as opzo+0.01*local_learning, or module:attribute; the whole zoo
        where none is given.
    set_
        An option of an estimator, NAME.OPTION=VALUE; may be given several times.
    seed
        Seed of the small problems.
    strict
        Exit with 3 where a check is inconclusive.
    out
        Write the results into this folder.
    overwrite
        Replace the results that are there.
    """
    from gradassay.estimators import zoo_names
    from gradassay.reports import build_manifest, write_results

    estimators = chosen_estimators(targets or zoo_names(), set_)
    folder = prepare_out(out, "", overwrite=overwrite) if out else None
    results = verify_with_progress(estimators, seed)
    print_checks(results)
    if folder:
        settings = {"estimators": {name: repr(e) for name, e in estimators.items()}}
        manifest = build_manifest(command_line(), seed, settings, {})
        write_results(folder, checks=results, manifest=manifest, overwrite=overwrite)
        Console().print(f"results: {folder}", highlight=False)
    return exit_code(results, strict)


def verify_with_progress(estimators: Mapping[str, Estimator], seed: int) -> list[CheckResult]:
    """Run all checks with a line of progress on the standard error."""
    from gradassay.verify.suite import verify as run_checks

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("verify")

        def show(result: CheckResult) -> None:
            progress.update(task, description=f"verify {result.subject}: {result.check}", advance=1)

        return run_checks(estimators, seed=seed, on_result=show)


def print_checks(results: Iterable[CheckResult]) -> None:
    """Print one line for each estimator and level, and a block for each failure."""
    console = Console(highlight=False, soft_wrap=True)
    groups: dict[tuple[str, int], list[CheckResult]] = {}
    for result in results:
        groups.setdefault((result.subject, result.level), []).append(result)
    for (subject, level), group in groups.items():
        passed = sum(result.verdict == "PASS" for result in group)
        worst = max((r.measured for r in group if r.verdict == "PASS"), default=0.0)
        word = "PASS" if passed == len(group) else "FAIL"
        console.print(
            f"{word} {subject}: level {level}, {passed} of {len(group)} checks,"
            f" largest relative difference among those passed {worst:.1e}"
        )
        for result in group:
            if result.verdict != "PASS":
                console.print(failure_text(result), markup=False)


def exit_code(results: Iterable[CheckResult], strict: bool) -> int:
    """Return 0 all passed, 1 a check failed, 3 one is inconclusive and that counts."""
    verdicts = {result.verdict for result in results}
    if "FAIL" in verdicts:
        return 1
    return 3 if strict and "INCONCLUSIVE" in verdicts else 0
