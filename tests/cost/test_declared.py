from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import convolutional, fully_connected
from gradassay.core.claims import Passes
from gradassay.core.keys import Key
from gradassay.core.layers import Gain
from gradassay.core.network import Network
from gradassay.core.noise import NoiseModel, draw_noise
from gradassay.core.params import initial_params
from gradassay.core.residual import residual
from gradassay.cost import Declared, closed_form, declared
from gradassay.cost.connections import connections
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend

BACKEND, KEY = ReferenceBackend(), Key(5)


def pooled() -> Network:
    return convolutional((2, 6, 5), "3C3-AP2-2C3-FC", 3, steps=3)


def signal_of(subject: str, network: Network) -> Declared:
    estimator = make_estimator(subject)
    batch = Batch(KEY.generator().uniform(0, 2, (2, network.inputs)), np.array([0, 2]))
    state = estimator.init(BACKEND, network, KEY)
    params = initial_params(network, KEY, gain=2.0)
    after = estimator.estimate(BACKEND, network, params, batch, state, KEY).state
    return declared(estimator, network, state, after)


def test_stand_ins_of_convolutions_are_found_by_their_four_axes() -> None:
    network = residual((2, 9, 8), (1, 1), 3, width=2, steps=2)
    signal = signal_of("feedback_alignment", network)
    found = {(matrix.layer, matrix.entries) for matrix in signal.feedback}
    dense = [layer for layer in network.weighted[1:] if not isinstance(layer, Gain)]
    assert found == {(layer.name, math.prod(layer.weight_shape)) for layer in dense}
    assert not any(matrix.direct or matrix.learnt for matrix in signal.feedback)


def test_a_learnt_stand_in_of_a_convolution_costs_that_weights_products() -> None:
    network = pooled()
    layer = network.weighted[1]
    before = {layer.name: np.zeros(layer.weight_shape)}
    after = {layer.name: np.ones(layer.weight_shape)}
    signal = declared(make_estimator("feedback_alignment"), network, before, after)
    cost = closed_form(network, signal, {"lif1": 0.0, "lif2": 0.0})
    assert cost.feedback_update_macs == network.steps * connections(layer)


@pytest.mark.parametrize("subject", ["opzo+0.01*local_learning", "dkp+0.5*opzo"])
def test_matrices_of_a_sum_of_methods_are_found_under_their_layers(subject: str) -> None:
    network = pooled()
    units = [(layer.name, layer.units) for layer in network.spiking]
    found = [
        (m.layer, m.rows, m.columns, m.direct, m.learnt)
        for m in signal_of(subject, network).feedback
    ]
    assert found == [(name, n, 3, True, True) for name, n in units * 2]


@pytest.mark.parametrize(
    ("position", "pairing", "expected"),
    [
        ("spike", "none", 4 * 7),
        ("membrane", "time", 2 * 7),
        ("none", "none", 4 * 7),
        ("spike", "batch", 2 * 7),
        ("weights", "none", 6 * 7 + 7 + 7 * 3 + 3),
    ],
)
def test_noise_draws_are_one_a_unit_and_step_or_one_a_parameter(
    position: Any, pairing: Any, expected: int
) -> None:
    network = fully_connected(6, (7,), 3, steps=4)
    model = NoiseModel(0.2, pairing=pairing, position=position)
    noise, sharers = draw_noise(model, network, 2, Key(1)), 1 if position == "weights" else 2
    distinct = np.unique(np.concatenate([np.abs(z).ravel() for z in noise.values.values()])).size
    cost = closed_form(network, Declared(Passes(1, 0), True, model), {"lif1": 2.0})
    assert cost.noise_draws == distinct / sharers == expected


def test_noise_makes_products_on_spikes_only() -> None:
    network, spikes = pooled(), {"lif1": 1.0, "lif2": 1.0}
    first, *others = (network.steps * connections(layer) for layer in network.weighted)
    for position, expected in (
        ("spike", first + sum(others)),
        ("membrane", first),
        ("none", first),
        ("weights", first),
    ):
        model = NoiseModel(0.2, position=position)  # type: ignore[arg-type]
        cost = closed_form(network, Declared(Passes(1, 0), True, model), spikes)
        assert cost.forward_macs == expected


def test_state_and_traces_count_units_and_inputs_of_all_layers() -> None:
    network = pooled()
    spikes = {layer.name: 1.0 for layer in network.spiking}
    online = closed_form(network, Declared(Passes(1, 1), online=True), spikes)
    whole = closed_form(network, Declared(Passes(1, 1), online=False), spikes)
    presynaptic, units = 60 + 18 + 12, 90 + 12
    assert online.trace_bytes == 4 * presynaptic
    assert whole.trace_bytes == 4 * 3 * (presynaptic + units)
    assert online.state_bytes == 4 * units
