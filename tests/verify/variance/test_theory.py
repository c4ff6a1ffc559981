"""Exponents that theory has, by what a method draws and what its feedback learns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.params import Params, initial_params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.variance.age import feedback_by_age
from gradassay.verify.variance.theory import expected_exponent

VALUES = (0.5, 0.25, 0.125)
NOTHING = math.nan


@pytest.mark.parametrize(
    ("name", "options", "quantity", "exponents"),
    [
        # exponents over d, alpha, B, T, m
        ("zo_single_point", {}, "noise_variance", (1, -2, -1, -1, NOTHING)),
        ("zo_two_point", {}, "noise_variance", (1, 0, -1, -1, NOTHING)),
        ("spsa", {}, "noise_variance", (1, 0, NOTHING, NOTHING, NOTHING)),
        ("opzo", {"pairing": "none"}, "state_variance", (1, -2, -1, -1, NOTHING)),
        ("opzo", {"pairing": "time"}, "state_variance", (1, 0, -1, -1, NOTHING)),
        ("opzo", {}, "noise_variance", (NOTHING,) * 5),
        ("zo_single_point", {}, "state_variance", (NOTHING,) * 5),
        ("dfa", {}, "noise_variance", (NOTHING,) * 5),
        ("dfa", {}, "batch_variance", (NOTHING, NOTHING, -1, NOTHING, NOTHING)),
        ("dkp", {}, "batch_variance", (NOTHING,) * 5),
    ],
)
def test_each_method_has_the_exponents_of_its_law(
    name: str, options: dict[str, Any], quantity: str, exponents: tuple[float, ...]
) -> None:
    estimator = make_estimator(name, **options)
    found = {
        variable: expected_exponent(estimator, quantity, variable, VALUES)
        for variable in ("d", "alpha", "B", "T", "m")
    }
    np.testing.assert_array_equal([one.exponent for one in found.values()], exponents)
    for one in found.values():
        assert bool(one.source) == (not math.isnan(one.exponent))


def test_a_law_in_lambda_needs_more_than_one_value() -> None:
    opzo = make_estimator("opzo")
    assert math.isnan(expected_exponent(opzo, "state_variance", "1-lambda", [0.5]).exponent)
    near_one = expected_exponent(opzo, "state_variance", "1-lambda", [1e-5, 1e-6]).exponent
    assert near_one == pytest.approx(1, abs=1e-4)


def test_feedback_of_a_layer_that_nothing_depends_on_has_no_direction() -> None:
    network = fully_connected(4, (5, 6), 3, steps=2)
    params = dict(initial_params(network, Key(1), gain=2.0).items())

    def layers(**changed: np.ndarray) -> set[str]:
        problem = Problem.build(
            "small",
            ReferenceBackend(),
            network,
            Params(params | changed),
            Key(1).generator().random((12, 4)) * 2,
            np.arange(12) % 3,
        )
        estimator = make_estimator("opzo", momentum=0.5)
        rows = feedback_by_age("opzo", estimator, problem, seed=2, states=4, batch_size=4)
        return {row.layer for row in rows}

    (below, above) = (layer.name for layer in network.spiking)
    (between,) = (n for n in params if params[n].shape == (6, 5))
    assert layers() == {below, above}
    assert layers(**{between: np.zeros((6, 5))}) == {above}
