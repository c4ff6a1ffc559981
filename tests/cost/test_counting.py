from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.claims import Passes
from gradassay.core.estimator import Estimator
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.core.trace import Recorded, Trace
from gradassay.cost import CountingBackend, Counts
from gradassay.estimators import make_estimator
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.reference_snn import ReferenceBackend

if TYPE_CHECKING:
    from tests.cost.conftest import Problem

REFERENCE = ReferenceBackend()
EVERYTHING: frozenset[Recorded] = frozenset(
    ("membrane", "spikes", "received", "derivative", "eligibility", "activity")
)


def counted(estimator: Estimator, problem: Problem, batch: Batch | None = None) -> Counts:
    backend = CountingBackend(REFERENCE)
    network, params, key = problem.network, problem.params, problem.key
    state = estimator.init(backend, network, key)
    estimator.estimate(backend, network, params, batch or problem.batch, state, key)
    return backend.counts


def noise_of(estimator: Estimator, problem: Problem) -> Noise | None:
    if estimator.noise is None:
        return None
    return draw_noise(estimator.noise, problem.network, problem.batch.size, problem.key / "noise")


def clean_trace(problem: Problem, noise: Noise | None) -> Trace:
    return REFERENCE.forward(
        problem.network, problem.params, problem.batch, noise=noise, record=EVERYTHING
    )


def forward_by_hand(problem: Problem, noise: Noise | None) -> tuple[int, int, int]:
    """MACs, effective MACs and ACs, one connection at a time."""
    network, trace = problem.network, clean_trace(problem, noise)
    macs = effective = acs = 0
    rows = itertools.product(range(network.steps), range(problem.batch.size))
    for t, b in rows:
        for depth, layer in enumerate(network.weighted):
            for i, _ in itertools.product(range(layer.inputs), range(layer.outputs)):
                if depth == 0:
                    macs += 1
                    effective += bool(problem.batch.inputs[b, i])
                    continue
                below = network.spiking[depth - 1].name
                acs += trace.spikes[below][t, b, i] == 1
                macs += noise is not None
                effective += noise is not None and bool(noise.values[below][t, b, i])
    return macs, effective, acs


def test_forward_counts_equal_a_count_of_single_connections(
    problem: Problem, estimator: Estimator
) -> None:
    forward = counted(estimator, problem).forward
    by_hand = forward_by_hand(problem, noise_of(estimator, problem))
    assert (forward.macs, forward.effective_macs, forward.acs) == by_hand
    assert forward.acs > 0


def test_backward_counts_equal_a_count_of_single_connections(
    problem: Problem, estimator: Estimator
) -> None:
    network = problem.network
    by_hand = 0
    for _ in range(network.steps * problem.batch.size):
        for layer in network.weighted[1:]:
            by_hand += sum(1 for _ in np.ndindex(layer.outputs, layer.inputs))
    sweeps = estimator.name in ("spatial_bp", "bptt")
    assert counted(estimator, problem).backward.macs == (by_hand if sweeps else 0)


def test_update_counts_equal_a_count_of_single_connections(
    problem: Problem, estimator: Estimator
) -> None:
    network, trace = problem.network, clean_trace(problem, noise_of(estimator, problem))
    kept = trace.activity if estimator.name == "bptt" else trace.eligibility
    macs = effective = 0
    for layer in network.weighted:
        for values in kept[layer.name].values.reshape(-1, layer.inputs):
            for _, value in itertools.product(range(layer.outputs), values):
                macs += 1
                effective += bool(value)
    update = counted(estimator, problem).update
    assert (update.macs, update.effective_macs) == (macs, effective)


def test_effective_backward_macs_leave_out_errors_that_are_zero(deep: Problem) -> None:
    readout, backend = deep.network.readout, CountingBackend(REFERENCE)
    delta = np.ones((deep.network.steps, deep.batch.size, readout.outputs))
    delta[0, 1] = 0.0
    backend.input_gradient(readout, deep.params["readout.weight"], delta)
    backward = backend.counts.backward
    assert backward.macs == delta.size * readout.inputs
    assert backward.effective_macs == (delta.size - readout.outputs) * readout.inputs


def test_counted_passes_are_those_that_each_estimator_claims(
    problem: Problem, estimator: Estimator
) -> None:
    (claimed,) = [claim for claim in estimator.claims if isinstance(claim, Passes)]
    counts = counted(estimator, problem)
    assert (counts.forward_passes, counts.backward_passes) == (claimed.forward, claimed.backward)


def test_two_estimates_count_twice_the_passes(deep: Problem) -> None:
    backend = CountingBackend(REFERENCE)
    for _ in range(2):
        SpatialBP().estimate(backend, deep.network, deep.params, deep.batch, {}, deep.key)
    assert (backend.counts.forward_passes, backend.counts.backward_passes) == (2, 2)


