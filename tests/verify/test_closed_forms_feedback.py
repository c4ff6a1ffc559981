"""Closed forms of fixed and learnt feedback, and of node against weight perturbation, on the zoo.

Exact where all signs are summed or nothing is random. What is sampled has fixed seeds and intervals
of level 1 - FAMILY / CASES, and asserts the smallest error that it would see first.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Law, Noise, draw
from gradassay.core.params import Params, initial_params
from gradassay.estimators import make_estimator
from gradassay.estimators.dfa import DFA
from gradassay.estimators.dkp import DKP
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.closed_forms import (
    kolen_pollack_gap,
    node_perturbation_variance,
    random_feedback_square,
    random_feedback_squared_cosine,
    two_point_variance,
    weight_perturbation_variance,
)
from gradassay.verify.statistics.intervals import mean_interval
from gradassay.verify.statistics.moments import Float

BACKEND = ReferenceBackend()
FAMILY, MISS, CASES, BLOCKS = 1e-3, 1e-3, 8, 40
Problem = tuple[Network, Params, Batch]


def smallest_detectable(relative_spread: float, count: int) -> float:
    """Relative error of a mean that an interval from `count` values would miss at rate MISS."""
    reach = stats.norm.isf(FAMILY / CASES / 2) + stats.norm.isf(MISS)
    return float(reach * relative_spread / math.sqrt(count))


def assert_mean(values: Float, expected: float) -> None:
    blocks = values.reshape(BLOCKS, -1).mean(axis=1)
    interval = mean_interval(blocks, 1 - FAMILY / CASES, positive=expected > 0)
    assert interval.covers(expected), (interval, expected)


# ---- random feedback


DFA_UNITS, DFA_GAIN, DFA_KEYS = 3, 1.7, 8000


def dfa_signals() -> tuple[Float, Float, Float]:
    """``B e`` of many draws of B from the gradient of a real pass, e, and the true ``J^T e``."""
    network = fully_connected(3, (DFA_UNITS,), 4, steps=1)
    params = initial_params(network, Key(31), gain=1.0)
    sample = Batch(Key(32).generator().random((1, 3)) * 2, np.array([2]))
    method, signals = DFA(gain=DFA_GAIN), np.empty((DFA_KEYS, DFA_UNITS))
    for number in range(DFA_KEYS):
        state = method.init(BACKEND, network, Key(33) / number)
        found = method.estimate(BACKEND, network, params, sample, state, Key(0))
        signals[number] = found.gradient["hidden1.bias"] / found.trace.derivative["lif1"][0, 0]
    error = found.trace.errors[0, 0]
    return signals, error, params["readout.weight"].T @ error


def test_random_feedback_has_the_stated_norm_mean_and_direction() -> None:
    level = FAMILY / CASES
    # power: |B e|^2 is a scaled chi-square of n degrees; the squared cosine by its law below
    assert smallest_detectable(math.sqrt(2 / DFA_UNITS), DFA_KEYS) < 0.07
    law = random_feedback_squared_cosine(DFA_UNITS)
    grid = np.linspace(0, 1, 10_001)[1:-1]
    reach = stats.kstwobign.isf(level) + stats.norm.isf(MISS) / 2
    for neighbour in (DFA_UNITS - 1, DFA_UNITS + 1):
        apart = np.abs(law.cdf(grid) - random_feedback_squared_cosine(neighbour).cdf(grid)).max()
        assert apart > reach / math.sqrt(DFA_KEYS)
    signals, error, true = dfa_signals()
    square = random_feedback_square(DFA_UNITS, DFA_GAIN**2 / DFA_UNITS, error)
    assert square == pytest.approx(DFA_GAIN**2 * float(error @ error), rel=1e-14)
    assert_mean((signals**2).sum(axis=1), square)
    products = signals @ true
    assert_mean(products, 0.0)
    cosines = products**2 / ((signals**2).sum(axis=1) * (true**2).sum())
    assert stats.kstest(cosines, law.cdf).pvalue > level
    assert float(law.mean()) == pytest.approx(1 / DFA_UNITS, rel=1e-12)


def test_fixed_feedback_has_no_variance_given_its_matrix() -> None:
    network = fully_connected(3, (4,), 2, steps=2)
    params = initial_params(network, Key(34), gain=2.0)
    batch = Batch(Key(35).generator().random((3, 3)), np.array([0, 1, 1]))
    method = DFA()
    state = method.init(BACKEND, network, Key(36))
    found = method.estimate(
        BACKEND, network, params, batch, state, Key(37), replicates=range(5)
    ).gradient
    for gradient in found.values():
        np.testing.assert_array_equal(gradient, np.broadcast_to(gradient[:1], gradient.shape))


# ---- learnt feedback


def test_kolen_pollack_feedback_meets_the_readout_geometrically() -> None:
    """50 steps of SGD on all parameters, a new batch at each; soft reset, two hidden layers."""
    step, decay, updates = 0.1, 0.3, 50
    network = fully_connected(5, (6, 4), 3, steps=3, loss=Loss(mse_weight=0.2))
    params = initial_params(network, Key(38), gain=2.0)
    method = DKP(step=step, decay=decay, gain=1.5)
    state = method.init(BACKEND, network, Key(39))
    start = state["lif2"] - params["readout.weight"].T
    moved = 0.0
    for update in range(1, updates + 1):
        generator = (Key(40) / update).generator()
        batch = Batch(generator.random((7, 5)) * 2, generator.integers(0, 3, 7))
        found = method.estimate(BACKEND, network, params, batch, state, Key(0))
        state, before = found.state, params["readout.weight"]
        params = params.map(lambda w, g: w - step * (g + decay * w), found.gradient)
        moved += float(np.abs(params["readout.weight"] - (1 - step * decay) * before).sum())
        expected = kolen_pollack_gap(start, step=step, decay=decay, updates=update)
        gap = state["lif2"] - params["readout.weight"].T
        np.testing.assert_allclose(gap, expected, rtol=0, atol=1e-12)
    assert moved > 1.0
    assert np.abs(gap).max() < 0.25 * np.abs(start).max()


# ---- node against weight perturbation


def equal_neurons(inputs: int, units: int, samples: int, neuron: Neuron) -> Problem:
    """Weights of 0 and equal biases: psi is the same for all units and samples, inputs differ."""
    network = fully_connected(inputs, (units,), 3, steps=1, neuron=neuron)
    params = initial_params(network, Key(41), gain=1.0)
    values = {"hidden1.weight": np.zeros((units, inputs)), "hidden1.bias": np.full(units, 1.1)}
    generator = Key(42).generator()
    batch = Batch(generator.random((samples, inputs)) * 2, generator.integers(0, 3, samples))
    return network, Params({**params, **values}), batch


def currents(given: Problem) -> Float:
    """Derivative of each sample's loss by the outputs of the hidden dense layer, (B, n)."""
    trace = BACKEND.forward(*given, record={"derivative"})
    back: Float = trace.errors[0] @ given[1]["readout.weight"]
    delta: Float = trace.derivative["lif1"][0] * back
    return delta


