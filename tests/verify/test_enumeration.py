"""Exact moments under Rademacher noise, and the first-order meaning of paired noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.claims import MomentumFeedback
from gradassay.core.errors import ConfigurationError
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.params import Params, initial_params
from gradassay.core.trace import Trace
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import Settings
from gradassay.verify.checks.exact_checks import exact_cases
from gradassay.verify.checks.guard import run_case
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.enumeration import Signs, enumerate_estimator
from gradassay.verify.oracles.estimands import expected_central_difference, expected_feedback
from gradassay.verify.oracles.sign_tables import SignTable

BACKEND = ReferenceBackend()


def sample_problem(
    hidden: tuple[int, ...], steps: int, **options: object
) -> tuple[Network, Params, Batch]:
    network = fully_connected(3, hidden, 3, steps=steps, **options)  # type: ignore[arg-type]
    generator = Key(1).generator()
    params = initial_params(network, Key(2), gain=2.5)
    return network, params, Batch(generator.random((1, 3)) * 2, generator.integers(0, 3, 1))


@pytest.mark.parametrize("pairing", ["none", "time"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_signs_are_every_combination_once(pairing: str, steps: int) -> None:
    network = sample_problem((2, 1), steps)[0]
    signs = Signs(network, pairing)  # type: ignore[arg-type]
    z = signs.values()
    rows = np.concatenate([z[name].transpose(1, 0, 2).reshape(2**signs.count, -1) for name in z], 1)
    assert len(np.unique(rows, axis=0)) == 2**signs.count
    assert signs.count == 3 * (steps if pairing == "none" else -(-steps // 2))
    if pairing == "time" and steps > 1:
        np.testing.assert_array_equal(z["lif1"][0], -z["lif1"][1])


@pytest.mark.parametrize("loss", [Loss(), Loss(0.5, "sequence")])
@pytest.mark.parametrize(("hidden", "steps"), [((4,), 1), ((3, 2), 2), ((2, 2), 3)])
def test_zeroth_order_mean_is_the_expected_central_difference(
    hidden: tuple[int, ...], steps: int, loss: Loss
) -> None:
    network, params, sample = sample_problem(hidden, steps, loss=loss)
    estimator = make_estimator("zo_single_point", law="rademacher", alpha=0.3)
    exact, _ = enumerate_estimator(estimator, network, params, sample, {})
    table = sign_table(network, params, sample, 0.3)
    expected = expected_central_difference(table, estimator, "noisy")
    assert float(expected.norm()) > 0
    assert relative_difference(exact.mean, expected) <= 1e-12
    assert relative_difference(exact.mean, by_hand(table)) <= 1e-12


def sign_table(
    network: Network, params: Params, sample: Batch, scale: float, pairing: Any = "none"
) -> SignTable:
    model = NoiseModel(scale, "rademacher", pairing)
    return SignTable.build(Signs(network, pairing), params, sample, model)


def by_hand(table: SignTable) -> dict[str, np.ndarray]:
    """``E sum_t psi (L(z_i = 1) - L(z_i = -1)) / (2 alpha) a^T`` of dense layers, with no walk."""
    network, trace = table.network, table.observed.trace
    rows = trace.losses.shape[1]
    gradient = {}
    for weighted, layer in zip(network.weighted, (*network.spiking, None), strict=True):
        delta = trace.errors if layer is None else np.zeros_like(table.values[layer.name])
        if layer is not None:
            for step, unit in np.ndindex(network.steps, layer.units):
                seen = trace.losses[step]
                if network.loss.over == "sequence":
                    seen = trace.losses.sum(axis=0)
                slope = table.central_difference(seen, layer.name, step, unit)
                delta[step, :, unit] = trace.derivative[layer.name][step, :, unit] * slope
        seen = trace.eligibility[weighted.name]
        gradient[f"{weighted.name}.weight"] = np.einsum("tcn,tci->ni", delta, seen.values) / rows
        gradient[f"{weighted.name}.bias"] = np.einsum("tcn,t->n", delta, seen.bias) / rows
    return gradient


def test_central_difference_by_brute_force_for_one_layer_and_one_step() -> None:
    network, params, sample = sample_problem((2,), 1)
    table = sign_table(network, params, sample, 0.5)
    expected = np.zeros(2)
    for unit in range(2):
        for other in (1.0, -1.0):
            losses = []
            for sign in (1.0, -1.0):
                z = np.empty((1, 1, 2))
                z[..., unit], z[..., 1 - unit] = sign, other
                noise = Noise(0.5, {"lif1": z})
                losses.append(BACKEND.forward(network, params, sample, noise=noise).losses.item())
            expected[unit] += (losses[0] - losses[1]) / (2 * 0.5) / 2
    found = [table.central_difference(table.losses[0], "lif1", 0, i).mean() for i in range(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def jacobian(network: Network, params: Params, sample: Batch, at: int) -> np.ndarray:
    """Derivative of every output o[s] by lif1's activity at one step, by central differences."""
    columns = []
    for unit in range(network.spiking[0].units):
        outputs = []
        for sign in (1.0, -1.0):
            z = np.zeros((network.steps, 1, network.spiking[0].units))
            z[at, 0, unit] = sign
            trace: Trace = BACKEND.forward(network, params, sample, noise=Noise(1e-5, {"lif1": z}))
            outputs.append(trace.outputs[:, 0])
        columns.append((outputs[0] - outputs[1]) / 2e-5)
    return np.stack(columns, axis=1)


