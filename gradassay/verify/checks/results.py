"""Comparison of two gradients, and the row that a check returns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.records import CheckResult, Verdict
from gradassay.verify.checks.causes import usual_causes
from gradassay.verify.oracles.small_problems import SmallProblem

# from the best to the worst
SEVERITY: dict[Verdict, int] = {"PASS": 0, "XFAIL": 1, "INCONCLUSIVE": 2, "FAIL": 3}
SMALLEST_ARRAY = 1e-4
NO_LEAST: Mapping[str, float] = {}
MOST_NAMED = 4
# what may be left beside a multiple of what was expected: relative to it, and to what was expected
ROUNDING = 1e-6
EXACT = 1e-12
NOT_MEASURED = "not measured"
USUAL_BUDGET = 262_144


def relative_difference(found: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    """Return the largest over arrays of |found - expected| / |expected|, in the Euclidean norm.

    An expected array that is smaller than 1e-4 of the largest counts as that large: sums that
    cancel leave rounding errors of the terms' size. Where all that is expected is 0 it is the norm
    of what was found. An array that is missing, of another shape or not finite makes it infinite.
    """
    return max(_differences(found, expected).values(), default=0.0)


def _differences(
    found: Mapping[str, Array], expected: Mapping[str, Array], least: Mapping[str, float] = NO_LEAST
) -> dict[str, float]:
    result = dict.fromkeys((name for name in found if name not in expected), float("inf"))
    norms = {name: float(np.linalg.norm(array)) for name, array in expected.items()}
    smallest = SMALLEST_ARRAY * max(norms.values(), default=0.0)
    for name, array in expected.items():
        if name not in found or np.shape(found[name]) != np.shape(array):
            result[name] = float("inf")
            continue
        scale = max(norms[name], smallest, least.get(name, 0.0))
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
    least: Mapping[str, float] = NO_LEAST,
) -> CheckResult:
    """Return PASS where all arrays agree within the bound, else FAIL, the wrong arrays named.

    The layer that is highest in the network comes first: what is wrong there can make the layers
    below it wrong. `least` holds by name the norm that an array counts as at least, where terms
    cancel: rounding errors have their size.
    """
    differences = _differences(found, expected, least)
    measured = max(differences.values(), default=0.0)
    failed = [name for name, error in differences.items() if not error <= bound]
    named = failed[::-1][:MOST_NAMED]
    more = f"; and {len(failed) - len(named)} more" if len(failed) > len(named) else ""
    detail = "; ".join(f"{name}: {describe(found.get(name), expected.get(name))}" for name in named)
    return CheckResult(
        subject=subject,
        problem=problem.name,
        check=check,
        level=level,
        claim=claim,
        verdict="FAIL" if failed else "PASS",
        measured=measured,
        low=measured,
        high=measured,
        bound=bound,
        detail=detail + more,
        evaluations=evaluations,
        seed=seed,
        causes=_causes(found, expected, failed) if failed and level == 1 else "",
    )


def not_measured(
    *,
    subject: str,
    problem: str,
    check: str,
    claim: str,
    verdict: Verdict,
    detail: str,
    seed: int,
    level: int = 0,
    low: float = math.inf,
) -> CheckResult:
    """Return the row of what could not be compared; it may be off by `low` up to any number."""
    return CheckResult(
        subject=subject,
        problem=problem,
        check=check,
        level=level,
        claim=claim,
        verdict=verdict,
        measured=low,
        low=low,
        high=math.inf,
        bound=0.0,
        detail=detail,
        evaluations=0,
        seed=seed,
        quantity=NOT_MEASURED,
    )


def _causes(
    found: Mapping[str, Array], expected: Mapping[str, Array], failed: Sequence[str]
) -> str:
    """Return the usual causes of the arrays that failed; those that agree have the ratio 1."""
    ratios, parallel = dict.fromkeys(expected, 1.0), []
    for name in failed:
        if name in found and name in expected and np.shape(found[name]) == np.shape(expected[name]):
            ratio, rest = along(found[name], expected[name])
            ratios[name] = ratio
            if rest <= ROUNDING * abs(ratio) and ratio:
                parallel.append(name)
    return usual_causes(ratios, parallel)


def along(found: Array, expected: Array) -> tuple[float, float]:
    """Return the scale of an array along another, and the norm of what is left over its norm.

    Where the other is 0 the scale is 1.
    """
    f, e = np.ravel(np.asarray(found)), np.ravel(np.asarray(expected))
    square = float(e @ e)
    if square == 0:
        return 1.0, float(np.linalg.norm(f))
    scale = float(f @ e) / square
    return scale, float(np.linalg.norm(f - scale * e)) / square**0.5


def describe(found: Array | None, expected: Array | None) -> str:
    """Describe how an array differs: its scale along the expected one, and what is left."""
    if found is None or expected is None:
        return "missing" if found is None else "not expected"
    if np.shape(found) != np.shape(expected):
        return f"shape {np.shape(found)}, expected {np.shape(expected)}"
    f, e = np.ravel(np.asarray(found)), np.ravel(np.asarray(expected))
    if not np.isfinite(f).all():
        return f"{int((~np.isfinite(f)).sum())} of {f.size} entries are not finite"
    scale, rest = along(f, e)
    if not e.any():
        return f"expected 0, found norm {rest:.3g}"
    left = "to rounding" if rest <= EXACT else f"rest {rest:.2g} of its norm"
    return f"{scale:.6g} times the expected one, {left}"
