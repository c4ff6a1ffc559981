"""Jacobians of the outputs by a layer's spikes, and the cosine of feedback weights with them."""

from __future__ import annotations

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise
from gradassay.core.params import Params, initial_params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.verify.measuring.feedback import feedback_of, look_at_feedback
from gradassay.verify.measuring.jacobians import average_jacobians
from gradassay.verify.measuring.moment import Moment

REFERENCE = ReferenceBackend()
NETWORKS = {
    "dense": network_named("fc-7-6", 48, 3, steps=1, neuron=Neuron(smooth=True)),
    "convolutional": network_named(
        "3C3-AP2-2C3-FC", (3, 4, 4), 3, steps=1, neuron=Neuron(smooth=True)
    ),
}


def model(network: Network, samples: int = 4) -> tuple[ReferenceBackend, Network, Params, Batch]:
    generator = np.random.default_rng(1)
    inputs = generator.random((samples, 48))
    params = initial_params(network, Key(2), gain=2.5)
    return REFERENCE, network, params, Batch(inputs, generator.integers(0, 3, samples))


def outputs_with_more(network: Network, layer: str, unit: int, more: float) -> np.ndarray:
    """Return the outputs, (B, m), where one unit of one layer sends more than it fires."""
    backend, _, params, batch = model(network)
    units = next(each.units for each in network.spiking if each.name == layer)
    z = np.zeros((1, batch.size, units))
    z[:, :, unit] = 1.0
    trace = backend.forward(network, params, batch, noise=Noise(more, {layer: z}))
    outputs: np.ndarray = np.asarray(trace.outputs)[0]
    return outputs


@pytest.mark.parametrize("network", NETWORKS.values(), ids=list(NETWORKS))
def test_of_smooth_neurons_the_jacobian_is_the_central_difference(network: Network) -> None:
    found = average_jacobians(*model(network))
    assert list(found) == [layer.name for layer in network.spiking]
    for layer in network.spiking:
        for unit in range(0, layer.units, 5):
            up = outputs_with_more(network, layer.name, unit, 1e-4)
            down = outputs_with_more(network, layer.name, unit, -1e-4)
            expected = ((up - down) / 2e-4).mean(axis=0)
            np.testing.assert_allclose(found[layer.name][unit], expected, rtol=1e-6, atol=1e-9)


def test_both_backends_have_the_same_jacobians() -> None:
    network = network_named("fc-7-6", 48, 3, steps=4)
    _, _, params, batch = model(network)
    torch = TorchBackend("float64")
    placed = Batch(torch.asarray(batch.inputs), torch.asarray(batch.targets))
    expected = average_jacobians(REFERENCE, network, params, batch)
    found = average_jacobians(torch, network, params.map(torch.asarray), placed)
    for name, matrix in expected.items():
        np.testing.assert_allclose(torch.to_numpy(found[name]), matrix, rtol=1e-12)


def test_feedback_that_is_the_jacobian_has_cosine_1_and_its_negative_minus_1() -> None:
    network = network_named("fc-7-6", 48, 3, steps=4)
    moment = Moment(*model(network))
    state = {"lif1": 3.0 * moment.jacobians["lif1"], "lif2": -0.5 * moment.jacobians["lif2"]}
    found = {one.layer: one.interval.value for one in look_at_feedback(state, moment)}
    assert found == {"lif1": pytest.approx(1.0), "lif2": pytest.approx(-1.0)}


def test_feedback_that_is_0_has_no_cosine() -> None:
    network = network_named("fc-7-6", 48, 3, steps=2)
    moment = Moment(*model(network))
    start = make_estimator("opzo").init(REFERENCE, network, Key(0))
    assert look_at_feedback(start, moment) == []


def test_opzo_learns_the_average_jacobian_of_resting_weights() -> None:
    """A long memory at weights that rest: each cosine is above 0.9 after 1,200 updates."""
    network = network_named("fc-7-6", 48, 3, steps=4)
    moment = Moment(*model(network, samples=24))
    estimator = make_estimator("opzo", alpha=0.2, momentum=0.997, law="rademacher")
    state = estimator.init(REFERENCE, network, Key(0))
    for number in range(1200):
        state = estimator.advance(*model(network, samples=24), state, Key(1) / number)
    found = {one.layer: one.interval.value for one in look_at_feedback(state, moment)}
    assert set(found) == {"lif1", "lif2"}
    assert min(found.values()) > 0.9


def test_the_feedback_of_a_sum_is_that_of_its_parts() -> None:
    network = network_named("fc-7-6", 48, 3, steps=2)
    for name in ("dfa", "dkp"):
        alone = make_estimator(name).init(REFERENCE, network, Key(0))
        assert {k: v.shape for k, v in feedback_of(alone, network).items()} == {
            "lif1": (7, 3),
            "lif2": (6, 3),
        }
    for name in ("opzo+0.1*local_learning", "local_learning+opzo"):
        joined = make_estimator(name).init(REFERENCE, network, Key(0))
        found = feedback_of(joined, network)
        assert {layer: matrix is joined[f"opzo/{layer}"] for layer, matrix in found.items()} == {
            "lif1": True,
            "lif2": True,
        }
    local = make_estimator("local_learning").init(REFERENCE, network, Key(0))
    assert feedback_of(local, network) == {}  # readouts of local losses
    assert feedback_of(make_estimator("spatial_bp").init(REFERENCE, network, Key(0)), network) == {}