def test_paired_noise_carries_the_lagged_jacobian_with_a_minus_sign() -> None:
    """Smooth neurons and small noise: E Z = (J[t,t] + J[t+1,t+1] - J[t+1,t]) / 2."""
    network, params, sample = sample_problem((3, 2), 2, neuron=Neuron(smooth=True))
    table = sign_table(network, params, sample, 1e-4, "time")
    first, second = (jacobian(network, params, sample, at) for at in (0, 1))
    lagged = first[1]
    assert np.abs(lagged).max() > 1e-3
    expected = (first[0] + second[1] - lagged) / 2
    np.testing.assert_allclose(mean_feedback(table)["lif1"], expected, rtol=1e-5, atol=1e-8)
    independent = sign_table(network, params, sample, 1e-4)
    expected = (first[0] + second[1]) / 2
    np.testing.assert_allclose(mean_feedback(independent)["lif1"], expected, rtol=1e-5, atol=1e-8)


def mean_feedback(table: SignTable) -> dict[str, np.ndarray]:
    return expected_feedback(table, MomentumFeedback(0.5, "before"), whole_sequence=False)


def test_the_lagged_term_is_0_in_the_last_hidden_layer() -> None:
    network, params, sample = sample_problem((3, 2), 2)
    feedback = [
        mean_feedback(sign_table(network, params, sample, 0.2, pairing))["lif2"]
        for pairing in ("none", "time")
    ]
    # before a readout without memory the Jacobian is the readout's weight, whatever the pairing
    for found in feedback:
        np.testing.assert_allclose(found, params["readout.weight"].T, rtol=1e-10)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("zo_single_point", 10_000),
        ("zo_two_point", 10_000),
        ("spsa", 1_000),
        ("forward_gradient", 10_000),
        ("pzo_two_point", 10_000),
        ("opzo", 100_000),
        ("localzo", 10_000),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_level_1_checks_pass_and_test_something(name: str, least: int, seed: int) -> None:
    cases = exact_cases(name, make_estimator(name), Settings(seed=seed))
    results = [result for case in cases for result in run_case(case)]
    assert {r.verdict for r in results} == {"PASS"}
    assert sum(r.evaluations for r in results) > least


def test_enumeration_refuses_too_many_signs_and_estimators_without_noise() -> None:
    network, params, sample = sample_problem((5, 4), 2)
    with pytest.raises(ConfigurationError, match=r"got 18 free signs; expected at most 16"):
        Signs(network, "none")
    with pytest.raises(ConfigurationError, match="got noise paired over the batch"):
        Signs(network, "batch")
    with pytest.raises(ConfigurationError, match="got 41 parameters; expected at most 16"):
        enumerate_estimator(make_estimator("spsa"), *sample_problem((5, 2), 1), {})
    with pytest.raises(ConfigurationError, match="spatial_bp draws no noise"):
        enumerate_estimator(make_estimator("spatial_bp"), network, params, sample, {})


def test_chunks_do_not_change_the_moments() -> None:
    network, params, sample = sample_problem((3, 2), 2)
    estimator = make_estimator("zo_single_point", law="rademacher")
    small, large = (
        enumerate_estimator(estimator, network, params, sample, {}, chunk=chunk)[0]
        for chunk in (100, 4096)
    )
    assert relative_difference(small.mean, large.mean) < 1e-12
    assert small.variance == pytest.approx(large.variance, rel=1e-12)
