"""Expected failures: a file that says which checks fail, and why that is accepted for now."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from gradassay.core.errors import DataError
from gradassay.core.records import CheckResult
from gradassay.verify.checks.results import not_measured


class ExpectedFailure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One expected failure.

    Parameters
    ----------
    subject, check : str
        Names as they stand in results.
    reason : str
        Why it is accepted.
    problem : str or None
        Only there; None for every problem.
    """

    subject: str
    check: str
    reason: str
    problem: str | None = None

    def matches(self, subject: str, check: str, problem: str) -> bool:
        """Whether a check, by names, is the one meant."""
        here = self.problem in (None, problem)
        return here and (self.subject, self.check) == (subject, check)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expected: list[ExpectedFailure]


def read_expected(path: Path) -> list[ExpectedFailure]:
    """Return the expected failures of a TOML file: tables ``[[expected]]``.

    Raises
    ------
    DataError
        If there is no such file, or it has another form.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_File).expected
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise DataError(
            f"{path}: {error}; expected tables [[expected]] with subject, check and reason."
        ) from error


def with_expected(
    results: Sequence[CheckResult], expected: Iterable[ExpectedFailure]
) -> list[CheckResult]:
    """Return results with XFAIL in place of expected FAILs; one that did not come is a FAIL.

    Parameters
    ----------
    results : sequence of CheckResult
        Of a whole suite.
    expected : iterable of ExpectedFailure
        Those of subjects that were not verified are left alone.
    """
    found = list(results)
    subjects = {result.subject for result in results}
    for one in expected:
        places = [i for i, r in enumerate(found) if one.matches(r.subject, r.check, r.problem)]
        failed = [i for i in places if found[i].verdict == "FAIL"]
        for i in failed:
            told = f"expected: {one.reason}\n{found[i].detail}"
            found[i] = dataclasses.replace(found[i], verdict="XFAIL", detail=told)
        if places and not failed:
            undecided = any(found[i].verdict == "INCONCLUSIVE" for i in places)
            outcome = "is not decided: raise the budget, or" if undecided else "passes:"
            told = f"expected to fail ({one.reason}), and it {outcome} take it off the list"
            found.append(dataclasses.replace(found[places[0]], verdict="FAIL", detail=told))
        elif not places and one.subject in subjects:
            found.append(_unknown(one, found[0].seed))
    return found


def _unknown(one: ExpectedFailure, seed: int) -> CheckResult:
    """Return the FAIL of an expectation that no check answers to."""
    return not_measured(
        subject=one.subject,
        problem=one.problem or "",
        check=one.check,
        claim="an expected failure is one of a check that was made",
        verdict="FAIL",
        detail="expected to fail, but no such check was made: take it off the list",
        seed=seed,
    )
