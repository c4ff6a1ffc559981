"""What each method's equation says, by hand, and its options."""

import numpy as np
import pytest

from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.core.keys import Key
from gradassay.core.noise import Noise
from gradassay.estimators import make_estimator, zoo_names
from gradassay.estimators.opzo import OPZO
from gradassay.reference_snn import ReferenceBackend, bptt_gradient, online_gradient
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.small_problems import agreement_problems, dyadic_problem

BACKEND = ReferenceBackend()
PROBLEM = dyadic_problem((5, 4), steps=3, seed=0)


@pytest.mark.parametrize("problem", agreement_problems(3), ids=lambda p: p.name)
def test_spatial_bp_and_bptt_equal_the_book(problem: object) -> None:
    network, params, batch = problem.network, problem.params, problem.batch  # type: ignore[attr-defined]
    found = make_estimator("spatial_bp").estimate(BACKEND, network, params, batch, {}, Key(0))
    expected = online_gradient(network, params, batch)
    assert float(expected[f"{network.weighted[0].name}.weight"].any())
    assert relative_difference(found.gradient, expected) < 1e-14
    for kept in (False, True):
        bptt = make_estimator("bptt", reset_gradient=kept)
        found = bptt.estimate(BACKEND, network, params, batch, {}, Key(0))
        expected = bptt_gradient(network, params, batch, reset_gradient=kept)
        assert relative_difference(found.gradient, expected) < 1e-14


def test_dfa_with_transposed_readout_weights_is_spatial_bp_in_the_last_hidden_layer() -> None:
    network, params, batch = PROBLEM.network, PROBLEM.params, PROBLEM.batch
    state = {"lif1": np.zeros((5, 3)), "lif2": params["readout.weight"].T}
    found = make_estimator("dfa").estimate(BACKEND, network, params, batch, state, Key(0)).gradient
    expected = online_gradient(network, params, batch)
    for name in ("hidden2.weight", "hidden2.bias", "readout.weight"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-13)
    assert not found["hidden1.weight"].any()


def test_dfa_feedback_has_the_stated_standard_deviation() -> None:
    network = dyadic_problem((400,), steps=1, seed=0, classes=50).network
    feedback = np.asarray(make_estimator("dfa", gain=3.0).init(BACKEND, network, Key(1))["lif1"])
    assert feedback.shape == (400, 50)
    assert abs(feedback.std() / (3 / 20) - 1) < 5 / np.sqrt(2 * feedback.size)


def noise_for(scale: float, pairs: bool) -> Noise:
    generator = Key(8).generator()
    values = {}
    for layer in PROBLEM.network.spiking:
        z = generator.normal(size=(3, 4, layer.units))
        if pairs:
            z[1] = -z[0]
        values[layer.name] = z
    return Noise(scale, values)


def test_opzo_momentum_follows_its_equation_over_three_passes() -> None:
    estimator = OPZO(alpha=0.5, momentum=0.75)
    network, params, batch = PROBLEM.network, PROBLEM.params, PROBLEM.batch
    state = estimator.init(BACKEND, network, Key(0))
    expected = np.zeros((5, 3))
    for step in range(3):
        noise = noise_for(0.5, True)
        after = estimator.estimate(BACKEND, network, params, batch, state, Key(step), noise=noise)
        outputs = after.trace.outputs
        term = sum(
            np.outer(noise.values["lif1"][t, b], outputs[t, b]) / 0.5
            for t in range(3)
            for b in range(4)
        )
        expected = 0.75 * expected + 0.25 * term / 12
        state = after.state
        np.testing.assert_allclose(np.asarray(state["lif1"]), expected, rtol=1e-13)
    assert float(state["updates"]) == 3


