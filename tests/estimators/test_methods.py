"""What each method's equation says, by hand."""

from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimate
from gradassay.core.keys import Key
from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.noise import Noise, draw_noise
from gradassay.core.params import Params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend, bptt_gradient, online_gradient
from gradassay.torch_snn import TorchBackend
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.small_problems import (
    SmallProblem,
    convolution_problem,
    dyadic_problem,
    residual_problem,
)

BACKEND = ReferenceBackend()
PROBLEM = dyadic_problem((5, 4), steps=3, seed=0)
CHAINS = [PROBLEM, convolution_problem(0)]
every_problem = pytest.mark.parametrize(
    "problem", [*CHAINS, residual_problem(0)], ids=lambda problem: problem.name
)
every_chain = pytest.mark.parametrize("problem", CHAINS, ids=lambda problem: problem.name)


def estimated(name: str, problem: SmallProblem = PROBLEM, **options: Any) -> Estimate:
    given = {key: options.pop(key) for key in ("state", "noise", "replicates") if key in options}
    estimator = make_estimator(name, **options)
    state = given.pop("state", None)
    if state is None:
        state = estimator.init(BACKEND, problem.network, Key(0))
    arguments = (BACKEND, problem.network, problem.params, problem.batch, state, Key(0))
    return estimator.estimate(*arguments, **given)


def some_noise(problem: SmallProblem, scale: float = 0.5) -> Noise:
    network, generator = problem.network, Key(8).generator()
    sizes = (network.steps, problem.batch.size)
    values = {x.name: generator.normal(size=(*sizes, x.units)) for x in network.spiking}
    return Noise(scale, values)


@every_problem
def test_spatial_bp_is_the_book_and_exact_in_time_it_is_bptt(problem: SmallProblem) -> None:
    model = (problem.network, problem.params, problem.batch)
    found = estimated("spatial_bp", problem).gradient
    assert relative_difference(found, online_gradient(*model)) < 1e-11
    through_time = estimated("spatial_bp", problem, temporal="local_bptt").gradient
    expected = bptt_gradient(*model, reset_gradient=False)
    assert relative_difference(through_time, expected) < 1e-11
    assert relative_difference(found, expected) > 1e-3


@every_chain
def test_feedback_alignment_with_the_weights_themselves_is_spatial_bp(
    problem: SmallProblem,
) -> None:
    state = {x.name: problem.params[f"{x.name}.weight"] for x in problem.network.weighted[1:]}
    found = estimated("feedback_alignment", problem, state=state).gradient
    assert relative_difference(found, estimated("spatial_bp", problem).gradient) < 1e-13


def test_feedback_alignment_sends_delta_through_its_matrix() -> None:
    state = {
        "hidden2": Key(1).generator().normal(size=(4, 5)),
        "readout": Key(2).generator().normal(size=(3, 4)),
    }
    found = estimated("feedback_alignment", state=state).gradient
    swapped = Params(
        {**PROBLEM.params, **{f"{name}.weight": matrix for name, matrix in state.items()}}
    )
    trace = BACKEND.forward(
        PROBLEM.network,
        PROBLEM.params,
        PROBLEM.batch,
        record=frozenset({"derivative", "eligibility"}),
    )
    delta = trace.errors @ swapped["readout.weight"] * trace.derivative["lif2"]
    delta = delta @ swapped["hidden2.weight"] * trace.derivative["lif1"]
    seen = trace.eligibility["hidden1"]
    expected = np.einsum("tbn,tbi->ni", delta, seen.values) / 4
    np.testing.assert_allclose(found["hidden1.weight"], expected, rtol=1e-12)


@every_problem
def test_sign_symmetric_depends_on_signs_and_mean_size_only(problem: SmallProblem) -> None:
    backend = ReferenceBackend()
    state: dict[str, Any] = {}
    for layer in problem.network.weighted[1:]:
        if len(layer.weight_shape) > 1:
            weight = backend.weight(layer, problem.params)  # type: ignore[arg-type]
            state[layer.name] = np.sign(weight) * np.abs(weight).mean()
    found = estimated("sign_symmetric", problem).gradient
    as_fixed = make_estimator("feedback_alignment")
    expected = as_fixed.estimate(
        backend, problem.network, problem.params, problem.batch, state, Key(0)
    ).gradient
    assert relative_difference(found, expected) < 1e-12


