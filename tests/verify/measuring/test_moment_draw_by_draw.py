"""What is found at one moment, from each pair of draws by itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.params import Params, initial_params
from gradassay.core.records import Interval
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend, online_gradient
from gradassay.verify.measuring.feedback import feedback_of, look_at_feedback
from gradassay.verify.measuring.moment import Found, Moment, look_at_estimator, look_at_network
from gradassay.verify.statistics.intervals import mean_interval
from gradassay.verify.statistics.moments import Float

BACKEND = ReferenceBackend()
NETWORK = fully_connected(3, (4, 3), 3, steps=2)
INPUTS = Key(1).generator().random((6, 3)) * 2 * (1, 1, 0)  # the last input is always 0
TARGETS = np.array([0, 1, 2, 2, 1, 0])
PARAMS = initial_params(NETWORK, Key(1), gain=2.0)
MOMENT = Moment(BACKEND, NETWORK, PARAMS, Batch(INPUTS, TARGETS))
LAYERS = ("hidden1", "hidden2", "readout", "total")
KEY, PAIRS = Key(7), 5


def draw_pair(number: int) -> Batch:
    rows = Key(8).generator().permutation(6)[number % 3 :][:4]
    return Batch(INPUTS[rows], TARGETS[rows], 2)


def vectors(gradient: Any, place: Any = ...) -> dict[str, Float]:
    found = {
        layer: np.concatenate(
            [np.ravel(gradient[f"{layer}.{part}"][place]) for part in ("weight", "bias")]
        )
        for layer in LAYERS[:-1]
    }
    return {**found, "total": np.concatenate(list(found.values()))}


ORACLE = vectors(online_gradient(NETWORK, PARAMS, Batch(INPUTS, TARGETS)))


def cosine(one: Float, two: Float) -> float:
    scale = float(np.linalg.norm(one) * np.linalg.norm(two))
    return float(one @ two) / scale if scale > 0 else 0.0


def agreement(one: Float, two: Float) -> float:
    right = (np.sign(one) == np.sign(two)) + 0.5 * (one == 0)
    return float(right[two != 0].mean())


def pair(name: str, state: Any, batch: Batch, key: Key, number: int) -> list[dict[str, Float]]:
    """Two draws: of one batch, or of the two that are folded."""
    estimate = make_estimator(name).estimate(
        BACKEND,
        NETWORK,
        PARAMS,
        batch,
        state,
        key,
        replicates=range(2 * number, 2 * number + 2),
    )
    return [vectors(estimate.gradient, place) for place in range(2)]


def expected(name: str, state: Any, level: float) -> dict[tuple[str, str], Interval]:
    clean = [pair(name, state, MOMENT.batch, KEY, number) for number in range(PAIRS)]
    other = [
        pair(name, state, draw_pair(number), KEY / "batches", number) for number in range(PAIRS)
    ]
    rows = {}
    for layer, g in ORACLE.items():
        unit = float(g @ g)
        values = {
            "squared_bias": [(a[layer] - g) @ (b[layer] - g) / unit for a, b in clean],
            "noise_variance": [((a[layer] - b[layer]) ** 2).sum() / 2 / unit for a, b in clean],
            "cosine": [(cosine(a[layer], g) + cosine(b[layer], g)) / 2 for a, b in clean],
            "sign_agreement": [
                (agreement(a[layer], g) + agreement(b[layer], g)) / 2 for a, b in clean
            ],
            "gradient_variance": [((a[layer] - b[layer]) ** 2).sum() / 2 / unit for a, b in other],
        }
        for quantity, numbers in values.items():
            positive = quantity.endswith("variance")
            rows[layer, quantity] = mean_interval(np.array(numbers), level, positive=positive)
    return rows


@pytest.mark.parametrize("name", ["zo_two_point", "opzo"])
@pytest.mark.parametrize("level", [0.95, 0.8])
def test_an_estimator_is_looked_at_pair_by_pair(name: str, level: float) -> None:
    moment = dataclasses.replace(MOMENT, draw_pair=draw_pair)
    state = make_estimator(name).init(BACKEND, NETWORK, Key(3))
    options = {} if level == 0.95 else {"level": level}
    found = look_at_estimator(make_estimator(name), moment, state, KEY, PAIRS, **options)
    rows = {(one.layer, one.quantity): one for one in found}
    wanted = expected(name, state, level)
    assert set(rows) == set(wanted)
    assert len(found) == len(rows)
    for place, interval in wanted.items():
        ends = dataclasses.astuple(rows[place].interval)
        assert ends == pytest.approx(dataclasses.astuple(interval), rel=1e-7, abs=1e-12), place
        assert rows[place].replicates == 2 * PAIRS


def test_a_deterministic_estimator_is_drawn_once_but_for_its_mini_batches() -> None:
    moment = dataclasses.replace(MOMENT, draw_pair=draw_pair)
    found = look_at_estimator(make_estimator("spatial_bp"), moment, {}, KEY, PAIRS)
    rows = {(one.layer, one.quantity): one for one in found}
    for layer in LAYERS:
        for quantity, value in (
            ("squared_bias", 0),
            ("noise_variance", 0),
            ("cosine", 1),
            ("sign_agreement", 1),
        ):
            one = rows[layer, quantity]
            assert one.interval.value == pytest.approx(value, abs=1e-15)
            assert one.interval == Interval.exact(one.interval.value)
            assert one.replicates == 1
        assert rows[layer, "gradient_variance"].replicates == 2 * PAIRS
        assert rows[layer, "gradient_variance"].interval.level == 0.95


def test_a_moment_without_mini_batches_has_no_variance_over_them() -> None:
    found = look_at_estimator(make_estimator("zo_two_point"), MOMENT, {}, KEY, 4)
    assert {one.quantity for one in found} == {
        "squared_bias",
        "noise_variance",
        "cosine",
        "sign_agreement",
    }


def test_where_the_gradient_is_zero_nothing_is_relative_to_it() -> None:
    still = dataclasses.replace(MOMENT, params=PARAMS.zeros_like())
    found = look_at_estimator(make_estimator("spatial_bp"), still, {}, KEY, 4)
    rows = {(one.layer, one.quantity): one.interval.value for one in found}
    for quantity in ("squared_bias", "noise_variance", "sign_agreement"):
        assert np.isnan(rows["hidden1", quantity])
        assert np.isfinite(rows["total", quantity])
    assert rows["hidden1", "cosine"] == 0


def test_a_network_is_looked_at_exactly() -> None:
    record: Any = frozenset({"spikes"})
    spikes = BACKEND.forward(NETWORK, PARAMS, MOMENT.batch, record=record).spikes
    wanted = [
        *((layer, "gradient_norm", float(np.linalg.norm(g))) for layer, g in ORACLE.items()),
        *(
            row
            for layer, fired in spikes.items()
            for row in (
                (layer, "firing_rate", float(fired.mean())),
                (layer, "silent_neurons", float((fired.sum(axis=(0, 1)) == 0).mean())),
            )
        ),
    ]
    found = look_at_network(MOMENT)
    assert [(one.layer, one.quantity) for one in found] == [row[:2] for row in wanted]
    for one, (_, _, value) in zip(found, wanted, strict=True):
        assert one.interval.value == pytest.approx(value, rel=1e-12)
        assert one == Found(one.layer, one.quantity, Interval.exact(one.interval.value), 1)


def test_some_neurons_are_silent_and_some_are_not() -> None:
    moved = Params({**PARAMS, "hidden1.bias": np.array([5.0, -9.0, 5.0, -9.0])})
    moment = dataclasses.replace(MOMENT, params=moved)
    rows = {(one.layer, one.quantity): one.interval.value for one in look_at_network(moment)}
    assert rows["lif1", "silent_neurons"] == 0.5


def test_the_cosine_of_feedback_is_that_of_matrices_as_vectors() -> None:
    feedback = {"lif1": np.arange(12.0).reshape(4, 3), "lif2": np.zeros((3, 3))}
    found = look_at_feedback(feedback, MOMENT)
    jacobian = np.ravel(MOMENT.jacobians["lif1"])
    value = cosine(np.arange(12.0), jacobian)
    assert [(one.layer, one.quantity, one.replicates) for one in found] == [
        ("lif1", "feedback_cosine", 1)
    ]
    assert found[0].interval.value == pytest.approx(value, rel=1e-12)
    assert found[0].interval == Interval.exact(found[0].interval.value)


def test_only_matrices_of_a_layers_shape_and_name_are_its_feedback() -> None:
    right = np.ones((4, 3))
    state = {
        "updates": np.zeros(()),
        "readout/lif1": right,
        "local_learning/readout/lif1": right,
        "lif1/other": right,
        "lif2": np.ones((4, 3)),
        "first/lif1": right,
        "second/lif1": 2 * right,
        "opzo/lif2": np.ones((3, 3)),
    }
    found = feedback_of(state, NETWORK)
    assert list(found) == ["lif1", "lif2"]
    assert found["lif1"] is right
    assert found["lif2"] is state["opzo/lif2"]
