from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Claim, Online, Passes
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.layers import Conv2d, Linear, Spiking
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import NoiseModel, draw_noise
from gradassay.core.params import key_normal
from gradassay.cost import Cost, CountingBackend, Counts, Declared, closed_form, declared
from gradassay.estimators import make_estimator
from gradassay.estimators.bptt import BPTT
from gradassay.estimators.descent import Descent
from gradassay.estimators.dfa import DFA
from gradassay.estimators.opzo import OPZO
from gradassay.estimators.passes import Pass
from gradassay.estimators.signal import SignalEstimator
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.reference_snn import ReferenceBackend

if TYPE_CHECKING:
    from tests.cost.conftest import Problem

REFERENCE = ReferenceBackend()


def both(
    estimator: Estimator, problem: Problem, batch: Batch | None = None
) -> tuple[Cost, Counts, Declared]:
    """The closed form and the count of one estimate, per sample."""
    backend = CountingBackend(REFERENCE)
    network, batch = problem.network, batch or problem.batch
    state = estimator.init(backend, network, problem.key)
    after = estimator.estimate(backend, network, problem.params, batch, state, problem.key).state
    counts = backend.counts.per_sample(batch.size)
    signal = declared(estimator, network, state, after)
    spikes, input_spikes = counts.spikes, counts.input_spikes
    return closed_form(network, signal, spikes, input_spikes=input_spikes), counts, signal


def assert_equal_counts(cost: Cost, counts: Counts) -> None:
    assert cost.forward_passes == counts.forward_passes
    assert cost.backward_passes == counts.backward_passes
    assert cost.forward_macs == counts.forward.macs
    assert cost.forward_acs == counts.forward.acs
    assert cost.backward_macs == counts.backward.macs
    assert cost.update_macs == counts.update.macs


def test_closed_form_equals_the_count(problem: Problem, estimator: Estimator) -> None:
    cost, counts, _ = both(estimator, problem)
    assert_equal_counts(cost, counts)


def test_closed_form_equals_the_count_for_a_binary_sequence(
    problem: Problem, estimator: Estimator
) -> None:
    shape = (problem.network.steps, problem.batch.size, problem.network.inputs)
    spikes = problem.key.generator().integers(0, 2, shape).astype(float)
    cost, counts, _ = both(estimator, problem, Batch(spikes, problem.batch.targets))
    assert counts.input_spikes == spikes.sum() / problem.batch.size
    assert_equal_counts(cost, counts)


def test_closed_form_equals_the_count_for_smooth_neurons(
    problem: Problem, estimator: Estimator
) -> None:
    network = problem.network.replace(neuron=Neuron(smooth=True))
    cost, counts, _ = both(estimator, dataclasses.replace(problem, network=network))
    assert_equal_counts(cost, counts)


class Tallied(np.ndarray):
    """An array that counts the multiply-accumulate operations of every matrix product it is in."""

    macs = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = untallied(inputs)
        if "out" in options:
            options["out"] = untallied(options["out"])
        if ufunc is np.matmul:
            left, right = plain
            Tallied.macs += np.matmul(left, right).size * left.shape[-1]
        return tallied(getattr(ufunc, method)(*plain, **options))

    def __array_function__(self, function: Any, _: Any, inputs: Any, options: Any) -> Any:
        return tallied(super().__array_function__(function, (Tallied,), inputs, options))


