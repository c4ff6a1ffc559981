"""Measured rows against every draw taken alone, each from the stream that is named for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gradassay.core.arrays import Array
from gradassay.core.builders import fully_connected
from gradassay.core.errors import DataError
from gradassay.core.estimator import Estimate, Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.core.params import initial_params
from gradassay.core.records import Interval, Measurement
from gradassay.estimators import make_estimator
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.reference_snn import ReferenceBackend, bptt_gradient, online_gradient
from gradassay.torch_snn import TorchBackend
from gradassay.verify.measuring import draws as draws_module
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.draws import BlockAccumulator, chunk_size
from gradassay.verify.measuring.measurement import measure
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.measuring.smoothing import smoothed_loss_means
from gradassay.verify.statistics.intervals import (
    between_interval,
    mean_interval,
    squared_norm_interval,
)
from gradassay.verify.statistics.moments import Float

BACKEND = ReferenceBackend()
LAYERS = ("hidden1", "hidden2", "readout")
SEED, LEVEL = 3, 0.9
DESIGN = Design(blocks=4, batches=3, draws=2, batch_size=2, warmup=2)


def build(network: Network, inputs: Float) -> Problem:
    params = initial_params(network, Key(1), gain=2.0)
    return Problem.build("tiny", BACKEND, network, params, inputs, np.arange(len(inputs)) % 3)


NETWORK = fully_connected(3, (4, 3), 3, steps=2)
INPUTS = Key(1).generator().random((6, 3)) * 2 * (1, 1, 0)  # the last input is always 0
PROBLEM = build(NETWORK, INPUTS)


def vectors(gradient: Any) -> dict[str, Float]:
    """Each layer's gradient as a vector, and all of them as one."""
    found = {
        layer: np.concatenate(
            [np.ravel(gradient[f"{layer}.weight"]), np.ravel(gradient[f"{layer}.bias"])]
        )
        for layer in LAYERS
    }
    return {**found, "total": np.concatenate(list(found.values()))}


def draws_one_by_one(estimator: Estimator, design: Design, key: Key) -> Iterator[dict[str, Float]]:
    """Yield every draw in the order of blocks, mini-batches and draws."""
    model = (BACKEND, NETWORK, PROBLEM.params)
    for block in range(design.blocks):
        state = estimator.init(BACKEND, NETWORK, key / "state" / block)
        own = range(block, block + 1)
        for step in range(design.warmup):
            here = key / "warmup" / step
            chosen = PROBLEM.draw_indices(design.batch_size, here / "batch" / block)
            state = estimator.advance(*model, PROBLEM.batch([chosen]), state, here, replicates=own)
        for number in range(design.batches):
            chosen = PROBLEM.draw_indices(design.batch_size, key / "batch" / block / number)
            for draw in range(design.draws):
                place = (block * design.batches + number) * design.draws + draw
                estimate = estimator.estimate(
                    *model,
                    PROBLEM.batch([chosen]),
                    state,
                    key / "draw",
                    replicates=range(place, place + 1),
                )
                yield vectors(estimate.gradient)


SURROGATE = vectors(online_gradient(NETWORK, PROBLEM.params, PROBLEM.batch([np.arange(6)])))
THROUGH_TIME = vectors(
    bptt_gradient(NETWORK, PROBLEM.params, PROBLEM.batch([np.arange(6)]), reset_gradient=False)
)


def cosine(one: Float, two: Float) -> float:
    scale = float(np.linalg.norm(one) * np.linalg.norm(two))
    return float(one @ two) / scale if scale > 0 else 0.0


def agreement(one: Float, two: Float) -> float:
    """Fraction of right signs, a 0 of the first counting as half and one of the second not."""
    some = two != 0
    right = (np.sign(one) == np.sign(two)) + 0.5 * (one == 0)
    return float(right[some].mean())


