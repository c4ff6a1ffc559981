"""Closed forms of a single spike against OPZO with noise on the membrane potential and LocalZO.

A draw of one neuron depends on one number z. Its mean and variance are integrated over z, by giving
the estimators midpoints of cells whose ends hold the points where the draw jumps: exact to the
square of a cell. The same is then sampled from the estimators' own keys, with fixed seeds and
intervals of level 1 - FAMILY / CASES, where the smallest error seen is asserted first.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Law, Noise
from gradassay.core.params import Params, initial_params
from gradassay.estimators.localzo import LocalZO
from gradassay.estimators.opzo import OPZO
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.closed_forms import expected_surrogate, spike_mean, spike_variance
from gradassay.verify.statistics.intervals import mean_interval
from gradassay.verify.statistics.moments import Float

BACKEND = ReferenceBackend()
FAMILY, MISS, CASES, BLOCKS = 1e-3, 1e-3, 10, 40
ALPHA, CELL = 0.5, 2e-4
Problem = tuple[Network, Params, Batch]


def smallest_detectable(pilot: Float, count: int) -> float:
    """Relative error of a mean that an interval from `count` values would miss at rate MISS."""
    reach = stats.norm.isf(FAMILY / CASES / 2) + stats.norm.isf(MISS)
    return float(reach * pilot.std() / pilot.mean() / math.sqrt(count))


def assert_mean(values: Float, expected: float) -> None:
    blocks = values.reshape(BLOCKS, -1).mean(axis=1)
    interval = mean_interval(blocks, 1 - FAMILY / CASES, positive=True)
    assert interval.covers(expected), (interval, expected)


# ---- a spike under noise on its membrane potential


def one_neuron(distance: float, steps: int) -> Problem:
    """A neuron without leak whose membrane potential is ``V_th - distance`` at every step."""
    network = fully_connected(1, (1,), 1, steps=steps, neuron=Neuron(leak=0.0))
    params = Params(
        {
            "hidden1.weight": np.zeros((1, 1)),
            "hidden1.bias": np.array([1.0 - distance]),
            "readout.weight": np.ones((1, 1)),
            "readout.bias": np.zeros(1),
        }
    )
    return network, params, Batch(np.zeros((1, 1)), np.array([0]))


def spike_method(form: str) -> OPZO:
    pairing = "none" if form == "single" else "time"
    return OPZO(ALPHA, 0.0, pairing=pairing, position="membrane")  # type: ignore[arg-type]


def integrated(form: str, distance: float, half_width: float = 9.0) -> tuple[float, float]:
    """Mean and variance of the matrix Z of one neuron, midpoints of cells over z."""
    steps = 1 if form == "single" else 2
    given, method = one_neuron(distance, steps), spike_method(form)
    half = round(half_width / CELL)
    z = (np.arange(-half, half) + 0.5) * CELL
    values = z[None, :, None] if form == "single" else np.stack([z, -z])[:, :, None]
    noise = Noise(ALPHA, {"lif1": values}, "membrane")
    state = method.init(BACKEND, given[0], Key(0))
    found = method.estimate(BACKEND, *given, state, Key(0), replicates=range(len(z)), noise=noise)
    drawn, weights = found.state["lif1"][:, 0, 0], stats.norm.pdf(z) * CELL
    mean = float(weights @ drawn)
    return mean, float(weights @ drawn**2) - mean**2


@pytest.mark.parametrize("form", ["single", "central"])
@pytest.mark.parametrize("q", [-1.5, -0.4, 0.0, 0.7, 1.6])
def test_one_spike_is_a_gaussian_surrogate_with_the_stated_variance(form: str, q: float) -> None:
    """Steps that carry z and -z at the same membrane potential are the central difference."""
    mean, variance = integrated(form, q * ALPHA)
    distance = np.asarray(q * ALPHA)
    assert mean == pytest.approx(float(spike_mean(distance, alpha=ALPHA)), rel=1e-7)
    expected = spike_variance(distance, alpha=ALPHA, form=form)  # type: ignore[arg-type]
    assert variance == pytest.approx(float(expected), rel=1e-7)


@pytest.mark.parametrize("form", ["single", "central"])
@pytest.mark.parametrize("q", [-0.5, 0.0, 0.5])
def test_one_spike_holds_within_an_interval_for_keyed_noise(form: str, q: float) -> None:
    steps, count = (1, 80_000) if form == "single" else (2, 60_000)
    given, method, distance = one_neuron(q * ALPHA, steps), spike_method(form), q * ALPHA
    mean = float(spike_mean(np.asarray(distance), alpha=ALPHA))
    start = method.init(BACKEND, given[0], Key(0))

    def squares(replicates: int, purpose: str) -> Float:
        key = Key(51) / purpose / form / str(q)
        found = method.advance(BACKEND, *given, start, key, replicates=range(replicates))
        deviations: Float = (found["lif1"][:, 0, 0] - mean) ** 2
        return deviations

    assert smallest_detectable(squares(count // 8, "pilot"), count) < 0.06
    expected = spike_variance(np.asarray(distance), alpha=ALPHA, form=form)  # type: ignore[arg-type]
    assert_mean(squares(count, "draws"), float(expected))


# ---- LocalZO's random surrogate

WIDTH, UNITS = 0.5, 6
DENSITIES = {
    "gaussian": stats.norm.pdf,
    "uniform": stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)).pdf,
    "laplace": stats.laplace(scale=math.sqrt(0.5)).pdf,
}


def layer_at(distances: Float) -> Problem:
    """One layer whose units lie at given signed distances from the threshold."""
    units = len(distances)
    network = fully_connected(1, (units,), 3, steps=1)
    params = initial_params(network, Key(52), gain=2.0)
    values = {"hidden1.weight": np.zeros((units, 1)), "hidden1.bias": 1.0 + distances}
    return network, Params({**params, **values}), Batch(np.zeros((1, 1)), np.array([1]))


def signal_of(given: Problem) -> Float:
    errors = BACKEND.forward(*given).errors[0, 0]
    signal: Float = given[1]["readout.weight"].T @ errors
    return signal


@pytest.mark.parametrize("law", ["gaussian", "uniform", "laplace"])
def test_expected_surrogate_is_the_integral_of_the_random_one(law: Law) -> None:
    """Cells of width CELL; distances are multiples of it, times the width."""
    distances = np.array([-0.7, -0.26, 0.0, 0.1, 0.5, 0.9])
    given, limit = layer_at(distances), math.sqrt(3) if law == "uniform" else 30.0
    z = np.concatenate(
        [(np.arange(round(1.8 / CELL)) + 0.5) * CELL, 1.8 + (np.arange(60_000) + 0.5) * 5e-4]
    )
    cells = np.where(z < 1.8, CELL, 5e-4)
    weights = 2 * np.asarray(DENSITIES[law](z)) * cells
    # the last cell of the uniform law is cut at sqrt 3; all distances are nearer than that
    if law == "uniform":
        last = np.flatnonzero(z - cells / 2 < limit)[-1]
        weights[last:] = 0.0
        left = z[last] - cells[last] / 2
        weights[last] = 2 * (limit - left) / (2 * limit)
        z[last] = (left + limit) / 2
    noise = Noise(WIDTH, {"lif1": np.repeat(z[None, :, None], UNITS, axis=2)})
    found = LocalZO(width=WIDTH, law=law).estimate(
        BACKEND, *given, {}, Key(0), replicates=range(len(z)), noise=noise
    )
    mean = weights @ found.gradient["hidden1.bias"] / signal_of(given)
    expected = expected_surrogate(law, distances, width=WIDTH)
    np.testing.assert_allclose(mean, expected, rtol=1e-6)


def test_expected_surrogate_of_signs_is_a_rectangle() -> None:
    distances = np.array([-0.6, -0.4, 0.0, 0.3, 0.51, 0.49])
    given = layer_at(distances)
    for sign in (1.0, -1.0):
        noise = Noise(WIDTH, {"lif1": np.full((1, 1, UNITS), sign)})
        found = LocalZO(width=WIDTH, law="rademacher").estimate(
            BACKEND, *given, {}, Key(0), noise=noise
        )
        surrogate = found.gradient["hidden1.bias"] / signal_of(given)
        expected = expected_surrogate("rademacher", distances, width=WIDTH)
        np.testing.assert_allclose(surrogate, expected, rtol=1e-12)


@pytest.mark.parametrize("law", ["gaussian", "rademacher", "uniform", "laplace", "sphere"])
def test_localzo_is_backpropagation_with_the_expected_surrogate(law: Law) -> None:
    """Draws from the key; the mean gradient along the expected one, over its square, is 1."""
    distances = np.array([-0.7, -0.3, -0.05, 0.1, 0.35, 0.6])
    given, count, method = layer_at(distances), 40_000, LocalZO(width=WIDTH, law=law)
    surrogate = expected_surrogate(law, distances, width=WIDTH, units=UNITS)
    expected = surrogate * signal_of(given)

    def along(replicates: int, purpose: str) -> Float:
        key = Key(53) / purpose / law
        found = method.estimate(BACKEND, *given, {}, key, replicates=range(replicates))
        projected: Float = found.gradient["hidden1.bias"] @ expected / float(expected @ expected)
        return projected

    if law == "rademacher":
        np.testing.assert_allclose(along(64, "draws"), 1.0, rtol=1e-12)
        return
    assert smallest_detectable(along(count // 8, "pilot"), count) < 0.05
    assert_mean(along(count, "draws"), 1.0)


def test_the_sphere_of_two_units_or_more_has_the_marginal_of_its_law() -> None:
    """Density of one coordinate on a circle of radius sqrt 2: 1 / (pi sqrt(2 - z^2))."""
    places = np.array([0.0, 0.3, 1.2])
    found = expected_surrogate("sphere", places, width=1.0, units=2)
    np.testing.assert_allclose(found, np.sqrt(2 - places**2) / math.pi, rtol=1e-12)
    far = expected_surrogate("sphere", places, width=1.0, units=100_000)
    np.testing.assert_allclose(far, stats.norm.pdf(places), rtol=1e-4)


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="dimension"):
        expected_surrogate("sphere", np.zeros(1), width=1.0)
    with pytest.raises(UsageError, match="noise law"):
        expected_surrogate("cauchy", np.zeros(1), width=1.0)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="form"):
        spike_variance(np.zeros(1), alpha=1.0, form="forward")  # type: ignore[arg-type]