def test_the_wrapper_changes_no_bit_of_an_estimate(problem: Problem, estimator: Estimator) -> None:
    arguments = (problem.network, problem.params, problem.batch)
    wrapped = CountingBackend(REFERENCE)
    state = estimator.init(REFERENCE, problem.network, problem.key)
    same_state = estimator.init(wrapped, problem.network, problem.key)
    plain = estimator.estimate(REFERENCE, *arguments, state, problem.key)
    through = estimator.estimate(wrapped, *arguments, same_state, problem.key)
    for a, b in ((plain.gradient, through.gradient), (plain.state, through.state)):
        assert list(a) == list(b)
        assert all(np.array_equal(a[name], b[name]) for name in a)
    for field in ("outputs", "losses", "errors"):
        assert np.array_equal(getattr(plain.trace, field), getattr(through.trace, field))


def test_the_wrapper_names_itself_as_the_backend_does() -> None:
    wrapped = CountingBackend(REFERENCE)
    assert (wrapped.name, wrapped.dtype) == (REFERENCE.name, REFERENCE.dtype)


@pytest.mark.parametrize("record", [frozenset(), frozenset({"membrane"}), frozenset({"spikes"})])
def test_a_trace_holds_what_was_asked_for_and_no_more(
    deep: Problem, record: frozenset[Recorded]
) -> None:
    trace = CountingBackend(REFERENCE).forward(deep.network, deep.params, deep.batch, record=record)
    assert {name for name in EVERYTHING if getattr(trace, name)} == record


def test_a_static_input_counts_as_the_same_input_at_every_step(
    problem: Problem, estimator: Estimator
) -> None:
    assert counted(estimator, problem) == counted(estimator, problem, problem.sequence())


def test_a_static_trace_given_as_weights_counts_as_one_written_out(deep: Problem) -> None:
    layer = deep.network.weighted[0]
    presynaptic = clean_trace(deep, None).eligibility[layer.name]
    delta = np.ones((deep.network.steps, deep.batch.size, layer.outputs))
    written_out, folded = CountingBackend(REFERENCE), CountingBackend(_NoWork())
    written_out.weight_gradient(layer, deep.params, delta, presynaptic)
    static = dataclasses.replace(presynaptic, values=deep.batch.inputs, weights=presynaptic.bias)
    folded.weight_gradient(layer, deep.params, delta, static)
    assert written_out.counts.update == folded.counts.update


class _NoWork(ReferenceBackend):
    """A backend whose weight gradient is never looked at."""

    def weight_gradient(self, *_: object, **__: object) -> dict[str, np.ndarray]:
        return {}


def test_blocks_of_one_step_count_as_the_whole_sequence(deep: Problem) -> None:
    whole, blocks = CountingBackend(REFERENCE), CountingBackend(REFERENCE)
    readout, weight = deep.network.readout, deep.params["readout.weight"]
    trace = whole.forward(deep.network, deep.params, deep.batch)
    whole.input_gradient(readout, weight, trace.errors)
    carry = None
    for _ in range(deep.network.steps):
        step = blocks.forward(deep.network, deep.params, deep.batch, carry=carry, steps=1)
        blocks.input_gradient(readout, weight, step.errors)
        carry = step.carry
    assert blocks.counts == whole.counts
    assert blocks.counts.backward_passes == 1


def test_replicates_count_once_each(deep: Problem) -> None:
    backend = CountingBackend(REFERENCE)
    SpatialBP().estimate(
        backend, deep.network, deep.params, deep.batch, {}, deep.key, replicates=range(3)
    )
    once, thrice = counted(SpatialBP(), deep), backend.counts
    assert thrice.forward_passes == once.forward_passes
    assert thrice.forward.acs == 3 * once.forward.acs
    assert thrice.update.macs == 3 * once.update.macs


def test_a_binary_input_costs_accumulations_only(deep: Problem) -> None:
    spikes = (deep.batch.inputs > 1).astype(float)
    counts = counted(SpatialBP(), deep, Batch(spikes, deep.batch.targets))
    steps, fan_out = deep.network.steps, deep.network.weighted[0].outputs
    assert counts.forward.macs == 0
    shown = steps * int(spikes.sum())
    assert counts.input_spikes == shown
    hidden = counted_hidden_acs(deep.network, counts)
    assert counts.forward.acs == hidden + shown * fan_out


def counted_hidden_acs(network: Network, counts: Counts) -> float:
    pairs = zip(network.spiking, network.weighted[1:], strict=True)
    return sum(counts.spikes[below.name] * layer.outputs for below, layer in pairs)


def test_smooth_neurons_cost_macs_and_their_noise_no_second_product(deep: Problem) -> None:
    smooth = dataclasses.replace(deep, network=deep.network.replace(neuron=Neuron(smooth=True)))
    dense = (
        deep.batch.size
        * deep.network.steps
        * sum(layer.inputs * layer.outputs for layer in deep.network.weighted)
    )
    for name in ("spatial_bp", "opzo"):
        forward = counted(make_estimator(name), smooth).forward
        assert (forward.macs, forward.acs) == (dense, 0)


def test_injected_values_are_two_for_each_antithetic_draw(deep: Problem) -> None:
    noise = draw_noise(NoiseModel(0.2, pairing="time"), deep.network, deep.batch.size, deep.key)
    backend = CountingBackend(REFERENCE)
    backend.forward(deep.network, deep.params, deep.batch, noise=noise)
    units = sum(layer.units for layer in deep.network.spiking)
    assert backend.counts.noise_values == deep.network.steps * deep.batch.size * units
