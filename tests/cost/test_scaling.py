from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from gradassay.core.curves import CostPoint
from gradassay.core.keys import Key
from gradassay.cost import exponent_points, feedback_points, time_points
from gradassay.cost.scaling import SWEEPS, Sweep, fitted_exponent
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend

Polynomial = Callable[[int, int, int], int]
# products of one sample and step, for n units, m outputs, N hidden layers
OPERATIONS: dict[str, Polynomial] = {
    "spatial_bp": lambda n, m, layers: (layers - 1) * n**2 + m * n,
    "feedback_alignment": lambda n, m, layers: (layers - 1) * n**2 + m * n,
    "dfa": lambda n, m, layers: layers * n * m,
    "opzo": lambda n, m, layers: 2 * layers * n * m,
    "dkp": lambda n, m, layers: 2 * layers * n * m,
    "local_learning": lambda n, m, layers: 3 * layers * n * m,
    "zo_single_point": lambda n, m, layers: 0,
    "forward_gradient": lambda n, m, layers: (layers - 1) * n**2 + m * n,
}
MATRICES: dict[str, Polynomial] = {
    "spatial_bp": lambda n, m, layers: 0,
    "feedback_alignment": lambda n, m, layers: (layers - 1) * n**2 + m * n,
    "dfa": lambda n, m, layers: layers * n * m,
    "opzo": lambda n, m, layers: layers * n * m,
    "dkp": lambda n, m, layers: layers * n * m,
    "local_learning": lambda n, m, layers: layers * n * m,
    "zo_single_point": lambda n, m, layers: 0,
    "forward_gradient": lambda n, m, layers: 0,
}


@pytest.fixture(scope="module")
def points() -> list[CostPoint]:
    zoo = {name: make_estimator(name) for name in OPERATIONS}
    return feedback_points(zoo, ReferenceBackend(), Key(2), SWEEPS)


def polynomial_of(point: CostPoint) -> float:
    (sweep,) = [sweep for sweep in SWEEPS if sweep.variable == point.variable]
    if point.quantity == "feedback_operations":
        return OPERATIONS[point.subject](*sweep.sizes(point.at))
    return 4 * MATRICES[point.subject](*sweep.sizes(point.at))


def test_counts_and_closed_forms_are_the_papers_polynomials(points: list[CostPoint]) -> None:
    assert {point.source for point in points} == {"counted", "closed form"}
    for point in points:
        assert point.value == polynomial_of(point), point


def local_slopes(subject: str, sweep: Sweep, table: dict[str, Polynomial]) -> list[float]:
    """Slopes of the polynomial's logarithm between neighbouring sizes of the larger half."""
    sizes = sweep.values[len(sweep.values) // 2 :]
    values = [table[subject](*sweep.sizes(at)) for at in sizes]
    return list(np.diff(np.log(values)) / np.diff(np.log(sizes)))


def test_fitted_exponents_lie_between_the_polynomials_own_slopes(points: list[CostPoint]) -> None:
    fitted = exponent_points(points)
    assert {point.quantity for point in fitted} == {
        "feedback_operations_exponent", "feedback_weight_bytes_exponent",
    }  # fmt: skip
    for point in fitted:
        (sweep,) = [sweep for sweep in SWEEPS if sweep.variable == point.variable]
        table = OPERATIONS if point.quantity == "feedback_operations_exponent" else MATRICES
        slopes = local_slopes(point.subject, sweep, table)
        assert min(slopes) - 1e-9 <= point.value <= max(slopes) + 1e-9


@pytest.mark.parametrize(
    ("subject", "variable", "leading"),
    [
        ("spatial_bp", "n", 2), ("dfa", "n", 1), ("opzo", "n", 1),
        ("spatial_bp", "m", 1), ("dfa", "m", 1), ("opzo", "m", 1),
        ("spatial_bp", "N", 1), ("dfa", "N", 1), ("opzo", "N", 1),
    ],
)  # fmt: skip
def test_exponents_are_near_those_of_the_leading_term(
    points: list[CostPoint], subject: str, variable: str, leading: int
) -> None:
    wanted = (subject, variable, "feedback_operations_exponent")
    (found,) = [p for p in exponent_points(points) if (p.subject, p.variable, p.quantity) == wanted]
    assert found.value == pytest.approx(leading, abs=0.05)
    if subject != "spatial_bp":
        assert found.value == pytest.approx(leading, abs=1e-9)


def test_what_is_always_zero_has_no_exponent(points: list[CostPoint]) -> None:
    subjects = {point.subject for point in exponent_points(points)}
    assert "zo_single_point" not in subjects
    assert math.isnan(fitted_exponent([1, 2, 4], [0, 0, 0]))


def test_times_are_ratios_to_the_first_with_an_interval() -> None:
    zoo = {name: make_estimator(name) for name in ("spatial_bp", "dfa")}
    sweep = Sweep("n", (4, 8))
    points = time_points(zoo, ReferenceBackend(), Key(2), rounds=6, sweep=sweep)
    assert [(point.subject, point.at) for point in points] == [("dfa", 4), ("dfa", 8)]
    for point in points:
        assert 0 < point.low <= point.value <= point.high < math.inf
        assert point.family.endswith("over spatial_bp")