def test_cosine_of_gaussian_weights_with_their_signs_is_root_two_over_pi() -> None:
    weight = Key(0).generator().normal(size=200_000)
    cosine = weight @ np.sign(weight) / np.linalg.norm(weight) / len(weight) ** 0.5
    # standard deviation of the cosine is below 1 / sqrt(n); five of them
    assert abs(cosine - np.sqrt(2 / np.pi)) < 5 / len(weight) ** 0.5


@every_problem
def test_direct_feedback_is_the_books(problem: SmallProblem) -> None:
    estimator = make_estimator("dfa")
    state = estimator.init(BACKEND, problem.network, Key(0))
    expected = online_gradient(problem.network, problem.params, problem.batch, feedback=state)
    assert relative_difference(estimated("dfa", problem).gradient, expected) < 1e-12


@pytest.mark.parametrize("name", ["dfa", "local_learning", "zo_single_point", "opzo"])
def test_direct_signals_need_no_recursion_in_time_but_after_a_hard_reset(name: str) -> None:
    for reset, same in (("soft", True), ("none", True), ("hard", False)):
        problem = dyadic_problem((5, 4), steps=4, seed=0, neuron=Neuron(reset=reset))  # type: ignore[arg-type]
        options = {"use": "after"} if name == "opzo" else {}
        online, exact = (
            estimated(name, problem, temporal=temporal, **options).gradient
            for temporal in ("online", "local_bptt")
        )
        assert (relative_difference(online, exact) < 1e-13) == same


def test_dkp_learns_by_activity_times_error_with_decay() -> None:
    estimator = make_estimator("dkp", step=0.1, decay=0.5)
    state = estimator.init(BACKEND, PROBLEM.network, Key(0))
    after = estimated("dkp", step=0.1, decay=0.5).state
    trace = BACKEND.forward(
        PROBLEM.network, PROBLEM.params, PROBLEM.batch, record=frozenset({"spikes"})
    )
    for name in ("lif1", "lif2"):
        change = np.einsum("tbn,tbm->nm", trace.spikes[name], trace.errors) / 4
        expected = state[name] - 0.1 * (change + 0.5 * state[name])
        np.testing.assert_allclose(after[name], expected, rtol=1e-13)


@pytest.mark.parametrize("form", ["central", "forward"])
def test_two_point_multiplies_noise_with_the_difference_of_losses(form: str) -> None:
    noise = some_noise(PROBLEM)
    model, record = (PROBLEM.network, PROBLEM.params, PROBLEM.batch), {"derivative", "eligibility"}
    plus, minus, clean = (
        BACKEND.forward(*model, noise=z, record=record)  # type: ignore[arg-type]
        for z in (noise, noise.map(lambda z: -z), None)
    )
    used, slope = plus, (plus.losses - minus.losses) / 1.0
    if form == "forward":
        used, slope = clean, (plus.losses - clean.losses) / 0.5
    delta = used.derivative["lif2"] * noise.values["lif2"] * slope[..., None]
    expected = np.einsum("tbn,tbi->ni", delta, used.eligibility["hidden2"].values) / 4
    found = estimated("zo_two_point", form=form, noise=noise).gradient
    np.testing.assert_allclose(found["hidden2.weight"], expected, rtol=1e-12)