@pytest.mark.parametrize("use", ["before", "after"])
def test_opzo_sends_the_error_through_bias_corrected_momentum(use: str) -> None:
    estimator = make_estimator("opzo", alpha=0.5, momentum=0.75, use=use)
    network, params, batch = PROBLEM.network, PROBLEM.params, PROBLEM.batch
    generator = Key(1).generator()
    state = {"lif1": generator.normal(size=(5, 3)), "lif2": generator.normal(size=(4, 3))}
    state["updates"] = np.array(2.0)
    noise = noise_for(0.5, True)
    found = estimator.estimate(BACKEND, network, params, batch, state, Key(0), noise=noise)
    used = state if use == "before" else found.state
    count = 2 if use == "before" else 3
    fixed = {n: np.asarray(used[n]) / (1 - 0.75**count) for n in ("lif1", "lif2")}
    expected = make_estimator("dfa").estimate(
        BACKEND, network, params, batch, fixed, Key(0), noise=noise
    )
    assert relative_difference(found.gradient, expected.gradient) < 1e-13


def test_opzo_sends_nothing_to_hidden_layers_before_the_first_update() -> None:
    estimator = make_estimator("opzo")
    state = estimator.init(BACKEND, PROBLEM.network, Key(0))
    found = estimator.estimate(
        BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch, state, Key(0)
    ).gradient
    assert not found["hidden1.weight"].any()
    assert not found["hidden2.bias"].any()
    assert found["readout.weight"].any()


def test_readout_gradient_is_exact_in_the_pass_whose_traces_are_used() -> None:
    network, params, batch = PROBLEM.network, PROBLEM.params, PROBLEM.batch
    noise = noise_for(0.5, False)
    noisy, clean = (online_gradient(network, params, batch, z) for z in (noise, None))
    for name in set(zoo_names()) - {"spsa"}:
        estimator = make_estimator(name)
        with_clean_pass = ("forward_gradient", "localzo", "pzo_two_point")
        expected = clean if name in with_clean_pass else noisy
        state = estimator.init(BACKEND, network, Key(0))
        found = estimator.estimate(BACKEND, network, params, batch, state, Key(0), noise=noise)
        for part in ("readout.weight", "readout.bias"):
            np.testing.assert_allclose(found.gradient[part], expected[part], rtol=1e-13)


def test_zeroth_order_multiplies_noise_with_each_samples_own_loss_of_the_step() -> None:
    network, params, batch = PROBLEM.network, PROBLEM.params, PROBLEM.batch
    noise = noise_for(0.5, False)
    estimator = make_estimator("zo_single_point", alpha=0.5)
    found = estimator.estimate(BACKEND, network, params, batch, {}, Key(0), noise=noise)
    trace = BACKEND.forward(
        network, params, batch, noise=noise, record=frozenset({"derivative", "eligibility"})
    )
    expected = np.zeros((4, 5))
    for t in range(3):
        for b in range(4):
            signal = noise.values["lif2"][t, b] * trace.losses[t, b] / 0.5
            delta = trace.derivative["lif2"][t, b] * signal
            expected += np.outer(delta, trace.eligibility["hidden2"].values[t, b]) / 4
    np.testing.assert_allclose(found.gradient["hidden2.weight"], expected, rtol=1e-12)


def test_unknown_estimators_and_options_say_what_exists() -> None:
    with pytest.raises(UsageError, match=r"estimator: got 'opzoo'.*Did you mean 'opzo'"):
        make_estimator("opzoo")
    with pytest.raises(UsageError, match=r"opzo option: got 'alfa'; .*Did you mean 'alpha'"):
        make_estimator("opzo", alfa=1)
    with pytest.raises(
        UsageError, match=r"spatial_bp option: got 'alpha'; expected one of temporal"
    ):
        make_estimator("spatial_bp", alpha=1)


@pytest.mark.parametrize("momentum", [-0.1, 1.0, 1.5, float("nan")])
def test_lambda_must_lie_in_0_to_1(momentum: float) -> None:
    with pytest.raises(ConfigurationError, match=r"lambda \(momentum\): got .* in \[0, 1\)"):
        make_estimator("opzo", momentum=momentum)


@pytest.mark.parametrize("name", ["opzo", "zo_single_point"])
@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan")])
def test_alpha_must_be_positive(name: str, alpha: float) -> None:
    with pytest.raises(ConfigurationError, match="alpha: got"):
        make_estimator(name, alpha=alpha)


def test_dfa_gain_and_opzo_use_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="dfa gain: got 0"):
        make_estimator("dfa", gain=0)
    with pytest.raises(UsageError, match="opzo use: got 'during'; expected one of after, before"):
        make_estimator("opzo", use="during")