def all_signs(count: int) -> Float:
    bits = ((np.arange(2**count)[:, None] >> np.arange(count)) & 1).astype(np.float64)
    signs: Float = 1 - 2 * bits
    return signs


def hidden_weights_only(given: Problem, z: Float) -> dict[str, Float]:
    shapes = given[0].shapes
    values = {name: np.zeros((len(z), *shape)) for name, shape in shapes.items()}
    return {**values, "hidden1.weight": z.reshape(-1, *shapes["hidden1.weight"])}


def perturbed(given: Problem, space: str, law: Law, z: Float) -> Float:
    """The hidden weight's gradients under directions z (R, ...) in one of the two spaces."""
    rows = range(len(z))
    if space == "node":
        values = {"lif1": z.reshape(1, -1, given[0].spiking[0].units)}
        noise = Noise(1.0, values)
    else:
        noise = Noise(1.0, hidden_weights_only(given, z), "weights")
    method = make_estimator("forward_gradient", space=space, law=law)
    found = method.estimate(BACKEND, *given, {}, Key(0), replicates=rows, noise=noise)
    gradient: Float = found.gradient["hidden1.weight"]
    return gradient


LAWS = {"node": node_perturbation_variance, "weight": weight_perturbation_variance}


@pytest.mark.parametrize("space", ["node", "weight"])
def test_node_and_weight_perturbation_are_exact_over_all_signs(space: str) -> None:
    given = equal_neurons(4, 3, 4, Neuron())
    drawn = perturbed(given, space, "rademacher", all_signs(12))
    signals, inputs = currents(given), given[2].inputs
    mean = signals.T @ inputs / 4
    np.testing.assert_allclose(drawn.mean(axis=0), mean, rtol=1e-10, atol=1e-15)
    exact = ((drawn - mean) ** 2).sum(axis=(1, 2)).mean()
    assert exact == pytest.approx(LAWS[space]("rademacher", signals, inputs), rel=1e-10)


