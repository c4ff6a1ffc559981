"""The reference's forward pass and its derivatives through time, block by block."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.layers import Linear, Spiking
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Reset
from gradassay.core.noise import Noise, Position
from gradassay.core.params import Params
from gradassay.core.trace import Recorded
from gradassay.reference_snn import ReferenceBackend, bptt_gradient
from gradassay.reference_snn.loss import losses_and_errors
from gradassay.reference_snn.neuron import surrogate_derivative
from tests.reference_snn.problems import (
    SAMPLES,
    chain,
    every_kind,
    random_batch,
    random_noise,
    random_params,
    smooth,
)

BACKEND = ReferenceBackend()
RESETS: tuple[Reset, ...] = ("soft", "hard", "none")


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


# ---- through time ----------------------------------------------------------------
SEEN: frozenset[Recorded] = frozenset({"membrane", "spikes", "derivative", "activity"})
both_paths = pytest.mark.parametrize("reset_gradient", [True, False])


@both_paths
@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("reset", RESETS)
def test_going_back_inside_one_layer_gives_the_gradient_through_time(
    reset: Reset, steps: int, reset_gradient: bool
) -> None:
    network = chain(reset).replace(steps=steps)
    params, batch = random_params(network), random_batch(network)
    trace = BACKEND.forward(network, params, batch, record=SEEN)
    expected = bptt_gradient(network, params, batch, reset_gradient=reset_gradient)
    signal = trace.errors @ params["readout.weight"]
    for number in (2, 1):
        delta = BACKEND.membrane_gradient(
            network.neuron, f"lif{number}", trace, signal, reset_gradient=reset_gradient
        )
        layer = network.layer(f"hidden{number}")
        assert isinstance(layer, Linear)
        found = BACKEND.weight_gradient(layer, params, delta, trace.activity[layer.name])
        for name, array in found.items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-11, atol=1e-14)
        signal = delta @ params[f"hidden{number}.weight"]


@pytest.mark.parametrize("reset", RESETS)
def test_the_tangent_of_a_smooth_neuron_is_its_finite_difference(reset: Reset) -> None:
    layers = (Linear("hidden1", 3, 3, bias=False), Spiking("lif1", 3), Linear("readout", 3, 2))
    network = Network(layers, smooth(reset), 5)
    params = Params(
        {"hidden1.weight": np.eye(3), "readout.weight": np.ones((2, 3)), "readout.bias": np.ones(2)}
    )
    batch = random_batch(network, sequence=True)
    currents, step = normal(5, SAMPLES, 3), 1e-6

    def membrane(size: float) -> np.ndarray:
        moved = Batch(batch.inputs + size * currents, batch.targets)
        trace = BACKEND.forward(network, params, moved, record=frozenset({"membrane"}))
        return np.asarray(trace.membrane["lif1"])

    trace = BACKEND.forward(network, params, batch, record=SEEN)
    found = BACKEND.membrane_tangent(network.neuron, "lif1", trace, currents, reset_gradient=True)
    slope = (membrane(step) - membrane(-step)) / (2 * step)
    np.testing.assert_allclose(found, slope, rtol=1e-7, atol=1e-9)


@both_paths
@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("reset", RESETS)
def test_the_tangent_is_the_transpose_of_the_gradient(
    reset: Reset, steps: int, reset_gradient: bool
) -> None:
    network = chain(reset).replace(steps=steps)
    trace = BACKEND.forward(network, random_params(network), random_batch(network), record=SEEN)
    shape = trace.membrane["lif1"].shape
    signal, currents = normal(*shape, seed=1), normal(*shape, seed=2)
    kept = {"reset_gradient": reset_gradient}
    gradient = BACKEND.membrane_gradient(network.neuron, "lif1", trace, signal, **kept)
    tangent = BACKEND.membrane_tangent(network.neuron, "lif1", trace, currents, **kept)
    left = float((gradient * currents).sum())
    right = float((trace.derivative["lif1"] * signal * tangent).sum())
    assert left == pytest.approx(right, rel=1e-12)


# ---- the forward pass ------------------------------------------------------------
ALL: tuple[Recorded, ...] = get_args(Recorded)


@pytest.mark.parametrize("position", ["spike", "membrane"])
def test_what_noise_does_to_a_population_and_to_what_the_next_layer_receives(
    position: Position,
) -> None:
    network = chain()
    params, batch = random_params(network), random_batch(network)
    noise = random_noise(network, position)
    trace = BACKEND.forward(network, params, batch, noise=noise, record=frozenset(ALL))
    neuron = network.neuron
    for number in (1, 2):
        name = f"lif{number}"
        injected = 0.2 * noise.values[name]
        on_membrane = position == "membrane"
        u, s = trace.membrane[name], trace.spikes[name]
        seen = u + injected if on_membrane else u
        np.testing.assert_allclose(s, 1 / (1 + np.exp(-2.0 * (seen - 0.8))), rtol=1e-13)
        np.testing.assert_array_equal(trace.derivative[name], surrogate_derivative(neuron, seen))
        np.testing.assert_array_equal(trace.received[name], s if on_membrane else s + injected)
        below = batch.inputs if number == 1 else trace.received["lif1"]
        current = below @ params[f"hidden{number}.weight"].T + params[f"hidden{number}.bias"]
        rest = np.zeros_like(u[0])
        for t in range(network.steps):
            now = current if number == 1 else current[t]
            np.testing.assert_allclose(u[t], 0.75 * rest + now, rtol=1e-12, atol=1e-14)
            rest = u[t] - 0.8 * s[t]
    outputs = trace.received["lif2"] @ params["readout.weight"].T + params["readout.bias"]
    np.testing.assert_allclose(trace.outputs, outputs, rtol=1e-12)


def test_a_layer_that_noise_leaves_out_receives_none() -> None:
    network = chain()
    values = random_noise(network).values
    noise = Noise(0.2, {"lif2": values["lif2"]})
    trace = BACKEND.forward(
        network, random_params(network), random_batch(network), noise=noise, record=frozenset(ALL)
    )
    np.testing.assert_array_equal(trace.received["lif1"], trace.spikes["lif1"])
    assert (trace.received["lif2"] != trace.spikes["lif2"]).all()


def leaky(values: np.ndarray) -> np.ndarray:
    trace = np.array(values, dtype=float)
    for t in range(1, len(trace)):
        trace[t] += 0.75 * trace[t - 1]
    return trace


def test_traces_are_leaky_sums_of_the_clean_or_the_received_input() -> None:
    network = every_kind()
    noise = random_noise(network)
    trace = BACKEND.forward(
        network, random_params(network), random_batch(network), noise=noise, record=frozenset(ALL)
    )
    ones = np.ones(network.steps)
    with_memory = {"conv", "dense", "gain", "skip"}
    for prefix in ("", "received_"):
        activity = getattr(trace, f"{prefix}activity")
        eligibility = getattr(trace, f"{prefix}eligibility")
        assert list(activity) == list(eligibility) == [x.name for x in network.weighted]
        for name, now in activity.items():
            remembers = name in with_memory
            expected = leaky(now.values) if remembers else now.values
            np.testing.assert_allclose(eligibility[name].values, expected, rtol=1e-13)
            bias = leaky(ones) if remembers else ones
            assert eligibility[name].bias.tolist() == bias.tolist()
            assert now.bias.tolist() == ones.tolist()
    np.testing.assert_array_equal(trace.activity["skip"].values, trace.spikes["lif1"])
    np.testing.assert_array_equal(trace.received_activity["skip"].values, trace.received["lif1"])
    # what a layer receives behind another with weights is clean for it
    clean, received = trace.activity["gain"].values, trace.received_activity["gain"].values
    np.testing.assert_array_equal(clean, received)
    assert (trace.activity["dense"].values != trace.received_activity["dense"].values).any()


@pytest.mark.parametrize("lengths", [(1, 3), (2, 2)])
def test_received_traces_and_bias_traces_go_on_from_block_to_block(
    lengths: tuple[int, ...],
) -> None:
    network = chain()
    params, batch, noise = random_params(network), random_batch(network), random_noise(network)
    record = frozenset(ALL)
    whole = BACKEND.forward(network, params, batch, noise=noise, record=record)
    start, carry = 0, None
    for length in lengths:
        there = slice(start, start + length)
        part = BACKEND.forward(
            network,
            params,
            batch,
            noise=noise.map(lambda z, there=there: z[there]),  # type: ignore[misc]
            record=record,
            carry=carry,
            steps=length,
        )
        for kind in ("eligibility", "received_eligibility", "received_activity"):
            for name, expected in getattr(whole, kind).items():
                found = getattr(part, kind)[name]
                np.testing.assert_array_equal(found.values, expected.values[there])
                np.testing.assert_array_equal(found.bias, expected.bias[there])
        start, carry = start + length, part.carry


@pytest.mark.parametrize("order", [ALL, ALL[::-1]])
def test_each_kind_that_is_asked_for_is_kept_and_no_other(order: tuple[Recorded, ...]) -> None:
    network = chain()
    params, batch = random_params(network), random_batch(network)
    kept = BACKEND.forward(network, params, batch, record=dict.fromkeys(order).keys())
    assert all(getattr(kept, kind) for kind in ALL)
    plain = BACKEND.forward(network, params, batch)
    assert not any(getattr(plain, kind) for kind in ALL)


@pytest.mark.parametrize("loss", [Loss(0.3), Loss(0.3, "sequence")])
def test_a_trace_holds_outputs_and_the_losses_and_errors_of_them(loss: Loss) -> None:
    network = chain(loss=loss)
    params, batch = random_params(network), random_batch(network, sequence=True)
    trace = BACKEND.forward(network, params, batch)
    assert trace.outputs.shape == (4, SAMPLES, 3)
    losses, errors = losses_and_errors(loss, trace.outputs, batch.targets, 4)
    again = BACKEND.loss(network, trace.outputs, batch.targets)
    for found in ((trace.losses, trace.errors), again):
        np.testing.assert_array_equal(found[0], losses)
        np.testing.assert_array_equal(found[1], errors)
