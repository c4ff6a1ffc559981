"""The contract that every estimator keeps on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimate, Estimator, State, stack_states, state_of
from gradassay.core.keys import Key
from gradassay.core.network import Loss
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.estimators import make_estimator, zoo_names
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.verify.results import relative_difference
from gradassay.verify.small_problems import SmallProblem, dyadic_problem

BACKENDS: dict[str, Backend] = {"numpy": ReferenceBackend(), "torch": TorchBackend("float64")}
VARIANTS: dict[str, Estimator] = {name: make_estimator(name) for name in zoo_names()} | {
    "bptt with reset": make_estimator("bptt", reset_gradient=True),
    "zo rademacher": make_estimator("zo_single_point", law="rademacher", alpha=0.25),
    "zo sphere": make_estimator("zo_single_point", law="sphere"),
    "opzo rademacher": make_estimator("opzo", law="rademacher", alpha=0.25, momentum=0.75),
    "opzo independent, after": make_estimator("opzo", pairing="none", use="after", momentum=0.5),
    "opzo lambda 0": make_estimator("opzo", momentum=0.0, use="after"),
}
PROBLEMS = {
    "one step": dyadic_problem((6,), steps=1, seed=1),
    "hard reset": dyadic_problem((7, 5), steps=4, seed=1, reset="hard"),
    "three layers, odd T": dyadic_problem((6, 5, 4), steps=5, seed=1, samples=3),
    "loss of the sequence": dyadic_problem((8, 6), steps=3, seed=2, loss=Loss(0.5, "sequence")),
    "wide": dyadic_problem((40, 30), steps=6, seed=3, inputs=24, classes=10, samples=9),
}
every_estimator = pytest.mark.parametrize("estimator", VARIANTS.values(), ids=VARIANTS.keys())
every_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS.keys())
every_backend = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS.keys())


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


@every_estimator
@every_problem
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


@every_estimator
@every_problem
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


@every_estimator
@every_problem
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
        if "updates" in alone.state:
            after = {n: backend.to_numpy(a)[place] for n, a in folded.state.items()}
            expected = {n: backend.to_numpy(a) for n, a in alone.state.items()}
            assert relative_difference(after, expected) <= 1e-12


@every_estimator
@every_backend
def test_replicates_with_batches_and_states_of_their_own_equal_a_loop(
    estimator: Estimator, backend: Backend
) -> None:
    problem = PROBLEMS["three layers, odd T"]
    others = [dyadic_problem((6, 5, 4), steps=5, seed=seed, samples=3).batch for seed in (7, 8)]
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


@every_estimator
@every_problem
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


@every_estimator
@every_problem
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


@every_estimator
@every_problem
def test_order_of_the_samples_does_not_matter(estimator: Estimator, problem: SmallProblem) -> None:
    backend, state = BACKENDS["numpy"], warm_state(estimator, problem)
    generator = Key(1).generator()
    order = generator.permutation(problem.batch.size)
    z = {
        layer.name: generator.normal(size=(problem.network.steps, len(order), layer.units))
        for layer in problem.network.spiking
    }
    noise = shuffled_noise = None
    if estimator.noise is not None:
        noise = Noise(estimator.noise.scale, z)
        shuffled_noise = Noise(noise.scale, {name: a[:, order] for name, a in z.items()})
    shuffled = Batch(problem.batch.inputs[order], problem.batch.targets[order])
    found = estimate(estimator, backend, problem, state, batch=shuffled, noise=shuffled_noise)
    expected = estimate(estimator, backend, problem, state, noise=noise)
    assert relative_difference(found.gradient, expected.gradient) <= 1e-12


@every_estimator
@every_problem
def test_permuting_neurons_permutes_the_gradient(
    estimator: Estimator, problem: SmallProblem
) -> None:
    backend, state = BACKENDS["numpy"], warm_state(estimator, problem)
    network, generator = problem.network, Key(2).generator()
    order = generator.permutation(network.spiking[0].units)
    z = {
        layer.name: generator.normal(size=(network.steps, problem.batch.size, layer.units))
        for layer in network.spiking
    }
    noise = None if estimator.noise is None else Noise(estimator.noise.scale, z)
    expected = estimate(estimator, backend, problem, state, noise=noise).gradient

    def permuted(arrays: Any) -> dict[str, np.ndarray]:
        moved = {name: np.asarray(array) for name, array in arrays.items()}
        for name in ("hidden1.weight", "hidden1.bias", "lif1"):
            if name in moved:
                moved[name] = moved[name][order]
        above = f"{network.weighted[1].name}.weight"
        if above in moved:
            moved[above] = moved[above][:, order]
        return moved

    turned = SmallProblem(problem.name, network, Params(permuted(problem.params)), problem.batch)
    if noise is not None:
        noise = Noise(noise.scale, {**z, "lif1": z["lif1"][..., order]})
    found = estimate(estimator, backend, turned, permuted(state), noise=noise).gradient
    assert relative_difference(found, permuted(expected)) <= 1e-12


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
