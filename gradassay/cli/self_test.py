"""``gradassay verify --self-test``: the error rates of the verifier itself, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradassay.cli.exit_codes import FAILED, PASSED
from gradassay.cli.lines import print_line
from gradassay.cli.options import command_line
from gradassay.core.records import Interval
from gradassay.verify.checks.failure_text import failure_text
from gradassay.workbench.progress import bar

if TYPE_CHECKING:
    from gradassay.cli.verify import SuiteOptions
    from gradassay.verify.error_rates import SuiteRun


def verify_the_verifier(suite: SuiteOptions, runs: int) -> int:
    """Plant every fault, run the suite on right estimators, and print what came out.

    Parameters
    ----------
    suite : SuiteOptions
        Error rate, budget, seed, workers.
    runs : int
        Suites on right estimators; none where 0.

    Returns
    -------
    int
        0 if every fault is caught by the check named for it, and false alarms are not more frequent
        than stated; else 1.
    """
    from gradassay.verify.error_rates import false_alarm_rate, suite_runs
    from gradassay.verify.faults import FAULTS
    from gradassay.verify.self_test import run_self_test, self_test_markdown

    settings, outcomes, done = suite.settings(), [], []
    with bar(len(FAULTS) + runs, "self-test") as advance:
        for outcome in run_self_test(FAULTS, settings=settings, workers=suite.workers):
            outcomes.append(outcome)
            advance(f"planted: {outcome.fault}")
        for run in suite_runs(runs, settings=settings, suite=suite.suite, workers=suite.workers):
            done.append(run)
            advance(f"right: {run.subject}, seed {run.seed}")
    page = ["# The verifier verified", "", f"Made by `{command_line()}`.", ""]
    page += ["## Planted faults", "", self_test_markdown(outcomes)]
    caught = all(outcome.caught for outcome in outcomes)
    if done:
        rate = false_alarm_rate(done)
        page += ["## False alarms", "", *_false_alarms(done, rate, suite.false_alarm_rate)]
        caught = caught and rate.low <= suite.false_alarm_rate
    print_line("\n".join(page))
    return PASSED if caught else FAILED


def _false_alarms(runs: Sequence[SuiteRun], rate: Interval, stated: float) -> list[str]:
    """Return the lines on runs of right estimators."""
    failed = [run for run in runs if run.false_alarms]
    undecided = sum(run.undecided for run in runs)
    checks, sampled = sum(run.checks for run in runs), sum(run.sampled for run in runs)
    lines = [
        f"{len(failed)} of {len(runs):,} suites on right estimators failed: {rate.value:.2%}"
        f" [{rate.low:.2%}, {rate.high:.2%}], {rate.level:.0%} by Clopper and Pearson; stated is at"
        f" most {stated:.2%}. They made {checks:,} checks, {sampled:,} of them sampled (of these"
        f" {undecided:,} inconclusive), and {sum(run.evaluations for run in runs):,} gradients.",
        "",
    ]
    for run in failed:
        for result in run.false_alarms:
            lines += [f"    {line}" for line in failure_text(result).splitlines()] + [""]
    return lines
