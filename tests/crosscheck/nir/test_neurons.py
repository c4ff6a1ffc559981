"""Neurons and delays against hand-written loops and closed forms."""

import dataclasses
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError
from gradassay.crosscheck.conventions import Conventions, simulate
from gradassay.crosscheck.nir.dialect import PRESETS, Dialect, find_dialect, with_variations
from gradassay.crosscheck.nir.neurons import DelayRun, NeuronRun
from gradassay.crosscheck.nir.nodes import Delay, Neuron

Float = NDArray[np.float64]
GENERATOR = np.random.default_rng(1)
N, STEPS = 5, 50
INPUT = GENERATOR.normal(1.0, 2.0, (STEPS, N))
TAU, R = GENERATOR.uniform(2, 9, N), GENERATOR.uniform(0.5, 2, N)
V_LEAK, V_RESET = GENERATOR.normal(0, 0.2, N), GENERATOR.normal(-0.1, 0.1, N)
THRESHOLD = GENERATOR.uniform(0.2, 0.6, N)
SPIKES = {"v_threshold": THRESHOLD, "v_reset": V_RESET}
LIF = Neuron("LIF", R, TAU, V_LEAK, **SPIKES)
DIALECT = Dialect("test", dt=1.0)


def run(neuron: Neuron, dialect: Dialect, inputs: Float = INPUT) -> tuple[Float, Float]:
    """Return what the neuron gives and its potential before the reset."""
    running = NeuronRun(neuron, dialect, inputs.shape[1:])
    pairs = [(running.step(x), running.membrane) for x in inputs]
    return np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])


def test_a_lif_neuron_is_forward_euler_of_its_equations() -> None:
    v, spikes = np.zeros(N), []
    for x in INPUT:
        v = v + (1 / TAU) * (V_LEAK - v + R * x)
        z = v > THRESHOLD
        v = np.where(z, V_RESET, v)
        spikes.append(z)
    given, _ = run(LIF, DIALECT)
    np.testing.assert_array_equal(given, spikes)
    assert 20 < given.sum() < given.size - 20


def test_a_cuba_lif_neuron_is_forward_euler_of_its_equations() -> None:
    tau_syn, w_in = GENERATOR.uniform(2, 5, N), GENERATOR.uniform(0.5, 2, N)
    neuron = Neuron("CubaLIF", R, TAU, V_LEAK, tau_syn=tau_syn, w_in=w_in, **SPIKES)
    v, current, spikes = np.zeros(N), np.zeros(N), []
    for x in INPUT:
        current = current + (0.5 / tau_syn) * (-current + w_in * x)
        v = v + (0.5 / TAU) * (V_LEAK - v + R * current)
        z = v > THRESHOLD
        v = np.where(z, V_RESET, v)
        spikes.append(z)
    given, _ = run(neuron, Dialect("test", dt=0.5))
    np.testing.assert_array_equal(given, spikes)
    assert 20 < given.sum() < given.size - 20


def test_a_cuba_li_neuron_is_a_cuba_lif_neuron_below_its_threshold() -> None:
    tau_syn, w_in = np.full(N, 3.0), np.full(N, 2.0)
    cuba = Neuron("CubaLI", R, TAU, V_LEAK, tau_syn=tau_syn, w_in=w_in)
    never = dataclasses.replace(cuba, v_threshold=np.full(N, 1e9), v_reset=np.zeros(N))
    given, membrane = run(cuba, DIALECT)
    np.testing.assert_array_equal(given, membrane)
    np.testing.assert_array_equal(given, run(never, DIALECT)[1])


def test_integrators_without_leak_sum_their_input() -> None:
    dialect = Dialect("test", dt=0.25)
    sums = np.cumsum(0.25 * R * INPUT, axis=0)
    np.testing.assert_allclose(run(Neuron("I", R), dialect)[0], sums, atol=1e-13)
    v, spikes = np.zeros(N), []
    for x in INPUT:
        v = v + 0.25 * R * x
        z = v > THRESHOLD
        v = np.where(z, V_RESET, v)
        spikes.append(z)
    np.testing.assert_array_equal(run(Neuron("IF", R, **SPIKES), dialect)[0], spikes)


def test_exact_integration_of_a_constant_input_is_the_closed_form() -> None:
    constant = np.broadcast_to(INPUT[0], (STEPS, N))
    dialect = Dialect("test", dt=0.7, integration="exact")
    times = 0.7 * np.arange(1, STEPS + 1)[:, None]
    expected = (V_LEAK + R * INPUT[0]) * (1 - np.exp(-times / TAU))
    given, _ = run(Neuron("LI", R, TAU, V_LEAK), dialect, constant)
    np.testing.assert_allclose(given, expected, rtol=1e-12)