def untallied(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(np.asarray(x) if isinstance(x, Tallied) else x for x in arrays)


def tallied(array: Any) -> Any:
    return array.view(Tallied) if isinstance(array, np.ndarray) else array


@dataclass(frozen=True)
class TalliedReference(ReferenceBackend):
    def asarray(self, array: np.ndarray) -> np.ndarray:
        result: np.ndarray = tallied(super().asarray(array))
        return result


def multiplications_done(estimator: Estimator, problem: Problem) -> int:
    """What NumPy really multiplies in the reference's matrix products, per sample."""
    backend = TalliedReference()
    params = problem.params.map(backend.asarray)
    batch = Batch(backend.asarray(problem.batch.inputs), problem.batch.targets)
    state = estimator.init(backend, problem.network, problem.key)
    Tallied.macs = 0
    estimator.estimate(backend, problem.network, params, batch, state, problem.key)
    return Tallied.macs // batch.size


def test_matrix_products_that_numpy_does_equal_the_closed_form(
    problem: Problem, estimator: Estimator
) -> None:
    cost, _, _ = both(estimator, problem)
    assert multiplications_done(estimator, problem) == matrix_products(cost, problem)


def matrix_products(cost: Cost, problem: Problem) -> float:
    """MACs of the closed form as the reference makes them."""
    dense = problem.network.steps * sum(
        layer.inputs * layer.outputs for layer in problem.network.weighted
    )  # the reference multiplies s + alpha z by W at once, zeros included
    own = cost.feedback_macs + cost.feedback_update_macs
    return dense + cost.backward_macs + cost.update_macs + own


def test_direct_feedback_costs_classes_times_units_a_step(deep: Problem) -> None:
    network = deep.network
    product = network.steps * network.classes * (7 + 6 + 5)
    costs = {type(e): both(e, deep)[0] for e in (SpatialBP(), DFA(), OPZO(), ZOSinglePoint())}
    assert {kind: cost.feedback_macs for kind, cost in costs.items()} == {
        SpatialBP: 0, DFA: product, OPZO: product, ZOSinglePoint: 0,
    }  # fmt: skip
    assert {kind: cost.feedback_update_macs for kind, cost in costs.items()} == {
        SpatialBP: 0, DFA: 0, OPZO: product, ZOSinglePoint: 0,
    }  # fmt: skip


def test_local_readouts_cost_a_product_there_and_one_back(deep: Problem) -> None:
    product = deep.network.steps * deep.network.classes * (7 + 6 + 5)
    local = both(make_estimator("local_learning"), deep)[0]
    assert local.feedback_macs == 2 * product
    assert local.feedback_update_macs == product
    summed = both(make_estimator("opzo+0.01*local_learning"), deep)[0]
    assert summed.feedback_macs == 3 * product
    assert matrix_products(local, deep) == multiplications_done(
        make_estimator("local_learning"), deep
    )
    middle = both(make_estimator("intermediate_global"), deep)[0]
    assert middle.feedback_macs == deep.network.steps * deep.network.classes * (7 + 2 * 6)


def test_feedback_bytes_are_those_of_the_states_matrices(
    problem: Problem, estimator: Estimator
) -> None:
    state = estimator.init(REFERENCE, problem.network, problem.key)
    stored = sum(matrix.size for matrix in state.values() if matrix.ndim == 2)
    assert both(estimator, problem)[0].feedback_weight_bytes == 4 * stored


@pytest.mark.parametrize("pairing", ["none", "time"])
def test_noise_draws_are_the_distinct_magnitudes_of_gaussian_noise(
    problem: Problem, pairing: Any
) -> None:
    model = NoiseModel(0.2, pairing=pairing)
    noise = draw_noise(model, problem.network, problem.batch.size, problem.key)
    magnitudes = np.concatenate([np.abs(z).ravel() for z in noise.values.values()])
    cost, _, _ = both(OPZO(pairing=pairing), problem)
    assert cost.noise_draws * problem.batch.size == np.unique(magnitudes).size


def values_a_sample(arrays: Mapping[str, Any], pick: Callable[[Any], np.ndarray]) -> int:
    return sum(pick(array).shape[-1] for array in arrays.values())


def test_an_online_trace_is_one_value_for_each_presynaptic_unit(problem: Problem) -> None:
    backend, method = CountingBackend(REFERENCE), SpatialBP()
    network, params, batch = problem.network, problem.params, problem.batch
    trace = method.estimate(backend, network, params, batch, {}, problem.key).trace
    kept = values_a_sample(trace.eligibility, lambda presynaptic: presynaptic.values)
    assert both(method, problem)[0].trace_bytes == 4 * kept


def test_backpropagation_through_time_keeps_inputs_and_membranes_of_all_steps(
    problem: Problem,
) -> None:
    network, params, batch = problem.network, problem.params, problem.batch
    trace = BPTT().estimate(REFERENCE, network, params, batch, {}, problem.key).trace
    kept = values_a_sample(trace.activity, lambda presynaptic: presynaptic.values)
    kept += values_a_sample(trace.membrane, lambda membrane: membrane)
    assert both(BPTT(), problem)[0].trace_bytes == 4 * network.steps * kept


def test_memory_scales_with_the_bytes_of_a_value(deep: Problem) -> None:
    cost, counts, signal = both(OPZO(), deep)
    doubled = closed_form(deep.network, signal, counts.spikes, value_bytes=8)
    for quantity in ("feedback_weight_bytes", "trace_bytes", "state_bytes"):
        assert getattr(doubled, quantity) == 2 * getattr(cost, quantity)


def test_operations_are_the_sum_of_all_macs_and_acs(problem: Problem, estimator: Estimator) -> None:
    cost, _, _ = both(estimator, problem)
    parts = [v for n, v in dataclasses.asdict(cost).items() if n.endswith(("_macs", "_acs"))]
    assert cost.operations == sum(parts)


class StrangerWithChainedFeedback(SignalEstimator):
    """Feedback alignment from outside the zoo: fixed matrices in place of W on the way down."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (Passes(1, 1), Online())

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        return {layer.name: (layer.outputs, layer.inputs) for layer in network.weighted[1:]}

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        shapes = self.state_shapes(network)
        return {name: backend.asarray(key_normal(key / name, s)) for name, s in shapes.items()}

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        return descent.output(layer.name)

    def weight_down(self, state: State, observed: Pass, layer: Linear | Conv2d) -> Array:
        return state[layer.name]


def test_feedback_in_place_of_weights_costs_a_backward_pass_and_its_memory(
    problem: Problem,
) -> None:
    stranger = StrangerWithChainedFeedback()
    cost, counts, _ = both(stranger, problem)
    assert_equal_counts(cost, counts)
    assert cost.feedback_macs == 0
    entries = sum(layer.inputs * layer.outputs for layer in problem.network.weighted[1:])
    assert cost.feedback_weight_bytes == 4 * entries


class StrangerWithLocalReadouts(SignalEstimator):
    """A signal from two numbers at each layer, by a matrix that is learnt; nothing claimed."""

    def state_shapes(self, network: Network) -> Mapping[str, tuple[int, ...]]:
        return {layer.name: (layer.units, 2) for layer in network.spiking} | {"baseline": (2,)}

    def init(self, backend: Backend, network: Network, key: Key) -> State:
        return {name: np.zeros(shape) for name, shape in self.state_shapes(network).items()}

    def learn(self, state: State, observed: Pass) -> tuple[State, State]:
        return state, {name: array + 1 for name, array in state.items()}

    def top_down(self, state: State, observed: Pass, layer: Spiking, descent: Descent) -> Array:
        signal: np.ndarray = observed.trace.errors[..., :2] @ state[layer.name].T
        return signal


def test_a_learnt_matrix_of_any_width_is_found_and_a_baseline_is_not(deep: Problem) -> None:
    stranger = StrangerWithLocalReadouts()
    state = stranger.init(REFERENCE, deep.network, deep.key)
    arguments = (deep.network, deep.params, deep.batch, state, deep.key)
    after = stranger.estimate(REFERENCE, *arguments).state
    found = declared(stranger, deep.network, state, after)
    shapes = [(m.layer, m.rows, m.columns, m.direct, m.learnt) for m in found.feedback]
    units = {"lif1": 7, "lif2": 6, "lif3": 5}
    assert shapes == [(name, n, 2, True, True) for name, n in units.items()]


def test_unknown_passes_are_refused(deep: Problem) -> None:
    with pytest.raises(ConfigurationError, match="passes"):
        closed_form(deep.network, Declared(None, online=True), {})


def test_two_forward_passes_cost_twice_the_macs(deep: Problem) -> None:
    noise = NoiseModel(0.2)
    spikes = {layer.name: 1.0 for layer in deep.network.spiking}
    one = closed_form(deep.network, Declared(Passes(1, 0), True, noise), spikes)
    two = closed_form(deep.network, Declared(Passes(2, 0), True, noise), spikes)
    assert two.forward_macs == 2 * one.forward_macs
    assert two.noise_draws == one.noise_draws