def expected_rows(
    estimator: Estimator, design: Design, key: Key, stateless: bool
) -> dict[tuple[str, str, str], Interval]:
    shape = (design.blocks, design.batches, design.draws)
    every = list(draws_one_by_one(estimator, design, key))
    rows: dict[tuple[str, str, str], Interval] = {}
    for layer in (*LAYERS, "total"):
        g, draws = SURROGATE[layer], np.array([one[layer] for one in every])
        by_draw = draws.reshape(*shape, -1)
        means = by_draw.mean(axis=(1, 2))
        gram = (means - g) @ (means - g).T
        noise = by_draw.var(axis=2, ddof=min(design.draws - 1, 1)).sum(axis=-1).mean(axis=1)
        between = by_draw.mean(axis=2).var(axis=1, ddof=1).sum(axis=-1)
        batch, of_mean = between - noise / design.draws, between / design.batches
        errors = ((draws - g) ** 2).sum(axis=-1).reshape(design.blocks, -1).mean(axis=1)
        within = noise + batch
        through_time = means - THROUGH_TIME[layer]
        state, variance = Interval.exact(0.0), mean_interval(within, LEVEL, positive=True)
        if not stateless:
            state = between_interval(gram, of_mean, LEVEL)
            variance = between_interval(gram, of_mean - within, LEVEL)
        squares = {
            ("squared_bias", "surrogate_bp"): squared_norm_interval(gram, LEVEL),
            ("squared_bias", "bptt"): squared_norm_interval(through_time @ through_time.T, LEVEL),
            ("noise_variance", ""): mean_interval(noise, LEVEL, positive=True),
            ("batch_variance", ""): mean_interval(batch, LEVEL),
            ("state_variance", ""): state,
            ("total_variance", ""): variance,
            ("mean_squared_error", "surrogate_bp"): mean_interval(errors, LEVEL, positive=True),
        }
        unit = float((g**2).sum())
        for (quantity, oracle), one in squares.items():
            rows[layer, quantity, oracle] = Interval(
                one.value / unit, one.low / unit, one.high / unit, one.level
            )
        for quantity, values in (
            ("cosine", [cosine(one, g) for one in draws]),
            ("sign_agreement", [agreement(one, g) for one in draws]),
        ):
            of_blocks = np.array(values).reshape(design.blocks, -1).mean(axis=1)
            rows[layer, quantity, "surrogate_bp"] = mean_interval(of_blocks, LEVEL)
        zeros = float((g == 0).mean())
        rows[layer, "zero_coordinates", "surrogate_bp"] = Interval.exact(zeros)
        norm = float(np.linalg.norm(g))
        rows[layer, "gradient_norm", "surrogate_bp"] = Interval.exact(norm)
    return rows


@pytest.mark.parametrize(
    ("name", "design"),
    [
        ("opzo", DESIGN),
        ("opzo", dataclasses.replace(DESIGN, warmup=0)),  # nothing is sent to hidden layers
        ("zo_single_point", dataclasses.replace(DESIGN, draws=3)),
        ("spatial_bp", dataclasses.replace(DESIGN, draws=1)),
    ],
)
@pytest.mark.parametrize("largest", [256, 5, 1])
def test_rows_are_those_of_the_draws_taken_one_by_one(
    name: str, design: Design, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws_module, "LARGEST_CHUNK", largest)
    estimator = make_estimator(name)
    found = measure({"it": estimator}, PROBLEM, {"it": design}, seed=SEED, level=LEVEL)
    key = Key(SEED) / "measure" / "it"
    expected = expected_rows(estimator, design, key, stateless=name != "opzo")
    rows = {(row.layer, row.quantity, row.oracle): row for row in found}
    assert {key for key in rows if key[2] != "mean_jacobian"} == set(expected)
    for place, interval in expected.items():
        row = rows[place]
        ends = (row.value, row.low, row.high, row.level)
        wanted = (interval.value, interval.low, interval.high, interval.level)
        assert ends == pytest.approx(wanted, rel=1e-6, abs=1e-9), place
        shared = (row.subject, row.problem, row.replicates, row.seed, row.unit)
        assert shared == ("it", "tiny", design.replicates, SEED, "1")


def quantities(rows: list[Measurement], layer: str) -> list[tuple[str, str]]:
    return [(row.quantity, row.oracle) for row in rows if row.layer == layer]


