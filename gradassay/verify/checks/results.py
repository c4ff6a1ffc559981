"""Comparison of two gradients, the row that a check returns, and its text."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.records import CheckResult
from gradassay.verify.oracles.small_problems import SmallProblem

SMALLEST_ARRAY = 1e-4


def relative_difference(found: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    """Return the largest over arrays of |found - expected| / |expected|, in the Euclidean norm.

    An expected array that is smaller than 1e-4 of the largest counts as that large: sums that
    cancel leave rounding errors of the terms' size. Where all that is expected is 0 it is the norm
    of what was found; a number that is not finite makes it infinite.
    """
    return max(_differences(found, expected).values(), default=0.0)


def _differences(found: Mapping[str, Array], expected: Mapping[str, Array]) -> dict[str, float]:
    result = {}
    norms = {name: float(np.linalg.norm(array)) for name, array in expected.items()}
    least = SMALLEST_ARRAY * max(norms.values(), default=0.0)
    for name, array in expected.items():
        scale = max(norms[name], least)
        error = float(np.linalg.norm(np.asarray(found[name]) - array)) / (scale or 1.0)
        result[name] = error if np.isfinite(error) else float("inf")
    return result


def check_result(
    *,
    subject: str,
    problem: SmallProblem,
    check: str,
    level: int,
    claim: str,
    found: Mapping[str, Array],
    expected: Mapping[str, Array],
    bound: float,
    evaluations: int,
    seed: int,
) -> CheckResult:
    """Return PASS where all arrays agree within the bound, else FAIL, the worst arrays named."""
    differences = _differences(found, expected)
    measured = max(differences.values(), default=0.0)
    failed = {name: error for name, error in differences.items() if not error <= bound}
    worst = sorted(failed.items(), key=lambda item: -item[1])[:4]
    detail = "; ".join(f"{name}: {_ratio(found[name], expected[name])}" for name, _ in worst)
    return CheckResult(
        subject=subject,
        problem=problem.name,
        check=check,
        level=level,
        claim=claim,
        verdict="FAIL" if failed else "PASS",
        measured=measured,
        bound=bound,
        detail=detail,
        evaluations=evaluations,
        seed=seed,
    )


def _ratio(found: Array, expected: Array) -> str:
    """Describe how an array differs: its scale along the expected one, and what is left."""
    f, e = np.ravel(np.asarray(found)), np.ravel(np.asarray(expected))
    square = float(e @ e)
    if square == 0:
        return f"expected 0, found norm {np.linalg.norm(f):.3g}"
    scale = float(f @ e) / square
    rest = float(np.linalg.norm(f - scale * e)) / square**0.5
    return f"{scale:.6g} times the expected one, rest {rest:.2g} of its norm"


def failure_text(result: CheckResult) -> str:
    """Return the block that explains one failure."""
    return "\n".join(
        [
            f"{result.verdict} {result.check}: {result.subject} on {result.problem}",
            f"  claim        {result.claim}",
            f"  measured     relative difference {result.measured:.3g}",
            f"  bound        {result.bound:.3g}",
            f"  where        {result.detail}",
            f"  evaluations  {result.evaluations}",
            f"  reproduce    gradassay verify {result.subject} --seed {result.seed}",
        ]
    )
