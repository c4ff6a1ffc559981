"""Somebody's answers against a pack: a verdict for each array, and where they first part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradassay.crosscheck.golden.divergence import Divergence, first_divergence
from gradassay.crosscheck.golden.reading import Pack
from gradassay.crosscheck.golden.schema import Case, File

GoldenVerdict = Literal["PASS", "FAIL", "not answered"]


@dataclass(frozen=True)
class Row:
    """The verdict on one array.

    Parameters
    ----------
    case : str
        Network and precision.
    subject : str
        ``forward``, or the estimator.
    path : str
        The array.
    verdict : {"PASS", "FAIL", "not answered"}
    difference : float or None
        Largest absolute difference; None where it is not a number, or not answered.
    tolerance : float
        Largest that passes.
    where : Divergence or None
        First entry, in the order of steps, that fails.
    """

    case: str
    subject: str
    path: str
    verdict: GoldenVerdict
    difference: float | None
    tolerance: float
    where: Divergence | None = None


def check_answers(pack: Pack, answers: Mapping[str, np.ndarray]) -> list[Row]:
    """Return a row for each expected array, in the order of the pack.

    Parameters
    ----------
    pack : Pack
    answers : mapping from path to array
        As `read_answers` gives them: of the right dtypes and shapes.
    """
    expected, rows = pack.expected, []
    for case in pack.manifest.cases:
        for subject, path in _asked(case):
            rows.append(_row(pack, case, subject, expected[path], answers))
    return rows


def _asked(case: Case) -> list[tuple[str, str]]:
    """Return what is asked in a case: subject and path."""
    layers = [path for name in case.spikes for path in (case.membrane[name], case.spikes[name])]
    forward = [("forward", p) for p in (*layers, case.outputs, case.losses, case.errors)]
    methods = [
        (method.name, path)
        for method in case.methods
        for path in (*method.gradient.values(), *method.state_after.values())
    ]
    return forward + methods


def _row(
    pack: Pack, case: Case, subject: str, file: File, answers: Mapping[str, np.ndarray]
) -> Row:
    if file.path not in answers:
        return Row(case.name, subject, file.path, "not answered", None, file.tolerance)
    expected, found = pack.arrays[file.path], answers[file.path]
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    wrong = ~(apart <= file.tolerance)  # true also where it is not a number
    largest = float(apart.max(initial=0.0))
    difference = largest if np.isfinite(largest) else None
    if not wrong.any():
        return Row(case.name, subject, file.path, "PASS", difference, file.tolerance)
    where = first_divergence(pack, case, file.path, wrong, answers)
    return Row(case.name, subject, file.path, "FAIL", difference, file.tolerance, where)


def first_of_case(rows: list[Row], case: Case) -> Row | None:
    """Return the failed row of a case that parts first: earliest step, then lowest layer.

    Gradients and states, which sum over the steps, come after everything that has steps.
    """
    order = list(case.spikes)

    def place(row: Row) -> tuple[int, int]:
        where = row.where
        if where is None or where.step is None:
            return (2**31, 0)
        return where.step, order.index(where.layer) if where.layer in order else len(order)

    failed = [row for row in rows if row.case == case.name and row.verdict == "FAIL"]
    return min(failed, key=place, default=None)
