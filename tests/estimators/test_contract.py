"""The contract that every estimator keeps on every backend."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Online
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimate, Estimator, State, stack_states, state_of
from gradassay.core.keys import Key
from gradassay.core.layers import Conv2d, Linear, Spiking
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron, Surrogate
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.estimators import make_estimator, zoo_names
from gradassay.estimators.layerwise import LayerwiseEstimator
from gradassay.estimators.online import OnlineEstimate
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.verify.checks.options import accepts
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.small_problems import (
    SmallProblem,
    convolution_problem,
    dyadic,
    dyadic_problem,
    residual_problem,
)

BACKENDS: dict[str, Backend] = {"numpy": ReferenceBackend(), "torch": TorchBackend("float64")}


def variants() -> dict[str, Estimator]:
    """Every method, every value of every option that changes an equation, and sums of methods."""
    made = {name: make_estimator(name) for name in zoo_names()}
    for name in zoo_names():
        for temporal in ("spatial", "local_bptt"):
            if name not in ("bptt", "spsa"):
                made[f"{name}, {temporal}"] = make_estimator(name, temporal=temporal)
    opzo = partial(make_estimator, "opzo", momentum=0.75)
    return made | {
        "bptt with reset": make_estimator("bptt", reset_gradient=True),
        "zo rademacher": make_estimator("zo_single_point", law="rademacher", alpha=0.25),
        "zo sphere": make_estimator("zo_single_point", law="sphere"),
        "zo baseline": make_estimator("zo_single_point", baseline=0.9, traces="received"),
        "zo forward": make_estimator("zo_two_point", form="forward", law="uniform"),
        "spsa forward": make_estimator("spsa", form="forward", law="rademacher"),
        "forward gradient in weights": make_estimator("forward_gradient", space="weight"),
        "forward gradient in weights, through time": make_estimator(
            "forward_gradient", space="weight", temporal="local_bptt"
        ),
        "localzo laplace": make_estimator("localzo", law="laplace", width=1.0),
        "opzo rademacher": opzo(law="rademacher", alpha=0.25),
        "opzo independent, after": opzo(pairing="none", use="after", momentum=0.5),
        "opzo lambda 0": opzo(momentum=0.0, use="after"),
        "opzo halves of the batch": opzo(pairing="batch"),
        "opzo on the membrane": opzo(position="membrane"),
        "opzo on the membrane with psi": opzo(position="membrane", membrane_psi=True),
        "opzo received": opzo(traces="received"),
        "opzo whole sequence": opzo(output="sequence", pairing="none"),
        "opzo uncorrected": opzo(start="zero_uncorrected", inverse_alpha=False),
        "opzo random start": opzo(start="random"),
        "opzo frozen": opzo(freeze_after=1),
        "opzo warming up": opzo(warm_up=1),
        "opzo+ll": make_estimator("opzo+0.5*local_learning"),
        "bp+ll": make_estimator("spatial_bp+0.5*local_learning"),
        "dfa+ll": make_estimator("dfa+0.5*local_learning"),
        "opzo+ll+igl": make_estimator("opzo+0.5*local_learning+0.25*intermediate_global"),
    }


def spiking_readout_problem(seed: int) -> SmallProblem:
    """Neurons without reset and with a triangle for surrogate, in the readout too."""
    hidden = dyadic_problem((6, 5), steps=3, seed=seed).network
    neuron = Neuron(reset="none", surrogate=Surrogate("triangle", 0.5))
    layers = (*hidden.layers, Spiking("output", 3))
    network = Network(layers, neuron, 3, Loss(mse_weight=0.5))
    return dyadic("spiking readout", network, seed, 3)


VARIANTS = variants()
PROBLEMS = {
    "one step": dyadic_problem((6,), steps=1, seed=1),
    "hard reset": dyadic_problem((7, 5), steps=4, seed=1, neuron=Neuron(reset="hard")),
    "three layers, odd T": dyadic_problem((6, 5, 4), steps=5, seed=1, samples=3),
    "loss of the sequence": dyadic_problem((8, 6), steps=3, seed=2, loss=Loss(0.5, "sequence")),
    "wide": dyadic_problem((40, 30), steps=6, seed=3, inputs=24, classes=10, samples=9),
    "convolutions": convolution_problem(4),
    "spiking readout": spiking_readout_problem(6),
    "residual": residual_problem(5),
}
every_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS.keys())
every_backend = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS.keys())


def cases(*titles: str) -> list[Any]:
    """Every estimator on every problem whose network it accepts; who refuses what is tested."""
    return [
        pytest.param(estimator, problem, id=f"{name}-{title}")
        for name, estimator in VARIANTS.items()
        for title, problem in PROBLEMS.items()
        if accepts(estimator, problem) and (not titles or title in titles)
    ]


every_case = pytest.mark.parametrize(("estimator", "problem"), cases())
REFUSED = {
    ("intermediate_global", "one step"),
    ("intermediate_global, spatial", "one step"),
    ("intermediate_global, local_bptt", "one step"),
    ("opzo+ll+igl", "one step"),
    *(("opzo whole sequence", title) for title in PROBLEMS if title != "loss of the sequence"),
}


def test_an_estimator_refuses_no_network_but_those_without_a_layer_or_loss_that_it_needs() -> None:
    refused = {
        (name, title)
        for name, estimator in VARIANTS.items()
        for title, problem in PROBLEMS.items()
        if not accepts(estimator, problem)
    }
    assert refused == REFUSED


def some_noise(estimator: Estimator, problem: SmallProblem, seed: int) -> Noise | None:
    """Return noise of a shape that fits the estimator, normal whatever its law."""
    model = estimator.noise
    if model is None:
        return None
    network, generator = problem.network, Key(seed).generator()
    if model.position == "weights":
        shapes = {name: (1, *shape) for name, shape in network.shapes.items()}
    else:
        sizes = (network.steps, problem.batch.size)
        shapes = {layer.name: (*sizes, layer.units) for layer in network.spiking}
    values = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    return Noise(model.scale, values, model.position)


def warm_state(estimator: Estimator, problem: SmallProblem) -> State:
    backend = ReferenceBackend()
    state = estimator.init(backend, problem.network, Key(4))
    for step in range(2):
        state = estimator.advance(
            backend, problem.network, problem.params, problem.batch, state, Key(5) / step
        )
    return state


def on(backend: Backend, arrays: Any) -> dict[str, Any]:
    return {name: backend.asarray(np.asarray(array)) for name, array in arrays.items()}


def estimate(
    estimator: Estimator,
    backend: Backend,
    problem: SmallProblem,
    state: State,
    *,
    batch: Batch | None = None,
    **options: Any,
) -> Estimate:
    batch = batch or problem.batch
    return estimator.estimate(
        backend,
        problem.network,
        Params(on(backend, problem.params)),
        Batch(backend.asarray(batch.inputs), backend.asarray(batch.targets), batch.folds),
        on(backend, state),
        Key(6),
        **options,
    )


def as_numpy(backend: Backend, gradient: Params) -> Params:
    return gradient.map(backend.to_numpy)


@every_case
def test_reference_and_torch_agree_given_the_same_noise(
    estimator: Estimator, problem: SmallProblem
) -> None:
    state = warm_state(estimator, problem)
    torch = BACKENDS["torch"]
    found = estimate(estimator, torch, problem, state)
    expected = estimate(estimator, BACKENDS["numpy"], problem, state)
    assert float(expected.gradient.norm()) > 0
    assert relative_difference(as_numpy(torch, found.gradient), expected.gradient) <= 1e-12
    after = {name: torch.to_numpy(array) for name, array in found.state.items()}
    assert relative_difference(after, expected.state) <= 1e-12


@every_case
@every_backend
def test_gradients_have_the_parameters_shapes_and_replicates_a_leading_axis(
    estimator: Estimator, problem: SmallProblem, backend: Backend
) -> None:
    state = warm_state(estimator, problem)
    plain = estimate(estimator, backend, problem, state).gradient
    assert {n: tuple(a.shape) for n, a in plain.items()} == problem.network.shapes
    folded = estimate(estimator, backend, problem, state, replicates=range(3)).gradient
    assert {n: tuple(a.shape)[1:] for n, a in folded.items()} == problem.network.shapes
    assert {a.shape[0] for a in folded.values()} == {3}


@every_case
@every_backend
def test_folded_replicates_equal_a_loop_over_them(
    estimator: Estimator, problem: SmallProblem, backend: Backend
) -> None:
    state = warm_state(estimator, problem)
    numbers = range(5, 9)
    folded = estimate(estimator, backend, problem, state, replicates=numbers)
    for place, number in enumerate(numbers):
        alone = estimate(estimator, backend, problem, state, replicates=range(number, number + 1))
        one = {n: backend.to_numpy(a)[place] for n, a in folded.gradient.items()}
        expected = {n: backend.to_numpy(a)[0] for n, a in alone.gradient.items()}
        assert relative_difference(one, expected) <= 1e-12
        expected = {n: backend.to_numpy(a) for n, a in alone.state.items()}
        after = {n: backend.to_numpy(a) for n, a in folded.state.items()}
        own = {n: a[place] if a.ndim > expected[n].ndim else a for n, a in after.items()}
        assert relative_difference(own, expected) <= 1e-12


@pytest.mark.parametrize(("estimator", "problem"), cases("three layers, odd T", "convolutions"))
@every_backend
def test_replicates_with_batches_and_states_of_their_own_equal_a_loop(
    estimator: Estimator, problem: SmallProblem, backend: Backend
) -> None:
    others = [dyadic(problem.name, problem.network, seed, 3).batch for seed in (7, 8)]
    states = [warm_state(estimator, problem)]
    states.append(
        estimator.advance(
            ReferenceBackend(), problem.network, problem.params, others[1], states[0], Key(8)
        )
    )
    folded_batch = Batch(
        np.concatenate([b.inputs for b in others]), np.concatenate([b.targets for b in others]), 2
    )
    stacked = stack_states([{n: np.asarray(a) for n, a in s.items()} for s in states])
    folded = estimate(
        estimator, backend, problem, stacked, batch=folded_batch, replicates=range(2)
    ).gradient
    for number, batch in enumerate(others):
        alone = estimate(
            estimator,
            backend,
            problem,
            state_of(stacked, number),
            batch=batch,
            replicates=range(number, number + 1),
        ).gradient
        one = {n: backend.to_numpy(a)[number] for n, a in folded.items()}
        expected = {n: backend.to_numpy(a)[0] for n, a in alone.items()}
        assert relative_difference(one, expected) <= 1e-12


@every_case
@every_backend
def test_same_key_gives_the_same_bits_and_nothing_given_changes(
    estimator: Estimator, problem: SmallProblem, backend: Backend
) -> None:
    state = on(backend, warm_state(estimator, problem))
    params = Params(on(backend, problem.params))
    batch = Batch(backend.asarray(problem.batch.inputs), backend.asarray(problem.batch.targets))
    given = {**params, **state, "inputs": batch.inputs, "targets": batch.targets}
    before = {name: backend.to_numpy(array).copy() for name, array in given.items()}
    first, second = (
        estimator.estimate(backend, problem.network, params, batch, state, Key(6)).gradient
        for _ in range(2)
    )
    for name in first:
        np.testing.assert_array_equal(backend.to_numpy(first[name]), backend.to_numpy(second[name]))
    for name, array in given.items():
        np.testing.assert_array_equal(backend.to_numpy(array), before[name])


@every_case
@every_backend
def test_advance_gives_the_state_of_estimate(
    estimator: Estimator, problem: SmallProblem, backend: Backend
) -> None:
    state = on(backend, warm_state(estimator, problem))
    params = Params(on(backend, problem.params))
    batch = Batch(backend.asarray(problem.batch.inputs), backend.asarray(problem.batch.targets))
    arguments = (backend, problem.network, params, batch, state, Key(6))
    advanced = estimator.advance(*arguments)
    estimated = estimator.estimate(*arguments).state
    assert list(advanced) == list(estimated)
    for name in advanced:
        np.testing.assert_array_equal(
            backend.to_numpy(advanced[name]), backend.to_numpy(estimated[name])
        )


@every_case
def test_order_of_the_samples_does_not_matter(estimator: Estimator, problem: SmallProblem) -> None:
    backend, state = BACKENDS["numpy"], warm_state(estimator, problem)
    order = Key(1).generator().permutation(problem.batch.size)
    noise = shuffled = some_noise(estimator, problem, 1)
    if noise is not None and noise.position != "weights":
        shuffled = noise.map(lambda z: z[:, order])
    batch = Batch(problem.batch.inputs[order], problem.batch.targets[order])
    found = estimate(estimator, backend, problem, state, batch=batch, noise=shuffled)
    expected = estimate(estimator, backend, problem, state, noise=noise)
    assert relative_difference(found.gradient, expected.gradient) <= 1e-12


class Turned:
    """A permutation of the first hidden layer's units; of its channels, where it has some."""

    def __init__(self, network: Network) -> None:
        first, second = network.weighted[0], network.weighted[1]
        assert isinstance(first, Linear | Conv2d)
        channels = first.weight_shape[0]
        self.first, self.second, self.lif = first.name, second.name, network.spiking[0].name
        self.channels = Key(2).generator().permutation(channels)
        places = np.arange(first.outputs).reshape(channels, -1)
        self.units = places[self.channels].ravel()
        flat = isinstance(second, Linear) and isinstance(first, Conv2d)
        assert not flat, "the second layer must see channels or units"

    def parameters(self, arrays: Any, lead: int = 0) -> dict[str, np.ndarray]:
        """Move weights, or what stands for them, with `lead` axes before them."""
        moved = {name: np.asarray(array) for name, array in arrays.items()}
        for name, array in moved.items():
            owner, _, part = name.rpartition(".")
            if owner == self.first:
                moved[name] = np.take(array, self.channels, axis=lead)
            if (owner == self.second and part == "weight") or name == self.second:
                moved[name] = np.take(array, self.channels, axis=lead + 1)
        return moved

    def state(self, state: State) -> dict[str, np.ndarray]:
        """Move feedback matrices."""
        moved = self.parameters(state)
        for name, array in moved.items():
            if name.rpartition("/")[2] == self.lif:
                moved[name] = np.asarray(array)[self.units]
        return moved

    def noise(self, noise: Noise | None) -> Noise | None:
        """Move noise."""
        if noise is None:
            return None
        if noise.position == "weights":
            return Noise(noise.scale, self.parameters(noise.values, 1), noise.position)
        lif = {self.lif: noise.values[self.lif][..., self.units]}
        return Noise(noise.scale, {**noise.values, **lif}, noise.position)