def test_rows_come_layer_by_layer_and_each_block_is_told() -> None:
    told: list[str] = []
    estimators = {"a": make_estimator("dfa"), "b": make_estimator("spatial_bp")}
    designs = {"a": DESIGN, "b": dataclasses.replace(DESIGN, draws=1)}
    rows = measure(
        estimators,
        PROBLEM,
        designs,
        seed=SEED,
        smoothing=NoiseModel(0.25),
        further=False,
        on_block=told.append,
    )
    assert told == ["a"] * 4 + ["b"] * 4
    assert list(dict.fromkeys((row.subject, row.layer) for row in rows)) == [
        (subject, layer) for subject in "ab" for layer in (*LAYERS, "total")
    ]
    assert quantities([row for row in rows if row.subject == "a"], "total") == [
        ("squared_bias", "surrogate_bp"),
        ("squared_bias", "smoothed_loss"),
        ("noise_variance", ""),
        ("batch_variance", ""),
        ("state_variance", ""),
        ("total_variance", ""),
        ("mean_squared_error", "surrogate_bp"),
        ("cosine", "surrogate_bp"),
        ("sign_agreement", "surrogate_bp"),
        ("zero_coordinates", "surrogate_bp"),
        ("gradient_norm", "surrogate_bp"),
    ]
    assert {row.level for row in rows if row.low < row.high} == {0.95}


def test_a_layer_without_gradient_has_no_unit_for_its_squares() -> None:
    silent = dataclasses.replace(PROBLEM, params=PROBLEM.params.zeros_like())
    design = dataclasses.replace(DESIGN, draws=1)
    rows = measure({"bp": SpatialBP()}, silent, {"bp": design}, seed=0, further=False)
    found = {(row.layer, row.quantity): row.value for row in rows}
    assert np.isnan(found["hidden1", "squared_bias"])
    assert np.isnan(found["hidden1", "sign_agreement"])
    assert found["hidden1", "cosine"] == 0
    assert found["hidden1", "gradient_norm"] == 0
    assert found["hidden1", "zero_coordinates"] == 1
    assert np.isfinite(found["total", "squared_bias"])


def smoothed_one_by_one(
    key: Key, design: Design, model: NoiseModel, dtype: type[np.floating[Any]] = np.float64
) -> dict[str, Float]:
    """Return the mean over z and -z, mini-batch by mini-batch, (K, p) a layer."""
    estimator = make_estimator("zo_single_point", alpha=model.scale, law=model.law)
    found = []
    for number in range(design.blocks * design.batches):
        own = range(number, number + 1)
        chosen = PROBLEM.draw_indices(design.batch_size, key / "batch" / number)
        drawn = draw_noise(model, NETWORK, design.batch_size, key / "noise", own, dtype)
        for sign in (1, -1):
            noise = Noise(model.scale, {name: sign * z for name, z in drawn.values.items()})
            arguments: tuple[Any, ...] = (
                BACKEND,
                NETWORK,
                PROBLEM.params,
                PROBLEM.batch([chosen]),
                {},
                key,
            )
            found.append(vectors(estimator.estimate(*arguments, noise=noise).gradient))
    return {
        layer: np.array([one[layer] for one in found])
        .reshape(design.blocks, 2 * design.batches, -1)
        .mean(axis=1)
        for layer in LAYERS
    }


@pytest.mark.parametrize("largest", [256, 2])
@pytest.mark.parametrize("law", ["gaussian", "rademacher"])
def test_smoothed_loss_is_the_mean_over_opposite_noise_on_each_mini_batch(
    law: Any, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws_module, "LARGEST_CHUNK", largest)
    model, key = NoiseModel(0.25, law), Key(9)
    found = list(smoothed_loss_means(PROBLEM, model, DESIGN, key))
    expected = smoothed_one_by_one(key, DESIGN, model)
    assert len(found) == DESIGN.blocks
    for layer in LAYERS:
        means = np.array([one[layer] for one in found])
        assert means.dtype == np.float64
        np.testing.assert_allclose(means, expected[layer], rtol=1e-10, atol=1e-13)


def test_smoothed_loss_draws_its_noise_in_the_backends_precision() -> None:
    model, key, torch32 = NoiseModel(0.25), Key(9), TorchBackend("float32")
    single = Problem.build(
        "tiny", torch32, NETWORK, PROBLEM.params, np.asarray(PROBLEM.inputs), np.arange(6) % 3
    )
    expected = smoothed_one_by_one(key, DESIGN, model, np.float32)
    for block, found in enumerate(smoothed_loss_means(single, model, DESIGN, key)):
        for layer in LAYERS:
            assert found[layer].dtype == np.float64
            np.testing.assert_allclose(found[layer], expected[layer][block], rtol=1e-3, atol=1e-4)


