"""Costs of networks with convolutions, pools, standardised weights and residual sums."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from torch.utils.flop_counter import FlopCounterMode

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.builders import convolutional
from gradassay.core.claims import Passes
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.layers import AvgPool, Gain, Linear, Spiking
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import NoiseModel, draw_noise
from gradassay.core.params import initial_params
from gradassay.core.residual import residual
from gradassay.core.trace import Trace
from gradassay.cost import Cost, CountingBackend, Counts, Declared, closed_form, declared
from gradassay.cost.connections import above_weights, connections, fan_out
from gradassay.cost.measure import measure_cost
from gradassay.estimators import make_estimator, zoo_names
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.verify.oracles.autograd_oracle import as_tensor, autograd_loss
from tests.cost.networks import strided

if TYPE_CHECKING:
    from tests.cost.conftest import Problem as SmallProblem

SUBJECTS = (*zoo_names(), "opzo+0.01*local_learning", "dfa+0.5*spatial_bp")


NETWORKS: dict[str, Callable[[], Network]] = {
    "conv": lambda: strided((2, 7, 6)),
    "pool": lambda: convolutional((2, 6, 5), "3C3-AP2-2C3-FC", 3, steps=3),
    "residual": lambda: residual((2, 9, 8), (1, 1), 3, width=2, steps=2),
}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    network: Network
    batch: Batch
    key: Key = dataclasses.field(default_factory=lambda: Key(5))

    @property
    def params(self) -> Any:
        params = initial_params(self.network, Key(4), gain=2.0)
        return params.map(lambda array: array + 0.5 * (array.shape == (1,)))

    def run(self, estimator: Estimator, backend: Backend) -> tuple[CountingBackend, Declared]:
        counting, network = CountingBackend(backend), self.network
        state = estimator.init(counting, network, self.key)
        params = self.params.map(backend.asarray)
        batch = Batch(backend.asarray(self.batch.inputs), backend.asarray(self.batch.targets))
        after = estimator.estimate(counting, network, params, batch, state, self.key).state
        return counting, declared(estimator, network, state, after)


def case_of(name: str, *, binary: bool = False) -> Case:
    network = NETWORKS[name]()
    generator = (Key(3) / name).generator()
    shape = (4, network.inputs)
    inputs = generator.integers(0, 2, shape) * 1.0 if binary else generator.uniform(0, 2, shape)
    return Case(name, network, Batch(inputs, generator.integers(0, 3, 4)))


@pytest.fixture(params=[(name, b) for name in NETWORKS for b in (False, True)], ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return case_of(request.param[0], binary=request.param[1])


@dataclasses.dataclass(frozen=True)
class Watched(ReferenceBackend):
    """Keeps the spikes of each unit, over all samples and passes."""

    spikes: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def forward(self, *arguments: Any, **options: Any) -> Trace:
        trace = super().forward(*arguments, **options)
        for name, spikes in trace.spikes.items():
            total = (spikes != 0).sum(axis=(0, 1))
            self.spikes[name] = self.spikes.get(name, 0) + total
        return trace


def both(case: Case, estimator: Estimator) -> tuple[Cost, Counts]:
    """The closed form, from the spikes of each unit, and the count, per sample."""
    watched, samples = Watched(), case.batch.size
    counting, signal = case.run(estimator, watched)
    counts = counting.counts.per_sample(samples)
    assert signal.passes is not None
    by_unit = {name: total / samples for name, total in watched.spikes.items()}
    inputs = None
    if counts.input_spikes is not None:
        shown = case.network.steps * signal.passes.forward
        inputs = shown * case.batch.inputs.sum(axis=0) / samples
    return closed_form(case.network, signal, by_unit, input_spikes=inputs), counts


def gains_of(network: Network) -> list[Gain]:
    return [layer for layer in network.weighted if isinstance(layer, Gain)]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_closed_form_equals_the_count(case: Case, subject: str) -> None:
    cost, counts = both(case, make_estimator(subject))
    assert cost.backward_macs == counts.backward.macs
    assert cost.forward_passes == counts.forward_passes
    assert cost.backward_passes == counts.backward_passes
    assert cost.forward_macs == counts.forward.macs
    assert cost.tangent_macs == counts.tangent.macs
    assert cost.update_macs == counts.update.macs
    if case.name == "conv":
        assert cost.forward_acs == counts.forward.acs
    else:  # spikes that meet in a square of a pool are one in the count
        assert cost.forward_acs >= counts.forward.acs > 0


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_backends_count_alike(name: str, subject: str) -> None:
    case, estimator = case_of(name), make_estimator(subject)
    counted = [
        case.run(estimator, b)[0].counts for b in (ReferenceBackend(), TorchBackend("float64"))
    ]
    assert counted[0] == counted[1]


def flops(network: Network, batch: Batch) -> tuple[int, int]:
    """What torch counts, forward and backward through time; a MAC is two operations."""
    params = initial_params(network, Key(4))
    weights = {name: as_tensor(array).requires_grad_() for name, array in params.items()}
    with FlopCounterMode(display=False) as forward:
        loss = autograd_loss(network, weights, batch)
    with FlopCounterMode(display=False) as backward:
        loss.backward()  # type: ignore[no-untyped-call]
    return forward.get_total_flops(), backward.get_total_flops()


@pytest.mark.parametrize("name", NETWORKS)
def test_dense_macs_are_half_of_the_operations_that_torch_counts(name: str) -> None:
    case = case_of(name)
    smooth = dataclasses.replace(case, network=case.network.replace(neuron=Neuron(smooth=True)))
    counts = smooth.run(make_estimator("bptt"), ReferenceBackend())[0].counts
    gains = (
        smooth.network.steps
        * case.batch.size
        * sum(  # element by element in torch
            layer.outputs for layer in smooth.network.weighted if isinstance(layer, Gain)
        )
    )
    forward, backward = flops(smooth.network, case.batch)
    assert counts.forward.acs == 0
    assert 2 * (counts.forward.macs - gains) == forward
    assert 2 * (counts.backward.macs + counts.update.macs - 2 * gains) == backward


def run_forward(case: Case, position: Any = None) -> tuple[Counts, Trace]:
    network, noise = case.network, None
    if position is not None:
        model = NoiseModel(0.2, "rademacher", position=position)
        noise = draw_noise(model, network, case.batch.size, case.key)
    backend = CountingBackend(ReferenceBackend())
    backend.forward(network, case.params, case.batch, noise=noise)
    trace = ReferenceBackend().forward(
        network,
        case.params,
        case.batch,
        noise=noise,
        record=frozenset(("spikes", "activity", "received_activity")),
    )
    return backend.counts, trace


@pytest.mark.parametrize("position", [None, "spike", "membrane"])
def test_spikes_into_a_convolution_count_on_the_outputs_that_they_reach(position: Any) -> None:
    case = case_of("conv")
    counts, trace = run_forward(case, position)
    acs = 0
    for layer, below in zip(case.network.weighted[1:], case.network.spiking, strict=True):
        for unit, reached in enumerate(fan_out(layer).tolist()):
            acs += reached * int(trace.spikes[below.name][..., unit].sum())
    assert counts.forward.acs == acs > 0


def test_noise_costs_products_on_spikes_and_none_on_membranes() -> None:
    case = case_of("pool")
    first, *others = case.network.weighted
    rows = case.network.steps * case.batch.size
    quiet, on_membrane, on_spikes = (run_forward(case, p)[0] for p in (None, "membrane", "spike"))
    assert quiet.forward.macs == on_membrane.forward.macs == rows * connections(first)
    noise = rows * sum(connections(layer) for layer in others)
    assert on_spikes.forward.macs == rows * connections(first) + noise
    units = sum(layer.units for layer in case.network.spiking)
    assert on_membrane.noise_values == on_spikes.noise_values == rows * units


def test_effective_noise_products_leave_out_means_in_which_noise_cancels() -> None:
    case = case_of("pool")  # signs: a mean over four of them is often 0
    counts, trace = run_forward(case, "spike")
    effective = 0
    for layer in case.network.weighted:
        clean = trace.activity[layer.name].values
        received = trace.received_activity[layer.name].values
        driven = clean if layer.name == "conv1" else received - clean
        for unit, reached in enumerate(fan_out(layer).tolist()):
            effective += reached * int((driven[..., unit] != 0).sum())
    assert counts.forward.effective_macs == effective
    pooled = trace.received_activity["conv2"].values - trace.activity["conv2"].values
    assert (pooled == 0).any()


def test_a_mean_of_spikes_is_one_spike() -> None:
    pool = AvgPool("pool", (1, 2, 2))
    network = Network(
        (Linear("hidden", 1, 4), Spiking("lif", 4), pool, Linear("readout", 1, 3)), steps=1
    )
    params = {name: np.ones(shape) for name, shape in network.shapes.items()}
    backend = CountingBackend(ReferenceBackend())
    backend.forward(network, params, Batch(np.array([[5.0]]), np.array([0])))  # type: ignore[arg-type]
    assert backend.counts.spikes == {"lif": 4}
    assert backend.counts.forward.acs == 3
    signal = Declared(Passes(1, 0), online=True)
    assert closed_form(network, signal, backend.counts.spikes).forward_acs == 4 * 3


def test_a_current_in_a_sum_makes_products() -> None:
    case = case_of("residual")
    counts, _ = run_forward(case)
    gains, stem = gains_of(case.network), case.network.weighted[0]
    rows = case.network.steps * case.batch.size
    assert counts.forward.macs == rows * (connections(stem) + sum(g.outputs for g in gains))


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("name", NETWORKS)
def test_passes_are_those_claimed(name: str, subject: str) -> None:
    estimator, case = make_estimator(subject), case_of(name)
    (claimed,) = [claim for claim in estimator.claims if isinstance(claim, Passes)]
    counts = case.run(estimator, ReferenceBackend())[0].counts
    assert (counts.forward_passes, counts.backward_passes) == (claimed.forward, claimed.backward)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_only_forward_gradients_send_tangents_up(subject: str) -> None:
    tangent = case_of("conv").run(make_estimator(subject), ReferenceBackend())[0].counts.tangent
    assert (tangent.macs > 0) == (subject == "forward_gradient")


@pytest.mark.parametrize("space", ["node", "weight"])
@pytest.mark.parametrize("backend", [ReferenceBackend(), TorchBackend("float64")], ids=str)
def test_tangents_cost_a_pass_above_the_first_weights(space: str, backend: Backend) -> None:
    case = case_of("conv")
    rows = case.network.steps * case.batch.size
    carried = sum(connections(layer) for layer in above_weights(case.network))
    moved = sum(connections(layer) for layer in case.network.weighted) if space == "weight" else 0
    estimator = make_estimator("forward_gradient", space=space)
    counts = case.run(estimator, backend)[0].counts
    assert counts.tangent.macs == rows * (carried + moved)
    cost = measure_cost(
        estimator,
        backend,
        case.network,
        case.params.map(backend.asarray),
        Batch(backend.asarray(case.batch.inputs), backend.asarray(case.batch.targets)),
        case.key,
    )
    assert cost.tangent_macs == case.network.steps * (carried + moved)
    parts = [v for n, v in dataclasses.asdict(cost).items() if n.endswith(("_macs", "_acs"))]
    assert cost.operations == sum(parts)


def test_per_sample_costs_of_smaller_batches_are_the_same(deep: SmallProblem) -> None:
    costs = [
        measure_cost(
            make_estimator("spatial_bp"),
            ReferenceBackend(),
            deep.network,
            deep.params,
            Batch(np.tile(deep.batch.inputs[:1], (n, 1)), deep.batch.targets[:1].repeat(n)),
            deep.key,
        )
        for n in (1, 2)
    ]
    assert costs[0] == costs[1]