# a residual stream ties the units of several layers together
CHAINS = [title for title in PROBLEMS if title != "residual"]


@pytest.mark.parametrize(("estimator", "problem"), cases(*CHAINS))
def test_permuting_neurons_permutes_the_gradient(
    estimator: Estimator, problem: SmallProblem
) -> None:
    backend, state = BACKENDS["numpy"], warm_state(estimator, problem)
    turned, noise = Turned(problem.network), some_noise(estimator, problem, 2)
    expected = estimate(estimator, backend, problem, state, noise=noise).gradient
    moved = SmallProblem(
        problem.name, problem.network, Params(turned.parameters(problem.params)), problem.batch
    )
    found = estimate(
        estimator, backend, moved, turned.state(state), noise=turned.noise(noise)
    ).gradient
    assert relative_difference(found, turned.parameters(expected)) <= 1e-12


@every_case
@every_backend
def test_a_run_in_slices_equals_the_whole_sequence(
    estimator: Estimator, problem: SmallProblem, backend: Backend
) -> None:
    given = on_backend(backend, problem, warm_state(estimator, problem))
    params, batch, state = given
    if not runs_online(estimator, problem):
        with pytest.raises(ConfigurationError, match="Update the weights once a sequence"):
            OnlineEstimate(estimator, backend, problem.network, batch, state, Key(6))
        return
    whole = estimator.estimate(backend, problem.network, params, batch, state, Key(6))
    for length in range(1, problem.network.steps + 1):
        run = OnlineEstimate(estimator, backend, problem.network, batch, state, Key(6))
        total = params.zeros_like()
        while not run.finished:
            steps = min(length, problem.network.steps - run.done)
            total = total.map(lambda a, b: a + b, run.advance(params, steps).gradient)
        found, expected = as_numpy(backend, total), as_numpy(backend, whole.gradient)
        assert relative_difference(found, expected) <= 1e-11
        after = {name: backend.to_numpy(array) for name, array in whole.state.items()}
        learnt = {name: backend.to_numpy(array) for name, array in run.state.items()}
        assert relative_difference(learnt, after) <= 1e-11


def runs_online(estimator: Estimator, problem: SmallProblem) -> bool:
    """Whether the estimator can take the problem step by step."""
    online = Online() in estimator.claims and isinstance(estimator, LayerwiseEstimator)
    return online and problem.network.loss.over == "step"


def on_backend(
    backend: Backend, problem: SmallProblem, state: State
) -> tuple[Params, Batch, dict[str, Any]]:
    params = Params(on(backend, problem.params))
    batch = Batch(backend.asarray(problem.batch.inputs), backend.asarray(problem.batch.targets))
    return params, batch, on(backend, state)


@every_problem
def test_a_static_input_equals_the_same_input_as_a_sequence(problem: SmallProblem) -> None:
    sequence = Batch(
        np.repeat(problem.batch.inputs[None], problem.network.steps, axis=0), problem.batch.targets
    )
    for name, backend in BACKENDS.items():
        for method in ("spatial_bp", "bptt"):
            estimator = make_estimator(method)
            found = estimate(estimator, backend, problem, {}, batch=sequence).gradient
            expected = estimate(estimator, backend, problem, {}).gradient
            difference = relative_difference(as_numpy(backend, found), as_numpy(backend, expected))
            assert difference <= 1e-13, (name, method)
