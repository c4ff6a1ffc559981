"""Equations of the methods where a factor is 0, a step is the first, or a replicate is alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimator, State, stack_states
from gradassay.core.keys import Key
from gradassay.core.layers import Spiking
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.noise import Noise, draw_noise
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.small_problems import (
    SmallProblem,
    dyadic,
    dyadic_problem,
)

BACKEND, KEY = ReferenceBackend(), Key(6)
PROBLEM = dyadic_problem((5, 4), steps=3, seed=0)
DEEP = dyadic_problem((5, 4, 3), steps=3, seed=0)
SEQUENCE = Key(2).generator().random((3, 8, 6)) * 2


def estimate(estimator: Estimator, problem: SmallProblem, state: State, **options: Any) -> Any:
    batch = options.pop("batch", problem.batch)
    return estimator.estimate(
        BACKEND, problem.network, problem.params, batch, state, KEY, **options
    )


METHODS: dict[str, Estimator] = {
    "dfa": make_estimator("dfa"),
    "dkp": make_estimator("dkp", step=0.5),
    "feedback_alignment": make_estimator("feedback_alignment"),
    "opzo": make_estimator("opzo", momentum=0.5),
    "opzo after": make_estimator("opzo", momentum=0.5, use="after", warm_up=1),
    "opzo frozen": make_estimator("opzo", momentum=0.5, freeze_after=1),
    "zo baseline": make_estimator("zo_single_point", baseline=0.5),
    "pzo_two_point": make_estimator("pzo_two_point"),
    "localzo": make_estimator("localzo"),
    "forward gradient": make_estimator("forward_gradient"),
    "forward gradient in weights": make_estimator("forward_gradient", space="weight"),
    "local_learning": make_estimator("local_learning"),
    "intermediate_global": make_estimator("intermediate_global", momentum=0.5),
    "spsa": make_estimator("spsa"),
    "spsa forward": make_estimator("spsa", form="forward", law="rademacher"),
    "sum": make_estimator("opzo+0.5*local_learning+0.25*intermediate_global", momentum=0.5),
}


def two_states(estimator: Estimator) -> list[State]:
    """Return the states after one update and after two, of different draws."""
    found = []
    for number in range(2):
        state = estimator.init(BACKEND, DEEP.network, Key(number))
        for step in range(number + 1):
            arguments = (BACKEND, DEEP.network, DEEP.params, DEEP.batch, state)
            state = estimator.advance(*arguments, Key(7) / number / step)
        found.append(state)
    return found


@pytest.mark.parametrize("estimator", METHODS.values(), ids=METHODS.keys())
@pytest.mark.parametrize("static", [True, False])
def test_replicates_with_batches_and_states_of_their_own_are_those_alone(
    estimator: Estimator, static: bool
) -> None:
    states = two_states(estimator)
    batches = [dyadic("other", DEEP.network, seed, 4).batch for seed in (7, 8)]
    folded = Batch(
        np.concatenate([batch.inputs for batch in batches]),
        np.concatenate([batch.targets for batch in batches]),
        2,
    )
    if not static:
        batches = [Batch(SEQUENCE[:, i : i + 4], folded.targets[i : i + 4]) for i in (0, 4)]
        folded = Batch(SEQUENCE, folded.targets, 2)
    stacked = stack_states(states) if states[0] else {}
    together = estimate(estimator, DEEP, stacked, batch=folded, replicates=range(3, 5))
    for place, (state, batch) in enumerate(zip(states, batches, strict=True)):
        own = range(3 + place, 4 + place)
        alone = estimate(estimator, DEEP, state, batch=batch, replicates=own)
        one = {name: array[place] for name, array in together.gradient.items()}
        assert relative_difference(one, {n: a[0] for n, a in alone.gradient.items()}) <= 1e-12
        after = {name: np.asarray(array)[place] for name, array in together.state.items()}
        expected = {
            name: np.asarray(array).reshape(after[name].shape)
            for name, array in alone.state.items()
        }
        assert relative_difference(after, expected) <= 1e-12
        rows = slice(4 * place, 4 * place + 4)
        for kind in ("outputs", "losses", "errors"):
            np.testing.assert_allclose(
                getattr(together.trace, kind)[:, rows],
                getattr(alone.trace, kind),
                rtol=1e-12,
                atol=1e-14,
            )


def test_replicates_of_spsa_share_a_plain_batch() -> None:
    estimator = make_estimator("spsa")
    together = estimate(estimator, PROBLEM, {}, replicates=range(2, 4))
    for place in range(2):
        alone = estimate(estimator, PROBLEM, {}, replicates=range(2 + place, 3 + place))
        for name, array in together.gradient.items():
            np.testing.assert_array_equal(array[place], alone.gradient[name][0])
    single = estimate(estimator, PROBLEM, {})
    first = estimate(estimator, PROBLEM, {}, replicates=range(1))
    for name, array in single.gradient.items():
        np.testing.assert_array_equal(array, first.gradient[name][0])
    np.testing.assert_array_equal(single.trace.outputs, first.trace.outputs)


@pytest.mark.parametrize("alpha", [0.125, 1.0])
def test_given_perturbations_are_those_of_each_replicate(alpha: float) -> None:
    estimator = make_estimator("spsa", form="forward", alpha=alpha)
    values = {
        name: Key(3).generator().normal(size=(2, *shape))
        for name, shape in PROBLEM.network.shapes.items()
    }
    found = estimate(
        estimator, PROBLEM, {}, noise=Noise(alpha, values, "weights"), replicates=range(2)
    ).gradient
    clean = BACKEND.forward(PROBLEM.network, PROBLEM.params, PROBLEM.batch).losses
    for place in range(2):
        moved = PROBLEM.params.map(lambda w, z, r=place: w + alpha * z[r], values)
        noisy = BACKEND.forward(PROBLEM.network, moved, PROBLEM.batch).losses
        slope = float((noisy - clean).sum()) / 4 / alpha
        one = {name: array[place] for name, array in found.items()}
        expected = {name: slope * z[place] for name, z in values.items()}
        assert relative_difference(one, expected) < 1e-12


def noise_of(network: Network, scale: float = 0.5) -> Noise:
    generator = Key(8).generator()
    return Noise(scale, {x.name: generator.normal(size=(3, 4, x.units)) for x in network.spiking})


def test_a_baseline_that_has_seen_nothing_is_not_subtracted() -> None:
    estimator = make_estimator("zo_single_point", baseline=0.5)
    state = estimator.init(BACKEND, PROBLEM.network, KEY)
    assert {name: array.tolist() for name, array in state.items()} == {
        "baseline": 0.0,
        "updates": 0.0,
    }
    noise = noise_of(PROBLEM.network)
    found = estimate(estimator, PROBLEM, state, noise=noise).gradient
    plain = estimate(make_estimator("zo_single_point"), PROBLEM, {}, noise=noise).gradient
    assert relative_difference(found, plain) == 0


def test_a_baseline_is_the_same_after_any_number_of_equal_losses() -> None:
    estimator, noise = make_estimator("zo_single_point", baseline=0.5), noise_of(PROBLEM.network)
    found = [
        estimate(
            estimator,
            PROBLEM,
            {"baseline": np.array((1 - 0.5**count) * 0.75), "updates": np.array(float(count))},
            noise=noise,
        ).gradient
        for count in (1, 2, 5)
    ]
    assert relative_difference(found[0], found[1]) < 1e-14
    assert relative_difference(found[0], found[2]) < 1e-14


def test_the_baseline_of_a_loss_of_the_sequence_is_its_sum_over_steps() -> None:
    network = PROBLEM.network.replace(loss=Loss(0.125, "sequence"))
    problem = SmallProblem("sequence", network, PROBLEM.params, PROBLEM.batch)
    estimator = make_estimator("zo_single_point", baseline=0.75)
    state = estimator.init(BACKEND, network, KEY)
    found = estimate(estimator, problem, state)
    expected = 0.25 * found.trace.losses.sum(axis=0).mean()
    assert float(found.state["baseline"]) == pytest.approx(expected, rel=1e-13)
    assert found.state["baseline"].shape == found.state["updates"].shape == ()
    many = estimate(estimator, problem, state, replicates=range(3))
    assert many.state["baseline"].shape == many.state["updates"].shape == (3,)
    assert many.state["updates"].tolist() == [1, 1, 1]


def test_a_middle_readout_learns_by_its_own_gradient() -> None:
    estimator = make_estimator("intermediate_global", step=0.25, momentum=0.5)
    state = estimator.init(BACKEND, DEEP.network, KEY)
    noise = noise_of(DEEP.network)
    found = estimate(estimator, DEEP, state, noise=noise)
    record: Any = frozenset({"spikes"})
    trace = BACKEND.forward(DEEP.network, DEEP.params, DEEP.batch, noise=noise, record=record)
    spikes, readout = trace.spikes["lif2"], state["readout/lif2"]
    _, errors = BACKEND.loss(DEEP.network, spikes @ readout, DEEP.batch.targets)
    change = np.einsum("tbn,tbm->nm", spikes, errors) / 4
    np.testing.assert_allclose(found.state["readout/lif2"], readout - 0.25 * change, rtol=1e-13)
    assert float(found.state["updates"]) == 1


def test_nothing_goes_above_the_middle_where_the_surrogate_is_zero_too() -> None:
    network = DEEP.network.replace(neuron=Neuron(surrogate=Surrogate("triangle", 0.5)))
    problem = SmallProblem("triangle", network, DEEP.params, DEEP.batch)
    estimator = make_estimator("intermediate_global")
    state = estimator.init(BACKEND, network, KEY)
    found = estimate(estimator, problem, state).gradient
    np.testing.assert_array_equal(found["hidden3.weight"], 0)
    assert found["hidden2.weight"].any()


@pytest.mark.parametrize("temporal", ["online", "local_bptt"])
def test_localzo_leaves_the_surrogate_of_a_spiking_readout_as_it_is(temporal: str) -> None:
    neuron = Neuron(surrogate=Surrogate("rectangle", 2.0))
    layers = (*PROBLEM.network.layers, Spiking("output", 3))
    problem = dyadic("spiking", Network(layers, neuron, 3, Loss(mse_weight=0.5)), 6, 4)
    estimator = make_estimator("localzo", law="rademacher", width=0.25, temporal=temporal)
    found = estimate(estimator, problem, {}).gradient
    exact = estimate(make_estimator("spatial_bp", temporal=temporal), problem, {}).gradient
    assert exact["hidden1.weight"].any()
    assert relative_difference(found, exact) < 1e-13
    other = make_estimator("localzo", law="gaussian", width=0.25, temporal=temporal)
    above = ("readout.weight", "readout.bias")
    rows = estimate(other, problem, {}).gradient
    for name in above:
        np.testing.assert_allclose(rows[name], exact[name], rtol=1e-13)


def test_localzo_counts_a_potential_at_the_edge_of_its_width_as_outside() -> None:
    """|z| = 1: psi is 1 / (2 width) where |u - threshold| < width."""
    record: Any = frozenset({"membrane", "eligibility"})
    trace = BACKEND.forward(PROBLEM.network, PROBLEM.params, PROBLEM.batch, record=record)
    distance = np.abs(trace.membrane["lif2"] - 1)
    width = float(np.sort(distance[distance > 0])[3])
    values = {x.name: -np.ones((3, 4, x.units)) for x in PROBLEM.network.spiking}
    estimator = make_estimator("localzo", law="rademacher", width=width)
    found = estimate(estimator, PROBLEM, {}, noise=Noise(width, values, "none")).gradient
    psi = (distance < width) / (2 * width)
    delta = psi * (trace.errors @ PROBLEM.params["readout.weight"])
    expected = np.einsum("tbn,tbi->ni", delta, trace.eligibility["hidden2"].values) / 4
    np.testing.assert_allclose(found["hidden2.weight"], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_sign_symmetric_sends_down_signs_times_the_gain_and_the_mean_size(gain: float) -> None:
    record: Any = frozenset({"derivative", "eligibility"})
    trace = BACKEND.forward(PROBLEM.network, PROBLEM.params, PROBLEM.batch, record=record)
    weight = PROBLEM.params["readout.weight"]
    down = np.sign(weight) * gain * np.abs(weight).mean()
    delta = trace.derivative["lif2"] * (trace.errors @ down)
    expected = np.einsum("tbn,tbi->ni", delta, trace.eligibility["hidden2"].values) / 4
    found = estimate(make_estimator("sign_symmetric", gain=gain), PROBLEM, {}).gradient
    np.testing.assert_allclose(found["hidden2.weight"], expected, rtol=1e-12)


def test_outputs_of_the_sequence_meet_the_noise_of_every_step() -> None:
    network = PROBLEM.network.replace(loss=Loss(0.125, "sequence"))
    problem = SmallProblem("sequence", network, PROBLEM.params, PROBLEM.batch)
    estimator = make_estimator(
        "opzo", output="sequence", pairing="none", momentum=0.0, alpha=0.5, use="after"
    )
    noise = noise_of(network)
    found = estimate(estimator, problem, estimator.init(BACKEND, network, KEY), noise=noise)
    outputs = found.trace.outputs.sum(axis=0)
    for name, z in noise.values.items():
        expected = np.einsum("tbn,bm->nm", z, outputs) / (3 * 4 * 0.5)
        np.testing.assert_allclose(found.state[name], expected, rtol=1e-13)


@pytest.mark.parametrize("name", ["dfa", "dkp", "opzo"])
def test_given_matrices_are_the_state(name: str) -> None:
    given = {"lif1": np.arange(15.0).reshape(5, 3), "lif2": np.ones((4, 3))}
    options: dict[str, Any] = {"start": "given"} if name == "opzo" else {}
    estimator = make_estimator(name, feedback=given, **options)
    state = estimator.init(TorchBackend("float64"), PROBLEM.network, KEY)
    for layer, matrix in given.items():
        assert isinstance(state[layer], torch.Tensor)
        np.testing.assert_array_equal(np.asarray(state[layer]), matrix)


def test_local_and_intermediate_readouts_of_one_layer_do_not_mix() -> None:
    """Both read out the middle layer, each by its own matrix."""
    names = ("local_learning", "intermediate_global")
    parts = {name: make_estimator(name, step=0.25) for name in names}
    joined = make_estimator("+".join(names), step=0.25)
    state, noise = joined.init(BACKEND, DEEP.network, KEY), noise_of(DEEP.network, 0.2)
    found = estimate(joined, DEEP, state, noise=noise)
    own = {
        name: {n.removeprefix(f"{name}/"): a for n, a in state.items() if n.startswith(name)}
        for name in names
    }
    alone = {name: estimate(part, DEEP, own[name], noise=noise) for name, part in parts.items()}
    for name in ("hidden1.weight", "hidden2.weight", "hidden3.bias"):
        expected = sum(one.gradient[name] for one in alone.values())
        np.testing.assert_allclose(found.gradient[name], expected, rtol=1e-12, atol=1e-15)
    for name, one in alone.items():
        for array, value in one.state.items():
            np.testing.assert_allclose(found.state[f"{name}/{array}"], value, rtol=1e-13)


def test_spsa_draws_the_numbers_of_its_noise_in_the_backends_precision() -> None:
    torch32, estimator = TorchBackend("float32"), make_estimator("spsa")
    assert estimator.noise is not None
    batch = Batch(torch32.asarray(PROBLEM.batch.inputs), torch32.asarray(PROBLEM.batch.targets))
    arguments: tuple[Any, ...] = (
        torch32,
        PROBLEM.network,
        PROBLEM.params.map(torch32.asarray),
        batch,
        {},
        KEY,
    )
    drawn = draw_noise(
        estimator.noise, PROBLEM.network, 4, KEY / "noise", range(2), torch32.dtype
    ).map(torch32.asarray)
    found = estimator.estimate(*arguments, replicates=range(2)).gradient
    expected = estimator.estimate(*arguments, replicates=range(2), noise=drawn).gradient
    for name, array in found.items():
        np.testing.assert_array_equal(np.asarray(array), np.asarray(expected[name]))


@pytest.mark.parametrize("coefficient", [0.5, 1.0, 2.0])
def test_a_sum_takes_each_part_times_its_coefficient(coefficient: float) -> None:
    joined = make_estimator(f"{coefficient}*dfa+local_learning")
    state = joined.init(BACKEND, PROBLEM.network, KEY)
    found = estimate(joined, PROBLEM, state).gradient
    parts = []
    for name in ("dfa", "local_learning"):
        own = {n.removeprefix(f"{name}/"): a for n, a in state.items() if n.startswith(name)}
        parts.append(estimate(make_estimator(name), PROBLEM, own).gradient)
    for name in ("hidden1.weight", "hidden2.bias"):
        expected = coefficient * parts[0][name] + parts[1][name]
        np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-15)
