"""One number at a time: points, designs, and exponents that must come out."""

from __future__ import annotations

import pytest

from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.variance.exponents import fitted_exponents
from gradassay.verify.variance.study import Sizes, Study, design_of
from gradassay.verify.variance.theory import NONE

BASE = Sizes(units=16, classes=4, samples=8, steps=2)


def build(sizes: Sizes, number: int) -> Problem:
    network = fully_connected(6, (sizes.units,), sizes.classes, steps=sizes.steps)
    inputs = Key(1).generator().random((400, 6)) * 2
    params = initial_params(network, Key(number), gain=2.0)
    targets = inputs[:, : sizes.classes].argmax(axis=1)
    return Problem.build("small", ReferenceBackend(), network, params, inputs, targets)


def study(*over: str, networks: int = 8) -> Study:
    return Study("small, B=8", build, BASE, over, networks, seed=4)


def test_numbers_that_a_method_does_not_have_are_left_out() -> None:
    everything = study("d", "m", "B", "T", "alpha", "lambda")
    assert {p.variable for p in everything.points(make_estimator("spatial_bp"))} == {
        "d",
        "m",
        "B",
        "T",
    }
    opzo = everything.points(make_estimator("opzo"))
    assert {p.variable for p in opzo} == {"d", "m", "B", "T", "alpha", "1-lambda"}
    assert [p.at for p in opzo if p.variable == "m"] == [2, 4]  # of four classes
    assert [p.at for p in opzo if p.variable == "alpha"] == [0.1, 0.2, 0.4, 0.8]
    assert [p.at for p in opzo if p.variable == "1-lambda"] == [0.5, 0.25, 0.125, 0.0625]


def test_feedback_is_as_old_as_its_memory_asks() -> None:
    assert design_of(make_estimator("opzo", momentum=0.9), 8, 2).warmup == 51
    assert design_of(make_estimator("opzo", momentum=0.9999), 8, 2).warmup == 200
    assert design_of(make_estimator("spatial_bp"), 8, 2).draws == 1
    assert design_of(make_estimator("zo_single_point"), 8, 2).draws == 2


def test_variance_over_batches_falls_as_one_over_their_size() -> None:
    """Fails by chance 1 time in 10,000; 4 to 32 of 400 without replacement make it -1.03."""
    one = study("B", networks=32)
    estimator = make_estimator("spatial_bp")
    rows = [row for point in one.points(estimator) for row in one.measured("bp", point)]
    found = {row.quantity: row for row in fitted_exponents(rows, lambda *_: NONE, 0.9999)}
    batch = found["batch_variance"]
    assert batch.low <= -1.03 <= batch.high
    assert batch.high - batch.low < 0.6
    assert "noise_variance" not in found  # exactly 0


def test_noise_of_a_single_point_grows_as_one_over_alpha_squared() -> None:
    """Fails by chance 1 time in 10,000 where the law is a power between -2.1 and -1.7."""
    one = study("alpha", networks=24)
    estimator = make_estimator("zo_single_point", alpha=0.05)
    rows = [row for point in one.points(estimator) for row in one.measured("zo", point)]
    found = {row.quantity: row for row in fitted_exponents(rows, lambda *_: NONE, 0.9999)}
    noise = found["noise_variance"]
    assert noise.low <= -1.7
    assert noise.high >= -2.1
    assert noise.high < -1


def test_the_same_study_gives_the_same_rows() -> None:
    one = study("B", networks=4)
    point = one.points(make_estimator("dfa"))[0]
    assert one.measured("dfa", point) == one.measured("dfa", point)


def test_what_cannot_be_studied_is_refused() -> None:
    with pytest.raises(UsageError, match="got 'delta'"):
        study("delta")
    with pytest.raises(ConfigurationError, match="got 3 networks"):
        study("d", networks=3)
