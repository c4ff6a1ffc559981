"""``gradassay verify``: checks of estimators against their claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gradassay.cli.checks import exit_code, print_checks, print_plan, run_with_progress
from gradassay.cli.exit_codes import PASSED
from gradassay.cli.files import prepare_out, require_different_files, require_new_file
from gradassay.cli.lines import print_line
from gradassay.cli.options import Options, Settings, command_line
from gradassay.core.atomic import write_whole
from gradassay.core.errors import UsageError
from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.verify.certificate import certify, to_json
from gradassay.verify.checks.case import Case
from gradassay.verify.checks.case import Settings as SuiteSettings
from gradassay.verify.checks.results import USUAL_BUDGET
from gradassay.verify.expected import ExpectedFailure, read_expected, with_expected
from gradassay.verify.junit import junit_xml
from gradassay.workbench.estimators import chosen_estimators
from gradassay.workbench.names import listed
from gradassay.workbench.options import require_seed


@dataclass(frozen=True)
class SuiteOptions:
    """The suite, its error rate and its effort.

    Parameters
    ----------
    suite
        quick: identities, exact enumeration, the estimator's own draws. full: laws over a range of
        settings too.
    checks
        Names of checks, separated by commas; all where not given.
    margin
        Largest relative bias that a sampled check passes.
    false_alarm_rate
        Probability that anything fails although every estimator is right, of the whole suite.
    budget
        Most replicates of a sampled check.
    time_limit
        Seconds of processor time after which a check is given up, as failed.
    workers
        Processes; results do not depend on it.
    seed
        Seed of problems and draws.
    """

    suite: str = "quick"
    checks: str = ""
    margin: float = 0.05
    false_alarm_rate: float = 0.01
    budget: int = USUAL_BUDGET
    time_limit: float = 120.0
    workers: int = 1
    seed: int = 0

    def settings(self) -> SuiteSettings:
        """Return what the checks are given."""
        require_seed(self.seed)
        return SuiteSettings(
            self.seed, self.margin, self.false_alarm_rate, self.budget, self.time_limit
        )

    def changes_the_plan(self) -> bool:
        """Whether margin or budget are others than those that suffice for the zoo."""
        usual = SuiteSettings()
        return (self.margin, self.budget) != (usual.margin, usual.budget)

    def chosen(self) -> tuple[str, ...]:
        """Return the names of the checks that are wanted; none for all."""
        return tuple(listed(self.checks))


@dataclass(frozen=True)
class OutputOptions:
    """What is written.

    Parameters
    ----------
    json
        Write the certificate into this file.
    junit
        Write the results into this file, as XML for continuous integration.
    expected_failures
        A TOML file of tables [[expected]] with subject, check, reason and, where it is meant for
        one problem only, problem. An expected failure that does not come is a failure.
    out
        Write the results into this folder, for `gradassay report`.
    overwrite
        Replace the files that are there.
    """

    json: Path | None = None
    junit: Path | None = None
    expected_failures: Path | None = None
    out: Path | None = None
    overwrite: bool = False


def verify(
    targets: Annotated[list[str] | None, Parameter(name="TARGET")] = None,
    /,
    *,
    suite: Options[SuiteOptions] = None,
    output: Options[OutputOptions] = None,
    set_: Settings = None,
    strict: bool = False,
    plan: bool = False,
    self_test: bool = False,
    runs: int = 0,
) -> int:
    """Verify estimators: both backends, autograd, exact enumeration of all noise, own draws.

    Parameters
    ----------
    targets
        Names of the zoo, sums such as opzo+0.01*local_learning, or module:attribute; the whole zoo
        where none is given.
    strict
        Exit with 3 where a check is inconclusive.
    plan
        Run nothing but pilots, and say how many replicates each sampled mean needs.
    self_test
        Verify the verifier: every planted fault must be caught by the check named for it. Prints
        a page in Markdown.
    runs
        With self_test: run the suite as many times on right estimators of the zoo, taken in turn,
        and count the false alarms.
    """
    from gradassay.estimators import zoo_names

    suite, output = suite or SuiteOptions(), output or OutputOptions()
    _require_possible(self_test, runs, targets, output)
    if self_test:
        from gradassay.cli.self_test import verify_the_verifier

        return verify_the_verifier(suite, runs)
    from gradassay.verify.suite import planned_cases, untested_claims

    estimators = chosen_estimators(targets or zoo_names(), set_)
    settings = suite.settings()
    files = _Files.prepare(output)
    cases = planned_cases(estimators, settings, suite=suite.suite, checks=suite.chosen())
    if plan or suite.changes_the_plan():
        print_plan(cases, only_too_small=not plan)
        if plan:
            return PASSED
    results = run_with_progress(cases, suite.workers)
    if not suite.chosen():
        results += untested_claims(estimators, results, settings, suite=suite.suite)
    results = with_expected(results, files.expected)
    print_checks(results)
    files.write(estimators, cases, results, settings)
    return exit_code(results, strict)


def _require_possible(
    self_test: bool, runs: int, targets: list[str] | None, output: OutputOptions
) -> None:
    """Refuse options that have no effect beside the others."""
    if runs < 0:
        raise UsageError(f"--runs: got {runs}; expected at least 0.")
    if runs and not self_test:
        raise UsageError(f"--runs: got {runs} without --self-test; expected both. Add --self-test.")
    if self_test and (targets or output != OutputOptions()):
        raise UsageError(
            "--self-test: got estimators or files as well; expected it without, for it takes the"
            " whole zoo and prints a page. Leave one of them out."
        )
    require_different_files(json=output.json, junit=output.junit, out=output.out)


@dataclass(frozen=True)
class _Files:
    """Where the outcome goes; checked before the work begins."""

    output: OutputOptions
    folder: Path | None
    expected: Sequence[ExpectedFailure]

    @classmethod
    def prepare(cls, output: OutputOptions) -> _Files:
        """Read the expected failures, and refuse files that are in the way."""
        expected = read_expected(output.expected_failures) if output.expected_failures else []
        for option, file in (("--json", output.json), ("--junit", output.junit)):
            require_new_file(option, file, overwrite=output.overwrite)
        folder = prepare_out(output.out, "", overwrite=output.overwrite) if output.out else None
        return cls(output, folder, expected)

    def write(
        self,
        estimators: Mapping[str, Estimator],
        cases: Sequence[Case],
        results: Sequence[CheckResult],
        settings: SuiteSettings,
    ) -> None:
        """Write what was asked for."""
        from gradassay.reports import build_manifest, write_results

        if self.output.json:
            certificate = certify(estimators, cases, results, settings)
            write_whole(self.output.json, to_json(certificate))
            print_line(f"certificate: {self.output.json}")
        if self.output.junit:
            write_whole(self.output.junit, junit_xml(results))
            print_line(f"JUnit XML: {self.output.junit}")
        if self.folder:
            told = {"estimators": {name: repr(e) for name, e in estimators.items()}}
            manifest = build_manifest(command_line(), settings.seed, told, {})
            overwrite = self.output.overwrite
            write_results(self.folder, checks=results, manifest=manifest, overwrite=overwrite)
            print_line(f"results: {self.folder}")