def test_pseudo_zeroth_order_applies_the_change_of_the_output_to_the_clean_error() -> None:
    noise = some_noise(PROBLEM)
    model, record = (PROBLEM.network, PROBLEM.params, PROBLEM.batch), {"derivative", "eligibility"}
    noisy = BACKEND.forward(*model, noise=noise)
    clean = BACKEND.forward(*model, record=record)  # type: ignore[arg-type]
    signal = np.zeros((3, 4, 4))
    for t, b in np.ndindex(3, 4):
        jacobian = np.outer(noise.values["lif2"][t, b], noisy.outputs[t, b] - clean.outputs[t, b])
        signal[t, b] = jacobian @ clean.errors[t, b] / 0.5
    delta = clean.derivative["lif2"] * signal
    expected = np.einsum("tbn,tbi->ni", delta, clean.eligibility["hidden2"].values) / 4
    found = estimated("pzo_two_point", noise=noise).gradient
    np.testing.assert_allclose(found["hidden2.weight"], expected, rtol=1e-12)


@every_problem
@pytest.mark.parametrize("form", ["central", "forward"])
def test_spsa_replays_its_perturbation_and_leaves_the_parameters_as_they_were(
    problem: SmallProblem, form: str
) -> None:
    before = {name: array.copy() for name, array in problem.params.items()}
    found = estimated("spsa", problem, form=form, alpha=0.125).gradient
    for name, array in before.items():
        np.testing.assert_array_equal(problem.params[name], array)
    model = make_estimator("spsa", form=form, alpha=0.125).noise
    assert model is not None
    z = draw_noise(model, problem.network, problem.batch.size, Key(0) / "noise").values
    losses = [
        BACKEND.forward(
            problem.network,
            problem.params.map(lambda w, d, s=shift: w + s * d[0], z),
            problem.batch,
        ).losses.sum()
        for shift in (0.125, -0.125 if form == "central" else 0.0)
    ]
    distance = 0.25 if form == "central" else 0.125
    slope = (losses[0] - losses[1]) / problem.batch.size / distance
    assert relative_difference(found, {name: slope * d[0] for name, d in z.items()}) < 1e-12


@every_problem
@pytest.mark.parametrize("temporal", ["online", "spatial", "local_bptt"])
def test_forward_gradient_in_weights_is_the_exact_slope_along_its_direction(
    problem: SmallProblem, temporal: str
) -> None:
    exact = estimated("spatial_bp", problem, temporal=temporal).gradient
    found = estimated("forward_gradient", problem, temporal=temporal, space="weight").gradient
    model = make_estimator("forward_gradient", space="weight").noise
    assert model is not None
    drawn = draw_noise(model, problem.network, problem.batch.size, Key(0) / "noise").values
    slope = float(exact.dot({name: z[0] for name, z in drawn.items()}))
    assert relative_difference(found, {n: slope * z[0] for n, z in drawn.items()}) < 1e-9


