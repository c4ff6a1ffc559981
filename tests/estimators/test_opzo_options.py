"""OPZO's options, one by one, and what contradicts what."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import ConfigurationError, DataError, UsageError
from gradassay.core.estimator import State
from gradassay.core.keys import Key
from gradassay.core.network import Loss
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.estimators import make_estimator
from gradassay.estimators.online import OnlineEstimate
from gradassay.reference_snn import ReferenceBackend, online_gradient
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.small_problems import dyadic_problem

BACKEND = ReferenceBackend()
PROBLEM = dyadic_problem((5, 4), steps=3, seed=0)


def states(count: int, **options: Any) -> list[State]:
    """Return the states before and after each of some estimates."""
    estimator = make_estimator("opzo", momentum=0.75, **options)
    found = [estimator.init(BACKEND, PROBLEM.network, Key(0))]
    for step in range(count):
        arguments = (BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch, found[-1])
        found.append(estimator.estimate(*arguments, Key(step)).state)
    return found


def gradients(state: State, **options: Any) -> dict[str, np.ndarray]:
    estimator = make_estimator("opzo", momentum=0.75, **options)
    arguments = (BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch, state)
    return dict(estimator.estimate(*arguments, Key(9)).gradient)


def test_frozen_matrices_stay_as_they_are_after_their_last_update() -> None:
    free, frozen = states(5), states(5, freeze_after=2)
    for step in range(3):
        assert relative_difference(frozen[step], free[step]) == 0
    for step in (3, 4, 5):
        assert relative_difference(frozen[step], free[2]) == 0


def test_never_updated_matrices_are_dfas() -> None:
    before, after = states(1, start="random", freeze_after=0)
    drawn = make_estimator("dfa").init(BACKEND, PROBLEM.network, Key(0))
    for name in ("lif1", "lif2"):
        np.testing.assert_array_equal(before[name], drawn[name])
        np.testing.assert_array_equal(after[name], drawn[name])


def test_weights_rest_until_the_matrices_are_warm() -> None:
    seen = states(4, warm_up=2)
    for step, state in enumerate(seen):
        found = gradients(state, warm_up=2)
        free = gradients(state)
        for name, gradient in found.items():
            expected = free[name] * (step >= 2)
            np.testing.assert_array_equal(gradient, expected)


def test_warm_up_counts_the_update_of_the_pass_only_where_m_is_used_before_it() -> None:
    first = states(0, use="after", warm_up=1)[0]
    assert not gradients(first, use="after", warm_up=1)["readout.weight"].any()
    second = states(1, use="after", warm_up=1)[1]
    assert gradients(second, use="after", warm_up=1)["readout.weight"].any()


def test_given_matrices_are_the_start_and_are_used_as_they_are() -> None:
    feedback = {n: Key(3).generator().normal(size=(u, 3)) for n, u in (("lif1", 5), ("lif2", 4))}
    start = states(0, start="given", feedback=feedback)[0]
    model = NoiseModel(0.2, "gaussian", "time")
    noise = draw_noise(model, PROBLEM.network, 4, Key(9) / "noise")
    expected = online_gradient(
        PROBLEM.network, PROBLEM.params, PROBLEM.batch, noise, feedback=feedback
    )
    found = gradients(start, start="given", feedback=feedback)
    assert relative_difference(found, expected) < 1e-13


def test_without_inverse_alpha_hidden_gradients_are_alpha_times_as_large() -> None:
    full, bare = states(3)[3], states(3, inverse_alpha=False)[3]
    for name in ("lif1", "lif2"):
        np.testing.assert_allclose(bare[name], 0.2 * np.asarray(full[name]), rtol=1e-13)


def test_uncorrected_start_shrinks_the_signal_by_one_minus_lambda_to_the_k() -> None:
    state = states(2)[2]
    corrected, plain = gradients(state), gradients(state, start="zero_uncorrected")
    np.testing.assert_allclose(
        plain["hidden1.weight"], corrected["hidden1.weight"] * (1 - 0.75**2), rtol=1e-12
    )


@pytest.mark.parametrize("samples", [4, 5])
def test_halves_of_the_batch_carry_opposite_noise_and_an_odd_sample_its_own(samples: int) -> None:
    model = NoiseModel(0.2, "gaussian", "batch")
    drawn = draw_noise(model, PROBLEM.network, samples, Key(0), range(2)).values["lif1"]
    half = (samples + 1) // 2
    for replicate in range(2):
        z = drawn[:, replicate * samples : (replicate + 1) * samples]
        np.testing.assert_array_equal(z[:, half:], -z[:, : samples // 2])
        assert abs(z[:, :half]).min() > 0
    assert abs(drawn[:, :samples] - drawn[:, samples:]).min() > 0


def test_opposite_noise_on_equal_samples_cancels_the_offset_without_a_lag() -> None:
    """Over all signs the mean of M is the expected Jacobian; an equal offset leaves no variance."""
    problem = dyadic_problem((4,), steps=1, seed=3, samples=1)
    twice = dataclasses.replace(
        problem.batch,
        inputs=np.repeat(problem.batch.inputs, 2, axis=0),
        targets=np.repeat(problem.batch.targets, 2),
    )
    estimator = make_estimator("opzo", alpha=0.5, law="rademacher", pairing="batch", momentum=0.0)
    state = estimator.init(BACKEND, problem.network, Key(0))
    terms = []
    for signs in itertools.product((1.0, -1.0), repeat=4):
        z = np.stack([np.array(signs), -np.array(signs)])[None]
        noise = Noise(0.5, {"lif1": z})
        arguments = (BACKEND, problem.network, problem.params, twice, state, Key(0))
        terms.append(np.asarray(estimator.estimate(*arguments, noise=noise).state["lif1"]))
    jacobian = problem.params["readout.weight"].T
    np.testing.assert_allclose(np.mean(terms, axis=0), jacobian, rtol=1e-12, atol=1e-14)
    for signs, term in zip(itertools.product((1.0, -1.0), repeat=4), terms, strict=True):
        np.testing.assert_allclose(term, np.outer(signs, signs) @ jacobian, atol=1e-13)


def test_odd_number_of_steps_leaves_the_last_one_without_a_partner() -> None:
    model = NoiseModel(0.2, "rademacher", "time")
    z = draw_noise(model, PROBLEM.network, 4, Key(0)).values["lif1"]
    np.testing.assert_array_equal(z[1], -z[0])
    assert set(np.unique(z[2])) == {-1.0, 1.0}


def test_noise_on_the_membrane_is_seen_by_the_firing_alone() -> None:
    z = {n: Key(1).generator().normal(size=(3, 4, u)) for n, u in (("lif1", 5), ("lif2", 4))}
    record = frozenset({"membrane", "spikes", "received", "derivative"})
    arguments = (PROBLEM.network, PROBLEM.params, PROBLEM.batch)
    trace = BACKEND.forward(*arguments, noise=Noise(0.5, z, "membrane"), record=record)  # type: ignore[arg-type]
    for name in z:
        fired = trace.membrane[name] + 0.5 * z[name] >= 1
        np.testing.assert_array_equal(trace.spikes[name], fired)
        np.testing.assert_array_equal(trace.received[name], trace.spikes[name])
    clean = BACKEND.forward(*arguments, record=record)  # type: ignore[arg-type]
    np.testing.assert_array_equal(trace.membrane["lif1"][0], clean.membrane["lif1"][0])


def test_membrane_noise_leaves_psi_out_of_hidden_layers_unless_asked() -> None:
    state = states(2, position="membrane")[2]
    without = gradients(state, position="membrane")
    with_psi = gradients(state, position="membrane", membrane_psi=True)
    np.testing.assert_array_equal(without["readout.weight"], with_psi["readout.weight"])
    model = NoiseModel(0.2, "gaussian", "time", "membrane")
    noise = draw_noise(model, PROBLEM.network, 4, Key(9) / "noise")
    trace = BACKEND.forward(
        PROBLEM.network,
        PROBLEM.params,
        PROBLEM.batch,
        noise=noise,
        record=frozenset({"derivative", "eligibility"}),
    )
    signal = trace.errors @ (np.asarray(state["lif2"]) / (1 - 0.75**2)).T
    for psi, found in ((1.0, without), (trace.derivative["lif2"], with_psi)):
        values = trace.eligibility["hidden2"].values
        expected = np.einsum("tbn,tbi->ni", signal * psi, values) / 4
        np.testing.assert_allclose(found["hidden2.weight"], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"freeze_after": 1, "warm_up": 2}, "freeze_after: got 1 with warm_up=2; expected at"),
        (
            {"freeze_after": 2, "warm_up": 2, "use": "after"},
            "freeze_after: got 2 with warm_up=2; expected at least 3",
        ),
        ({"freeze_after": -1}, "freeze_after: got -1"),
        ({"freeze_after": 1.5}, "freeze_after: got 1.5"),
        ({"warm_up": True}, "warm_up: got True"),
        ({"membrane_psi": True}, "membrane_psi: got True with noise on the spikes"),
        ({"output": "sequence"}, "pairing: got 'time' with output='sequence'; expected 'none'"),
        ({"start": "given"}, "start: got 'given' with no matrices"),
        ({"feedback": {}}, "start: got 'zero' with matrices"),
        ({"momentum": 1.0}, "lambda (momentum): got 1.0"),
        ({"alpha": 0}, "alpha: got 0"),
    ],
)
def test_options_that_contradict_are_a_one_line_error(options: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_estimator("opzo", **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("start", "zeros"),
        ("position", "spikes"),
        ("output", "steps"),
        ("traces", "noisy"),
        ("temporal", "bptt"),
        ("law", "normal"),
        ("pairing", "pairs"),
    ],
)
def test_unknown_values_of_options_list_the_known_ones(option: str, value: str) -> None:
    with pytest.raises(UsageError, match=rf"{option}.*got '{value}'; expected one of"):
        make_estimator("opzo", **{option: value})


def test_outputs_of_the_sequence_need_a_loss_of_the_sequence() -> None:
    estimator = make_estimator("opzo", output="sequence", pairing="none")
    with pytest.raises(ConfigurationError, match="output: got 'sequence' with a loss of the step"):
        estimator.init(BACKEND, PROBLEM.network, Key(0))
    network = PROBLEM.network.replace(loss=Loss(over="sequence"))
    assert estimator.init(BACKEND, network, Key(0))


@pytest.mark.parametrize(
    ("feedback", "words"),
    [
        ({"lif1": np.ones((5, 3))}, "got matrices for ['lif1']; expected one for each of"),
        ({"lif1": np.ones((5, 3)), "lif3": np.ones((4, 3))}, "['lif1', 'lif3']"),
        (
            {"lif1": np.ones((5, 3)), "lif2": np.ones((3, 4))},
            "feedback of lif2: got shape (3, 4); expected (4, 3), (units, classes).",
        ),
    ],
)
@pytest.mark.parametrize("name", ["opzo", "dfa", "dkp"])
def test_given_matrices_that_do_not_fit_are_named(name: str, feedback: Any, words: str) -> None:
    options = {"start": "given"} if name == "opzo" else {}
    estimator = make_estimator(name, feedback=feedback, **options)
    with pytest.raises(DataError) as caught:
        estimator.init(BACKEND, PROBLEM.network, Key(0))
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["opzo", "dfa", "feedback_alignment", "local_learning"])
def test_a_state_that_does_not_fit_the_network_is_named(name: str) -> None:
    estimator = make_estimator(name)
    state = dict(estimator.init(BACKEND, PROBLEM.network, Key(0)))
    arguments = (BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch)
    first = next(iter(state))
    wrong = {**state, first: np.ones((2, 2))}
    with pytest.raises(DataError, match=rf"state of {name}, {first}: got shape \(2, 2\); expected"):
        estimator.estimate(*arguments, wrong, Key(0))
    del wrong[first]
    with pytest.raises(DataError, match=rf"state of {name}: got .*; expected .*{first}"):
        estimator.estimate(*arguments, wrong, Key(0))


def test_intermediate_learning_needs_a_layer_before_its_own() -> None:
    one = dyadic_problem((5,), steps=2, seed=0)
    for layer, network, words in (
        (None, one.network, "got 'lif1', the first of 1 hidden"),
        ("lif1", PROBLEM.network, "got 'lif1', the first of 2 hidden"),
    ):
        estimator = make_estimator("intermediate_global", layer=layer)
        with pytest.raises(ConfigurationError, match=words):
            estimator.init(BACKEND, network, Key(0))
    estimator = make_estimator("intermediate_global", layer="lif7")
    with pytest.raises(UsageError, match="layer: got 'lif7'; expected one of lif1, lif2"):
        estimator.init(BACKEND, PROBLEM.network, Key(0))


def test_a_slice_longer_than_what_is_left_is_an_error() -> None:
    estimator = make_estimator("dfa")
    state = estimator.init(BACKEND, PROBLEM.network, Key(0))
    run = OnlineEstimate(estimator, BACKEND, PROBLEM.network, PROBLEM.batch, state, Key(0))
    run.advance(PROBLEM.params, 2)
    with pytest.raises(ConfigurationError, match="steps: got 2; expected 1 to 1, what is left"):
        run.advance(PROBLEM.params, 2)
