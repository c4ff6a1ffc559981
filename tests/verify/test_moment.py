"""What an estimator's draws are like at one moment of a training."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.params import Params, initial_params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.verify.measuring.moment import Found, Moment, look_at_estimator, look_at_network

NETWORK = network_named("fc-7-6", 5, 3, steps=3)
KEY = Key(4)


def moment(backend: ReferenceBackend | TorchBackend) -> Moment:
    generator = np.random.default_rng(1)
    inputs, targets = generator.random((10, 5)), generator.integers(0, 3, 10)
    params = initial_params(NETWORK, Key(2), gain=2.5).map(backend.asarray)
    return Moment(
        backend, NETWORK, params, Batch(backend.asarray(inputs), backend.asarray(targets))
    )


def state_of(name: str, here: Moment) -> State:
    return make_estimator(name).init(here.backend, NETWORK, Key(3))


def flat(gradient: Params) -> np.ndarray:
    return np.concatenate([np.ravel(np.asarray(array)) for array in gradient.values()])


def total(found: list[Found], quantity: str) -> Found:
    (one,) = [each for each in found if (each.layer, each.quantity) == ("total", quantity)]
    return one


def gradients(name: str, here: Moment, count: int) -> Iterator[np.ndarray]:
    state = state_of(name, here)
    model = (here.backend, here.network, here.params, here.batch, state)
    for number in range(count):
        yield flat(make_estimator(name).estimate(*model, Key(9) / number).gradient)


def many_draws(name: str, here: Moment, count: int) -> np.ndarray:
    """Return independent draws of the whole gradient, (count, p)."""
    model = (here.backend, here.network, here.params, here.batch, state_of(name, here))
    estimate = make_estimator(name).estimate(*model, Key(9), replicates=range(count))
    return np.concatenate(
        [np.asarray(array).reshape(count, -1) for array in estimate.gradient.values()], axis=1
    )


@pytest.mark.parametrize("name", ["dfa", "dkp", "sign_symmetric", "spatial_bp"])
def test_a_deterministic_method_is_looked_at_exactly(name: str) -> None:
    here = moment(ReferenceBackend())
    found = look_at_estimator(make_estimator(name), here, state_of(name, here), KEY, pairs=8)
    (g,), (estimate,) = gradients("spatial_bp", here, 1), gradients(name, here, 1)
    bias = total(found, "squared_bias")
    assert bias.interval.value == pytest.approx(np.sum((estimate - g) ** 2) / np.sum(g**2))
    assert bias.interval.low == bias.interval.high
    assert bias.replicates == 1
    assert total(found, "noise_variance").interval.value == 0
    cosine = estimate @ g / np.linalg.norm(estimate) / np.linalg.norm(g)
    assert total(found, "cosine").interval.value == pytest.approx(cosine)
    assert {one.layer for one in found} == {"hidden1", "hidden2", "readout", "total"}


@pytest.mark.parametrize("name", ["zo_two_point", "forward_gradient"])
def test_intervals_cover_what_many_draws_show(name: str) -> None:
    # 40 intervals at 0.95: 33 or fewer would cover with probability 1e-3 at their nominal level
    here = moment(TorchBackend("float64"))
    (g,) = gradients("spatial_bp", here, 1)
    draws = many_draws(name, here, 2500)
    mean = draws.mean(axis=0)
    spread = np.sum(draws.var(axis=0, ddof=1))
    truth = {
        "squared_bias": (np.sum((mean - g) ** 2) - spread / len(draws)) / np.sum(g**2),
        "noise_variance": spread / np.sum(g**2),
        "cosine": np.mean(draws @ g / np.linalg.norm(draws, axis=1) / np.linalg.norm(g)),
    }
    covered = dict.fromkeys(truth, 0)
    for run in range(40):
        found = look_at_estimator(make_estimator(name), here, {}, KEY / run, pairs=12)
        for quantity, value in truth.items():
            covered[quantity] += total(found, quantity).interval.covers(value)
    assert min(covered.values()) >= 33, covered


def test_the_network_is_looked_at_without_noise() -> None:
    here = moment(ReferenceBackend())
    found = look_at_network(here)
    (g,) = gradients("spatial_bp", here, 1)
    assert total(found, "gradient_norm").interval.value == pytest.approx(np.linalg.norm(g))
    trace = here.backend.forward(NETWORK, here.params, here.batch, record=frozenset({"spikes"}))
    rates = {one.layer: one.interval.value for one in found if one.quantity == "firing_rate"}
    assert rates == {layer: pytest.approx(np.mean(s)) for layer, s in trace.spikes.items()}
    silent = {one.layer: one.interval.value for one in found if one.quantity == "silent_neurons"}
    assert silent == {
        layer: pytest.approx(np.mean(np.sum(s, axis=(0, 1)) == 0))
        for layer, s in trace.spikes.items()
    }


def test_a_network_that_never_fires_is_said_to() -> None:
    here = moment(ReferenceBackend())
    still = Moment(here.backend, NETWORK, here.params.zeros_like(), here.batch)
    found = {(one.layer, one.quantity): one.interval.value for one in look_at_network(still)}
    assert found["lif1", "silent_neurons"] == 1
    assert found["lif1", "firing_rate"] == 0


def test_gradient_variance_is_that_over_noise_and_mini_batch() -> None:
    """Fails by chance 1 time in 10,000 an estimator."""
    here = moment(ReferenceBackend())
    size, pairs = 4, 400

    def pair(number: int) -> Batch:
        generator = np.random.default_rng((7, number))
        chosen = np.concatenate([generator.choice(10, size, replace=False) for _ in range(2)])
        return Batch(here.batch.inputs[chosen], here.batch.targets[chosen], 2)

    drawing = dataclasses.replace(here, draw_pair=pair)
    state = state_of("spatial_bp", here)
    found = look_at_estimator(make_estimator("spatial_bp"), drawing, state, KEY, pairs, 0.9999)
    (g,) = gradients("spatial_bp", here, 1)
    singles = [
        flat(make_estimator("spatial_bp").estimate(
            here.backend, NETWORK, here.params,
            Batch(here.batch.inputs[[i]], here.batch.targets[[i]]), {}, KEY,
        ).gradient)
        for i in range(10)
    ]  # fmt: skip
    spread = sum(float(np.sum((one - g) ** 2)) for one in singles) / 10
    exact = spread * (10 - size) / (10 - 1) / size / float(np.sum(g**2))
    row = total(found, "gradient_variance")
    assert row.interval.low <= exact <= row.interval.high
    assert row.interval.high - row.interval.low < 0.5 * exact
    assert row.replicates == 2 * pairs
    noisy = look_at_estimator(make_estimator("zo_single_point"), drawing, {}, KEY, 50)
    both, alone = total(noisy, "gradient_variance"), total(noisy, "noise_variance")
    assert both.interval.high > alone.interval.low


def test_signs_of_the_oracle_itself_agree() -> None:
    here = moment(ReferenceBackend())
    found = look_at_estimator(make_estimator("spatial_bp"), here, {}, KEY, pairs=8)
    assert total(found, "sign_agreement").interval.value == 1
