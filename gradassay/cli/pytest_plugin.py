"""``pytest --gradassay=NAME``: the checks of an estimator or an implementation as tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("gradassay").addoption(
        "--gradassay",
        action="append",
        default=[],
        metavar="NAME",
        help="Run gradassay's checks of an estimator (a name of its zoo, an entry point or "
        "module:attribute) or of another implementation, a test for each; may be given again.",
    )


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Put the checks behind the tests that were collected."""
    names: list[str] = config.getoption("--gradassay") or []
    for name in names:
        for title, run in _checks(name):
            items.append(CheckItem.from_parent(session, name=title, run=run))  # noqa: PERF401, RUF100


class CheckItem(pytest.Item):
    """One check.

    Parameters
    ----------
    name : str
        Of the test.
    parent : object
        The session.
    run : callable
        Raises AssertionError with what failed.
    """

    def __init__(self, name: str, parent: pytest.Session, run: Callable[[], None]) -> None:
        super().__init__(name, parent)
        self.run = run

    def runtest(self) -> None:
        """Run the check."""
        self.run()

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: str | None = None
    ) -> str:
        """Return what failed, without a traceback into the checks."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[str, int | None, str]:
        """Return where it stands in reports."""
        return "gradassay", None, self.name


def _checks(name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield title and call of each check of what a name stands for."""
    from gradassay.core.errors import GradassayError

    try:
        yield from _estimator_checks(name)
    except GradassayError as unknown:
        try:
            yield from _implementation_checks(name)
        except GradassayError:
            raise pytest.UsageError(str(unknown)) from unknown


def _estimator_checks(name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the checks of an estimator's claims."""
    from gradassay.estimators import make_estimator
    from gradassay.verify.checks.case import Settings
    from gradassay.verify.suite import planned_cases
    from gradassay.verify.testing import CheckCall

    for case in planned_cases({name: make_estimator(name)}, Settings()):
        told = f", {case.told}" if case.told else ""
        yield f"{case.check.name}[{name}, {case.problem.name}{told}]", CheckCall(case)


def _implementation_checks(name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the checks of another implementation, or of a library's matched ones."""
    from gradassay.crosscheck.conformance import implementations
    from gradassay.crosscheck.suite import Planned, planned_checks

    def call(planned: Planned) -> Callable[[], None]:
        def run() -> None:
            failed = [row for row in planned.run() if row.verdict == "FAIL"]
            heads = [f"FAIL {row.check}: {row.subject} on {row.problem}" for row in failed]
            if failed:
                told = zip(heads, failed, strict=True)
                raise AssertionError("\n".join(f"{head}\n  {row.detail}" for head, row in told))

        return run

    for implementation in implementations(name, "matched"):
        for planned in planned_checks(implementation):
            yield f"{planned.check}[{implementation.name}, {planned.problem}]", call(planned)
