"""Rows of a cross-check: what was compared, how far off it was, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from gradassay.core.records import CheckResult, Verdict
from gradassay.crosscheck.implementation import Implementation

RowMaker = Callable[..., CheckResult]
Check = Callable[[Implementation, RowMaker], Iterator[CheckResult]]


def rows_of(implementation: Implementation, check: str, problem: str, seed: int) -> RowMaker:
    """Return what makes the rows of one check: a `RowMaker` takes what is measured.

    Parameters
    ----------
    implementation : Implementation
        Gives the subject.
    check, problem, seed
        Of all its rows.
    """
    return partial(_row, subject=implementation.name, check=check, problem=problem, seed=seed)


def _row(
    *,
    subject: str,
    check: str,
    problem: str,
    claim: str,
    measured: float,
    bound: float = 0.0,
    detail: str,
    seed: int,
    quantity: str = "mismatches",
) -> CheckResult:
    """Return a row: PASS where what was measured is at most the bound."""
    verdict: Verdict = "PASS" if measured <= bound else "FAIL"
    return CheckResult(
        subject=subject,
        problem=problem,
        check=check,
        level=0,
        claim=claim,
        verdict=verdict,
        measured=measured,
        low=measured,
        high=measured,
        bound=bound,
        detail="" if verdict == "PASS" else detail,
        evaluations=1,
        seed=seed,
        quantity=quantity,
    )
