"""All checks as tests of anybody's own suite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradassay.core.estimator import Estimator
from gradassay.verify.checks.case import Case, Settings
from gradassay.verify.checks.failure_text import failure_text
from gradassay.verify.checks.guard import run_case
from gradassay.verify.expected import ExpectedFailure
from gradassay.verify.suite import planned_cases

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class CheckCall:
    """One check, to be called with nothing.

    Parameters
    ----------
    case : Case
        What is run.
    """

    case: Case

    def __call__(self) -> None:
        """Run the check.

        Raises
        ------
        AssertionError
            With the text of what failed.
        """
        results = run_case(self.case)
        failed = [failure_text(result) for result in results if result.verdict == "FAIL"]
        if failed:
            raise AssertionError("\n".join(failed))
        undecided = [failure_text(r) for r in results if r.verdict == "INCONCLUSIVE"]
        if undecided:
            import pytest

            pytest.skip("\n".join(undecided))


def parametrize_with_checks(
    estimators: Sequence[Estimator],
    *,
    settings: Settings | None = None,
    suite: str = "quick",
    expected: Iterable[ExpectedFailure] = (),
) -> pytest.MarkDecorator:
    """Return a decorator that runs a test with every check of every estimator.

    A check that cannot decide within the budget is skipped, with the reason.

    Parameters
    ----------
    estimators : sequence of Estimator
        Named by their ``name``.
    settings : Settings or None
        Margin, error rate, budget, seed.
    suite : {"quick", "full"}
        As in `gradassay.verify.verify`.
    expected : iterable of ExpectedFailure
        Marked as strict expected failures, with their reasons.

    Examples
    --------
    ::

        @parametrize_with_checks([MyEstimator()])
        def test_my_estimator(check):
            check()
    """
    import pytest

    named = {getattr(one, "name", type(one).__name__): one for one in estimators}
    accepted = list(expected)
    parameters = []
    for case in planned_cases(named, settings or Settings(), suite=suite):
        names = (case.subject, case.check.name, case.problem.name)
        reasons = [one.reason for one in accepted if one.matches(*names)]
        marks = [pytest.mark.xfail(reason=reasons[0], strict=True)] if reasons else []
        identity = "-".join(filter(None, (*names, case.told)))
        parameters.append(pytest.param(CheckCall(case), id=identity, marks=marks))
    return pytest.mark.parametrize("check", parameters)
