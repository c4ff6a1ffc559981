"""Feedback that is a running average, by its age: measured beside its closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from gradassay.core.builders import fully_connected
from gradassay.core.curves import ScalingRow
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.variance.age import ages, feedback_by_age
from gradassay.verify.variance.closed_age import closed_age

# of each interval: fewer than 40 here, so that the file fails by chance less than once in 250
LEVEL = 0.9999


def by_quantity(rows: list[ScalingRow]) -> dict[tuple[str, float, str], ScalingRow]:
    return {(row.layer, row.at, row.quantity): row for row in rows}


def problem(hidden: tuple[int, ...] = (6, 5)) -> Problem:
    network = fully_connected(4, hidden, 3, steps=2)
    generator = Key(1).generator()
    return Problem.build(
        "small",
        ReferenceBackend(),
        network,
        initial_params(network, Key(1), gain=2.0),
        generator.random((12, 4)) * 2,
        np.arange(12) % 3,
    )


@pytest.mark.parametrize(
    "options",
    [
        {"momentum": 0.9},
        {"momentum": 0.8, "pairing": "none", "law": "rademacher"},
        {"momentum": 0.8, "inverse_alpha": False},
    ],
)
def test_on_the_law_problem_all_three_follow_their_closed_forms(options: dict[str, object]) -> None:
    estimator = make_estimator("opzo", **options)
    rows = closed_age("opzo", estimator, seed=2, states=200, level=LEVEL)
    found = by_quantity(rows)
    assert {row.at for row in rows} >= {1.0, 4.0, 16.0}
    for (layer, at, quantity), row in found.items():
        if quantity in ("feedback_mean", "feedback_signal_to_noise"):
            law = found[layer, at, f"predicted_{quantity}"].value
            assert row.low <= law <= row.high, row
    for at in (1.0, 16.0):
        cosine = found["lif1", at, "feedback_cosine"]
        law = found["lif1", at, "predicted_feedback_cosine"].value
        # the mean of a cosine and the cosine of means are an order of 1 / (n m) apart
        assert cosine.low - 1 / 96 <= law <= cosine.high + 1 / 96


def test_signal_to_noise_and_cosine_grow_with_age_to_a_limit() -> None:
    rows = closed_age("opzo", make_estimator("opzo", momentum=0.9), seed=2, states=16, level=LEVEL)
    found = by_quantity(rows)
    cosines = [found["lif1", k, "predicted_feedback_cosine"].value for k in (1.0, 2.0, 8.0, 32.0)]
    assert all(low < high for low, high in itertools.pairwise(cosines))
    one, late = (found["lif1", k, "predicted_feedback_mean"].value for k in (1.0, 32.0))
    assert one == pytest.approx(0.1)
    assert late == pytest.approx(1 - 0.9**32)


def test_every_layer_of_a_network_and_any_learnt_feedback_is_looked_at() -> None:
    for name, layers in (("opzo", {"lif1", "lif2"}), ("dkp", {"lif1", "lif2"})):
        rows = feedback_by_age(
            name, make_estimator(name), problem(), seed=0, states=4, batch_size=3, level=LEVEL
        )
        assert {row.layer for row in rows} == layers
        assert all(math.isfinite(row.value) for row in rows)
    predicted = {row.quantity for row in rows if row.quantity.startswith("predicted_")}
    assert predicted == set()  # of dkp, which claims no running average


def test_the_prediction_of_a_network_starts_where_the_measured_states_do() -> None:
    estimator = make_estimator("opzo", momentum=0.9, pairing="none")
    rows = feedback_by_age(
        "opzo", estimator, problem((5,)), seed=0, states=150, batch_size=4, level=LEVEL
    )
    found = by_quantity(rows)
    for at in (1.0, 8.0, 32.0):
        row = found["lif1", at, "feedback_mean"]
        law = found["lif1", at, "predicted_feedback_mean"]
        assert row.low <= law.value <= row.high


@pytest.mark.parametrize("name", ["dfa", "spatial_bp", "zo_single_point", "feedback_alignment"])
def test_feedback_that_is_not_direct_or_not_learnt_has_no_age(name: str) -> None:
    rows = feedback_by_age(
        name, make_estimator(name), problem(), seed=0, states=4, batch_size=3, level=LEVEL
    )
    assert rows == []
    assert closed_age(name, make_estimator(name), seed=0, states=4, level=LEVEL) == []


def test_ages_are_powers_of_two_up_to_four_memories() -> None:
    assert ages(0.0) == (1, 2, 4)
    assert ages(0.99) == (1, 2, 4, 8, 16, 32, 64, 128, 256)
    assert ages(0.99999)[-1] == 512