@pytest.mark.parametrize("space", ["node", "weight"])
@pytest.mark.parametrize("law", ["gaussian", "uniform"])
def test_node_and_weight_perturbation_hold_within_an_interval(space: str, law: Law) -> None:
    given, count = equal_neurons(4, 3, 4, Neuron()), 60_000
    signals, inputs = currents(given), given[2].inputs
    mean = signals.T @ inputs / 4

    def squares(replicates: int, purpose: str) -> Float:
        generator = (Key(43) / space / law / purpose).generator()
        z = draw(law, (replicates, 12), generator, np.float64)
        deviations: Float = ((perturbed(given, space, law, z) - mean) ** 2).sum(axis=(1, 2))
        return deviations

    pilot = squares(count // 8, "pilot")
    assert smallest_detectable(float(pilot.std() / pilot.mean()), count) < 0.06
    assert_mean(squares(count, "draws"), LAWS[space](law, signals, inputs))


def test_a_forward_gradient_over_all_parameters_counts_them_all() -> None:
    """Gaussian directions drawn from the key, readout and biases included: (d + 1) |g|^2."""
    network = fully_connected(3, (4,), 2, steps=2)
    params = initial_params(network, Key(44), gain=2.0)
    generator = Key(45).generator()
    batch = Batch(generator.random((3, 3)) * 2, generator.integers(0, 2, 3))
    exact = SpatialBP().estimate(BACKEND, network, params, batch, {}, Key(0)).gradient
    truth = np.concatenate([array.ravel() for array in exact.values()])
    method, count = make_estimator("forward_gradient", space="weight"), 20_000
    # |z|^2 (g . z)^2 of d normal entries: E of the square over the squared mean, less 1
    d = len(truth)
    spread = math.sqrt(3 * (d + 4) * (d + 6) / (d + 2) ** 2 - 1)
    assert smallest_detectable(spread, count) < 0.1
    found = method.estimate(
        BACKEND, network, params, batch, {}, Key(46), replicates=range(count)
    ).gradient
    drawn = np.concatenate([array.reshape(count, -1) for array in found.values()], axis=1)
    assert_mean(((drawn - truth) ** 2).sum(axis=1), two_point_variance("gaussian", truth))


@pytest.mark.parametrize("form", ["central", "forward"])
def test_spsa_follows_the_weight_law_where_the_loss_is_smooth(form: str) -> None:
    """Smooth neurons, all signs: to order alpha^2 (central; forward the same, in the variance)."""
    given, alpha = equal_neurons(3, 3, 4, Neuron(smooth=True)), 1e-4
    z = all_signs(9)
    method = make_estimator("spsa", alpha=alpha, law="rademacher", form=form)
    found = method.estimate(
        BACKEND,
        *given,
        {},
        Key(0),
        replicates=range(len(z)),
        noise=Noise(alpha, hidden_weights_only(given, z), "weights"),
    )
    drawn = found.gradient["hidden1.weight"]
    signals, inputs = currents(given), given[2].inputs
    mean = signals.T @ inputs / 4
    np.testing.assert_allclose(drawn.mean(axis=0), mean, rtol=1e-5, atol=1e-9)
    exact = ((drawn - mean) ** 2).sum(axis=(1, 2)).mean()
    expected = weight_perturbation_variance("rademacher", signals, inputs)
    assert exact == pytest.approx(expected, rel=1e-6)
