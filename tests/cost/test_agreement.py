"""Counted and in closed form, exactly, for every estimator of the zoo on three small networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.layers import Flatten, Scale
from gradassay.core.network import Network
from gradassay.core.params import Params, initial_params
from gradassay.core.trace import Presynaptic, Trace
from gradassay.cost import Cost, CountingBackend, Counts, Declared, closed_form, declared
from gradassay.cost.connections import connections
from gradassay.cost.effective import synaptic_operations
from gradassay.cost.measure import count
from gradassay.cost.tally import TallyingBackend
from gradassay.estimators import make_estimator, zoo_names
from gradassay.reference_snn import ReferenceBackend
from tests.cost.effective_form import Activities, effective_closed_form
from tests.cost.networks import strided

SAMPLES = 4  # a power of two: means over the batch are exact in binary
SUMS = ("opzo+0.01*local_learning", "dfa+0.5*spatial_bp", "opzo+0.1*intermediate_global")
SUBJECTS = (*zoo_names(), *SUMS)


NETWORKS: dict[str, Callable[[], Network]] = {
    "dense": lambda: fully_connected(6, (7, 6, 5, 6), 3, steps=3),
    "convolutional": lambda: strided((2, 6, 5)),
    "binary sequence": lambda: fully_connected(8, (7, 6), 3, steps=4),
}


@dataclasses.dataclass(frozen=True)
class Case:
    network: Network
    inputs: np.ndarray
    key: Key

    @classmethod
    def of(cls, name: str) -> Case:
        network, generator = NETWORKS[name](), (Key(3) / name).generator()
        inputs = generator.uniform(0, 2, (SAMPLES, network.inputs)).round(1)
        inputs[inputs < 0.3] = 0.0
        if name == "binary sequence":
            shape = (network.steps, SAMPLES, network.inputs)
            inputs = generator.integers(0, 2, shape).astype(float)
        return cls(network, inputs, Key(5))

    def model(self, backend: Any) -> tuple[Params, Batch]:
        """Parameters and batch."""
        params = initial_params(self.network, Key(4), gain=3.0).map(backend.asarray)
        targets = np.arange(SAMPLES) % self.network.classes
        return params, Batch(backend.asarray(self.inputs), targets)


@pytest.fixture(params=NETWORKS)
def case(request: pytest.FixtureRequest) -> Case:
    return Case.of(request.param)


@dataclasses.dataclass(frozen=True)
class Watched(ReferenceBackend):
    """Keeps how often each activity was not 0, by its own arithmetic."""

    seen: dict[tuple[str, str], Any] = dataclasses.field(default_factory=dict)

    def add(self, kind: str, name: str, found: Any) -> None:
        self.seen[kind, name] = self.seen.get((kind, name), 0) + found

    def forward(self, *arguments: Any, **options: Any) -> Trace:
        wanted = options.pop("record") | {"spikes"}
        trace = super().forward(*arguments, record=wanted, **options)
        batch, steps = arguments[2], len(trace.outputs)
        shown = np.stack([batch.inputs] * steps) if batch.static else batch.inputs
        self.add("inputs", "", np.count_nonzero(shown, axis=(0, 1)))
        for name, spikes in trace.spikes.items():
            self.add("spikes", name, np.count_nonzero(spikes, axis=(0, 1)))
        return trace

    def input_gradient(self, layer: Any, weight: Any, delta: Any) -> Any:
        if not isinstance(layer, Flatten | Scale):
            self.add("deltas", layer.name, np.count_nonzero(delta))
        return super().input_gradient(layer, weight, delta)

    def weight_gradient(
        self, layer: Any, params: Any, delta: Any, presynaptic: Presynaptic, **options: Any
    ) -> Any:
        values = presynaptic.values
        if presynaptic.weights is not None:
            values = presynaptic.weights[:, None, None] * values
        self.add("presynaptic", layer.name, np.count_nonzero(values, axis=(0, 1)))
        return super().weight_gradient(layer, params, delta, presynaptic, **options)

    def of(self, kind: str) -> dict[str, Any]:
        return {name: found / SAMPLES for (k, name), found in self.seen.items() if k == kind}


def run(estimator: Estimator, case: Case) -> tuple[Counts, Cost, Declared, Watched]:
    """Counts per sample, the closed form from the spikes of each unit, what is declared."""
    watched = Watched()
    backend = CountingBackend(watched)
    params, batch = case.model(backend)
    state = estimator.init(backend, case.network, case.key)
    after = estimator.estimate(backend, case.network, params, batch, state, case.key).state
    counts = backend.counts.per_sample(SAMPLES)
    signal = declared(estimator, case.network, state, after)
    inputs = watched.of("inputs")[""] if counts.input_spikes is not None else None
    cost = closed_form(case.network, signal, watched.of("spikes"), input_spikes=inputs)
    return counts, cost, signal, watched


@pytest.mark.parametrize("subject", SUBJECTS)
def test_counts_equal_the_closed_form(case: Case, subject: str) -> None:
    counts, cost, _, _ = run(make_estimator(subject), case)
    assert cost.forward_passes == counts.forward_passes
    assert cost.backward_passes == counts.backward_passes
    assert cost.forward_macs == counts.forward.macs
    assert cost.forward_acs == counts.forward.acs > 0
    assert cost.tangent_macs == counts.tangent.macs
    assert cost.backward_macs == counts.backward.macs
    assert cost.update_macs == counts.update.macs


@pytest.mark.parametrize("subject", SUBJECTS)
def test_effective_counts_equal_the_closed_form_from_activities(case: Case, subject: str) -> None:
    estimator = make_estimator(subject)
    counts, cost, signal, watched = run(estimator, case)
    online = getattr(estimator, "temporal", "online") == "online"
    with_memory = {y.name for y in case.network.weighted if case.network.has_memory(y)}
    activities = Activities(
        inputs=watched.of("inputs")[""],
        input_spikes=counts.input_spikes is not None,
        spikes=watched.of("spikes"),
        presynaptic=watched.of("presynaptic"),
        traced=frozenset(with_memory if online else ()),
        deltas=watched.of("deltas"),
    )
    counted = synaptic_operations(counts, cost, signal)
    for part, expected in effective_closed_form(case.network, signal, activities).items():
        found = counted[part]
        assert found.effective_macs == expected.effective_macs, part
        assert found.effective_acs == expected.effective_acs, part
        assert found.dense == expected.dense, part
    assert counted["forward"].effective < counted["forward"].dense


@pytest.mark.parametrize("subject", SUBJECTS)
def test_everything_that_numpy_multiplies_is_in_the_closed_form(case: Case, subject: str) -> None:
    estimator, backend = make_estimator(subject), TallyingBackend(ReferenceBackend())
    params, batch = case.model(backend)
    state = estimator.init(backend, case.network, case.key)
    backend.tally.macs = 0
    estimator.estimate(backend, case.network, params, batch, state, case.key)
    _, cost, _, _ = run(estimator, case)
    # the reference multiplies s + alpha z by W at once, zeros included
    dense = case.network.steps * sum(connections(layer) for layer in case.network.weighted)
    made = cost.backward_macs + cost.tangent_macs + cost.update_macs
    made += cost.feedback_macs + cost.feedback_update_macs
    assert backend.tally.macs == SAMPLES * (cost.forward_passes * dense + made)


@pytest.mark.parametrize("form", ["central", "forward"])
def test_noisy_passes_are_those_claimed(case: Case, form: str) -> None:
    counts, cost, _, _ = run(make_estimator("zo_two_point", form=form), case)
    assert cost.forward_macs == counts.forward.macs


@pytest.mark.parametrize("space", ["node", "weight"])
def test_tangents_are_those_claimed(case: Case, space: str) -> None:
    counts, cost, _, _ = run(make_estimator("forward_gradient", space=space), case)
    assert cost.tangent_macs == counts.tangent.macs > 0


@pytest.mark.parametrize("temporal", ["online", "spatial", "local_bptt"])
def test_weight_gradients_of_spikes_are_accumulations(temporal: str) -> None:
    case = Case.of("dense")
    counts, cost, signal, watched = run(make_estimator("spatial_bp", temporal=temporal), case)
    update = synaptic_operations(counts, cost, signal)["update"]
    spikes, presynaptic = watched.of("spikes"), watched.of("presynaptic")
    fed = dict(zip(case.network.weighted[1:], case.network.spiking, strict=True))
    accumulated = {
        layer: float(spikes[below.name].sum()) * layer.outputs
        for layer, below in fed.items()
        if temporal != "online" or not case.network.has_memory(layer)
    }
    assert update.effective_acs == sum(accumulated.values()) > 0
    rest = [layer for layer in case.network.weighted if layer not in accumulated]
    multiplied = sum(float(presynaptic[layer.name].sum()) * layer.outputs for layer in rest)
    assert update.effective_macs == multiplied > 0


def test_a_local_readout_costs_an_accumulation_a_spike_and_class() -> None:
    case = Case.of("dense")
    counts, cost, signal, watched = run(make_estimator("local_learning"), case)
    feedback = synaptic_operations(counts, cost, signal)["feedback"]
    spikes = sum(float(found.sum()) for found in watched.of("spikes").values())
    units = sum(layer.units for layer in case.network.spiking)
    assert feedback.effective_acs == spikes * case.network.classes
    assert feedback.effective_macs == case.network.steps * units * case.network.classes
    assert feedback.dense == 2 * feedback.effective_macs


def test_rows_are_made_of_what_was_counted() -> None:
    case = Case.of("convolutional")
    backend = ReferenceBackend()
    params, batch = case.model(backend)
    counted = count(make_estimator("opzo"), backend, case.network, params, batch, case.key)
    assert counted.parts["forward"].dense == counted.counts.forward.macs + (
        counted.counts.forward.dense_acs
    )
    assert counted.cost.update_macs == counted.parts["update"].dense