def test_squared_bias_of_the_smoothed_loss_is_that_of_the_difference_of_block_means() -> None:
    model, estimator = NoiseModel(0.25), make_estimator("zo_single_point")
    rows = measure(
        {"zo": estimator}, PROBLEM, {"zo": DESIGN}, seed=SEED, level=LEVEL, smoothing=model
    )
    smoothed = smoothed_one_by_one(Key(SEED) / "smoothed", DESIGN, model)
    draws = list(draws_one_by_one(estimator, DESIGN, Key(SEED) / "measure" / "zo"))
    grams = {}
    for layer in LAYERS:
        means = np.array([one[layer] for one in draws]).reshape(DESIGN.blocks, 6, -1).mean(axis=1)
        apart = means - smoothed[layer]
        grams[layer] = apart @ apart.T
    grams["total"] = np.sum(list(grams.values()), axis=0)
    for layer, gram in grams.items():
        unit = float((SURROGATE[layer] ** 2).sum())
        (row,) = [r for r in rows if (r.layer, r.oracle) == (layer, "smoothed_loss")]
        one = squared_norm_interval(gram, LEVEL)
        expected = (one.value / unit, one.low / unit, one.high / unit)
        assert (row.value, row.low, row.high) == pytest.approx(expected, rel=1e-6)


class Watched:
    """An estimator that notes the replicates of each call, or returns what is malformed."""

    def __init__(self, inner: Estimator, malformed: bool = False) -> None:
        self.inner, self.malformed = inner, malformed
        self.asked: list[range] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def estimate(self, *arguments: Any, replicates: range) -> Estimate:
        self.asked.append(replicates)
        found = self.inner.estimate(*arguments, replicates=replicates)
        if self.malformed:
            gradient = found.gradient.map(lambda array: array[:1])
            return Estimate(gradient, found.state, found.trace)
        return found


@pytest.mark.parametrize(
    ("largest", "lengths"),
    [
        (256, [15]),
        (12, [10, 5]),  # two mini-batches of five draws, then one
        (4, [4, 1] * 3),  # four draws of one mini-batch, then its last
        (1, [1] * 15),
    ],
)
def test_replicates_are_computed_in_order_in_chunks_that_depend_on_the_network(
    largest: int, lengths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws_module, "LARGEST_CHUNK", largest)
    watched: Any = Watched(make_estimator("zo_single_point"))
    design = dataclasses.replace(DESIGN, draws=5)
    measure({"zo": watched}, PROBLEM, {"zo": design}, seed=0, further=False)
    assert [len(one) for one in watched.asked] == lengths * 4
    assert [number for one in watched.asked for number in one] == list(range(60))


def test_a_chunk_holds_as_many_gradients_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = 4 * 3 + 4 + 3 * 4 + 3 + 3 * 3 + 3
    assert chunk_size(NETWORK) == 256
    for numbers, chunk in ((7 * entries, 7), (7 * entries - 1, 6), (entries - 1, 1)):
        monkeypatch.setattr(draws_module, "CHUNK_ENTRIES", numbers)
        assert chunk_size(NETWORK) == chunk


def test_a_malformed_estimate_is_refused() -> None:
    watched: Any = Watched(make_estimator("zo_single_point"), malformed=True)
    with pytest.raises(
        DataError,
        match=r"Watched: estimate returned a gradient of hidden1\.weight of shape \(1, 4, 3\);"
        r" expected \(6, 4, 3\)",
    ):
        measure({"zo": watched}, PROBLEM, {"zo": DESIGN}, seed=0)


def test_a_block_without_draws_has_no_summary() -> None:
    accumulator = BlockAccumulator(DESIGN)
    accumulator.layers["hidden1"] = draws_module.LayerTotals()
    with pytest.raises(ValueError, match="no draws of layer hidden1"):
        accumulator.summary("hidden1")


def test_feedback_that_does_not_learn_is_not_warmed_up() -> None:
    advanced: list[Key] = []

    class Counted(Watched):
        def advance(self, *arguments: Any, **options: Any) -> dict[str, Array]:
            advanced.append(arguments[-1])
            return self.inner.advance(*arguments, **options)  # type: ignore[return-value]

    for name, calls in (("dfa", 1), ("dkp", 5), ("spatial_bp", 0)):
        advanced.clear()
        counted: Any = Counted(make_estimator(name))
        design = dataclasses.replace(DESIGN, warmup=5)
        measure({name: counted}, PROBLEM, {name: design}, seed=0, further=False)
        assert len(advanced) == calls