def test_euler_integration_of_a_constant_input_is_a_geometric_sum() -> None:
    constant = np.broadcast_to(INPUT[0], (STEPS, N))
    power = (1 - 1 / TAU) ** np.arange(1, STEPS + 1)[:, None]
    given, _ = run(Neuron("LI", R, TAU, V_LEAK), DIALECT, constant)
    np.testing.assert_allclose(given, (V_LEAK + R * INPUT[0]) * (1 - power), rtol=1e-12)


@pytest.mark.parametrize("comparison", [">", ">="])
@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
@pytest.mark.parametrize("before", ["leak", "comparison"])
@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize("several", [False, True])
def test_every_convention_is_that_of_the_general_neuron(
    comparison: Literal[">", ">="],
    reset: Literal["soft", "hard", "none"],
    before: Literal["leak", "comparison"],
    lag: int,
    several: bool,
) -> None:
    conventions = Conventions(comparison, reset, before, lag, several)
    dyadic = np.round(4 * INPUT) / 4
    neuron = Neuron(
        "LIF", np.ones(N), np.full(N, 2.0), np.zeros(N), v_threshold=np.ones(N), v_reset=V_RESET
    )
    dialect = Dialect("test", dt=1.0, conventions=conventions)
    given, membrane = run(neuron, dialect, dyadic)
    expected = simulate(dyadic / 2, conventions, leak=0.5, reset_value=V_RESET)
    np.testing.assert_array_equal(membrane, expected[0])
    np.testing.assert_array_equal(given, expected[1])


@pytest.mark.parametrize(
    ("integration", "leak", "share"),
    [
        ("euler", 1 - 1 / TAU, 1 / TAU),
        ("exponential", np.exp(-1 / TAU), 1 / TAU),
        ("exact", np.exp(-1 / TAU), 1 - np.exp(-1 / TAU)),
    ],
)
@pytest.mark.parametrize("scale", ["equation", "without_r", "unscaled"])
def test_leak_and_input_scale_are_those_of_the_table(
    integration: Literal["euler", "exponential", "exact"],
    leak: Float,
    share: Float,
    scale: Literal["equation", "without_r", "unscaled"],
) -> None:
    dialect = Dialect("test", dt=1.0, integration=integration, input_scale=scale)
    gain = {"equation": R * share, "without_r": share, "unscaled": np.ones(N)}[scale]
    v = np.zeros(N)
    for x in INPUT:
        v = leak * v + gain * x + (1 - leak) * V_LEAK
    given, _ = run(Neuron("LI", R, TAU, V_LEAK), dialect)
    np.testing.assert_allclose(given[-1], v, rtol=1e-12)


def test_a_floor_holds_a_neuron_without_leak_above_minus_its_threshold() -> None:
    neuron = Neuron("IF", np.ones(N), v_threshold=np.ones(N), v_reset=np.zeros(N))
    inputs = np.array([[-5.0] * N, [1.5] * N])
    dialect = dataclasses.replace(find_dialect("sinabs"))
    assert run(neuron, dialect, inputs)[1][1].tolist() == [0.5] * N


def test_a_delay_gives_what_arrived_so_many_steps_before() -> None:
    delay = Delay(np.array([0.0, 1.0, 2.0, 0.4, 3.2]))
    running = DelayRun(delay, DIALECT, (N,))
    given = np.array([running.step(x) for x in INPUT])
    for neuron, steps in enumerate((0, 1, 2, 0, 3)):
        assert not given[:steps, neuron].any()
        np.testing.assert_array_equal(given[steps:, neuron], INPUT[: STEPS - steps, neuron])


def test_a_delay_that_is_too_long_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="too many to hold"):
        DelayRun(Delay(np.array([1e300])), DIALECT, (1,))


@pytest.mark.parametrize("dt", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_step_that_is_not_above_zero_is_refused(dt: float) -> None:
    with pytest.raises(ConfigurationError, match="dt: got"):
        find_dialect("norse", dt)


def test_no_two_variations_behave_alike_and_presets_come_first() -> None:
    found = with_variations(PRESETS)
    assert found[: len(PRESETS)] == PRESETS
    assert len({dataclasses.replace(each, name="") for each in found}) == len(found)
    assert len({each.name for each in found}) == len(found)