@every_problem
@pytest.mark.parametrize("temporal", ["online", "spatial", "local_bptt"])
def test_forward_gradients_over_all_nodes_one_by_one_add_up_to_backpropagation(
    problem: SmallProblem, temporal: str
) -> None:
    network = problem.network
    units = [(layer, unit) for layer in network.spiking for unit in range(layer.units)]
    steps = range(network.steps) if temporal == "local_bptt" else [None]
    directions = [(*place, step) for place in units for step in steps]
    sizes = (network.steps, len(directions), problem.batch.size)
    values = {x.name: np.zeros((*sizes, x.units)) for x in network.spiking}
    for number, (layer, unit, step) in enumerate(directions):
        # within a step, directions at different steps do not meet: all steps at once
        values[layer.name][slice(None) if step is None else step, number, :, unit] = 1.0
    noise = Noise(
        1.0, {n: z.reshape(network.steps, -1, z.shape[-1]) for n, z in values.items()}, "none"
    )
    found = estimated(
        "forward_gradient",
        problem,
        temporal=temporal,
        noise=noise,
        replicates=range(len(directions)),
    ).gradient.map(lambda rows: rows.sum(axis=0))
    exact = estimated("spatial_bp", problem, temporal=temporal).gradient
    above = {n for n in network.shapes if not network.below_neurons(n.rpartition(".")[0])}
    for name in network.shapes:
        times = len(directions) if name in above else 1
        np.testing.assert_allclose(found[name], times * exact[name], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("temporal", ["online", "local_bptt"])
def test_localzo_with_signs_is_a_rectangle(temporal: str) -> None:
    neuron = Neuron(surrogate=Surrogate("rectangle", 2.0))
    rectangular = SmallProblem(
        "rectangle", PROBLEM.network.replace(neuron=neuron), PROBLEM.params, PROBLEM.batch
    )
    found = estimated("localzo", law="rademacher", width=0.25, temporal=temporal).gradient
    expected = estimated("spatial_bp", rectangular, temporal=temporal).gradient
    assert float(expected["hidden1.weight"].any())
    assert relative_difference(found, expected) < 1e-13


def test_localzo_is_the_central_difference_of_each_spike() -> None:
    noise = Noise(0.5, some_noise(PROBLEM).values, "none")
    record = frozenset({"membrane", "eligibility"})
    trace = BACKEND.forward(PROBLEM.network, PROBLEM.params, PROBLEM.batch, record=record)  # type: ignore[arg-type]
    z, u = noise.values["lif2"], trace.membrane["lif2"]
    # z (s(u + delta z) - s(u - delta z)) / (2 delta), s the spike
    spikes = [(u + sign * 0.5 * z >= 1).astype(float) for sign in (1, -1)]
    psi = z * (spikes[0] - spikes[1]) / (2 * 0.5)
    delta = psi * (trace.errors @ PROBLEM.params["readout.weight"])
    expected = np.einsum("tbn,tbi->ni", delta, trace.eligibility["hidden2"].values) / 4
    found = estimated("localzo", width=0.5, noise=noise).gradient
    np.testing.assert_allclose(found["hidden2.weight"], expected, rtol=1e-12)


def test_local_learning_is_backpropagation_of_each_layers_own_loss() -> None:
    estimator = make_estimator("local_learning", step=0.25)
    state = estimator.init(BACKEND, PROBLEM.network, Key(0))
    found = estimated("local_learning", step=0.25)
    # the loss of layer 1's own readout is that of a network that ends there
    first = dyadic_problem((5,), steps=3, seed=0)
    params = Params(
        {
            "hidden1.weight": PROBLEM.params["hidden1.weight"],
            "hidden1.bias": PROBLEM.params["hidden1.bias"],
            "readout.weight": state["readout/lif1"].T,
            "readout.bias": np.zeros(3),
        }
    )
    expected = online_gradient(first.network, params, PROBLEM.batch)
    for name in ("hidden1.weight", "hidden1.bias"):
        np.testing.assert_allclose(found.gradient[name], expected[name], rtol=1e-12)
    learnt = state["readout/lif1"] - 0.25 * expected["readout.weight"].T
    np.testing.assert_allclose(found.state["readout/lif1"], learnt, rtol=1e-12)


def test_intermediate_learning_feeds_back_from_the_middle_and_nothing_above_it() -> None:
    problem = dyadic_problem((5, 4, 3), steps=4, seed=0)
    estimator = make_estimator("intermediate_global", momentum=0.5, alpha=0.5)
    state = {
        "lif1": Key(1).generator().normal(size=(5, 3)),
        "readout/lif2": Key(2).generator().normal(size=(4, 3)),
        "updates": np.array(2.0),
    }
    noise = some_noise(problem)
    found = estimator.estimate(
        BACKEND, problem.network, problem.params, problem.batch, state, Key(0), noise=noise
    )
    trace = BACKEND.forward(
        problem.network,
        problem.params,
        problem.batch,
        noise=noise,
        record=frozenset({"spikes", "derivative", "eligibility"}),
    )
    outputs = trace.spikes["lif2"] @ state["readout/lif2"]
    _, errors = BACKEND.loss(problem.network, outputs, problem.batch.targets)
    delta = trace.derivative["lif1"] * (errors @ state["lif1"].T) / (1 - 0.25)
    expected = np.einsum("tbn,tbi->ni", delta, trace.eligibility["hidden1"].values) / 4
    np.testing.assert_allclose(found.gradient["hidden1.weight"], expected, rtol=1e-12)
    assert not found.gradient["hidden3.weight"].any()
    term = np.einsum("tbn,tbm->nm", noise.values["lif1"], outputs) / (4 * 4 * 0.5)
    np.testing.assert_allclose(found.state["lif1"], (state["lif1"] + term) / 2, rtol=1e-12)


def part_of(name: str, state: Any) -> dict[str, Any]:
    """Return the arrays of one method of a sum."""
    start = f"{name}/"
    return {n.removeprefix(start): a for n, a in state.items() if n.startswith(start)}


def test_a_sum_adds_the_parts_gradients_and_takes_the_readouts_once() -> None:
    both = make_estimator("dfa+0.25*local_learning")
    state = both.init(BACKEND, PROBLEM.network, Key(0))
    found = both.estimate(
        BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch, state, Key(0)
    ).gradient
    parts = {
        name: estimated(name, state=part_of(name, state)).gradient
        for name in ("dfa", "local_learning")
    }
    for name in PROBLEM.network.shapes:
        expected = parts["dfa"][name]
        if not name.startswith("readout"):
            expected = expected + 0.25 * parts["local_learning"][name]
        np.testing.assert_allclose(found[name], expected, rtol=1e-13, atol=1e-15)


def test_backpropagation_in_a_sum_does_not_carry_the_local_losses_down() -> None:
    both = make_estimator("spatial_bp+0.5*local_learning")
    state = both.init(BACKEND, PROBLEM.network, Key(0))
    found = both.estimate(
        BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch, state, Key(0)
    ).gradient
    local = part_of("local_learning", state)
    expected = (
        estimated("spatial_bp").gradient["hidden1.weight"]
        + 0.5 * estimated("local_learning", state=local).gradient["hidden1.weight"]
    )
    np.testing.assert_allclose(found["hidden1.weight"], expected, rtol=1e-13)


def test_baseline_is_subtracted_from_the_loss_and_learns_its_mean() -> None:
    noise = some_noise(PROBLEM, 0.2)
    state = {"baseline": np.array(0.19), "updates": np.array(2.0)}
    plain = estimated("zo_single_point", noise=noise).gradient
    found = estimated("zo_single_point", noise=noise, baseline=0.9, state=state)
    level = 0.19 / (1 - 0.9**2)
    one = BACKEND.forward(
        PROBLEM.network,
        PROBLEM.params,
        PROBLEM.batch,
        noise=noise,
        record=frozenset({"derivative", "eligibility"}),
    )
    delta = one.derivative["lif2"] * noise.values["lif2"] * (level / 0.2)
    away = np.einsum("tbn,tbi->ni", delta, one.eligibility["hidden2"].values) / 4
    np.testing.assert_allclose(
        found.gradient["hidden2.weight"], plain["hidden2.weight"] - away, rtol=1e-11
    )
    expected = 0.9 * 0.19 + 0.1 * one.losses.mean()
    np.testing.assert_allclose(float(found.state["baseline"]), expected, rtol=1e-13)
    assert float(found.state["updates"]) == 3


def test_a_baseline_of_long_memory_is_corrected_for_its_start_in_float32_too() -> None:
    memory, backend, noise = 1 - 1e-7, TorchBackend("float32"), some_noise(PROBLEM, 0.2)
    state = {"baseline": np.array(0.4e-7), "updates": np.array(1.0)}  # one batch, of loss 0.4
    expected = estimated("zo_single_point", noise=noise, baseline=memory, state=state).gradient
    estimator = make_estimator("zo_single_point", baseline=memory)
    found = estimator.estimate(
        backend,
        PROBLEM.network,
        PROBLEM.params.map(backend.asarray),
        Batch(backend.asarray(PROBLEM.batch.inputs), backend.asarray(PROBLEM.batch.targets)),
        {name: backend.asarray(array) for name, array in state.items()},
        Key(0),
        noise=noise.map(backend.asarray),
    ).gradient
    assert relative_difference(found.map(backend.to_numpy), expected) < 1e-5
