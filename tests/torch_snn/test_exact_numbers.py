"""Dyadic weights make every sum exact: the backend equals plain Python loops bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import fully_connected
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron, Reset
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Presynaptic
from gradassay.torch_snn import TorchBackend

STEPS, SAMPLES, ALPHA = 4, 32, 0.5
RECORD: Any = frozenset(("membrane", "spikes", "received", "eligibility", "activity"))


def dyadic_problem(reset: Reset, static: bool) -> tuple[Network, Params, Batch, Noise]:
    """Weights and biases multiples of 1/8, inputs of 1/2, noise of +-1/2; NumPy, float64."""
    draw = np.random.default_rng(5)
    network = fully_connected(
        6, (9, 7), 4, steps=STEPS, neuron=Neuron(0.5, 1.0, reset), loss=Loss(1.0)
    )
    params = Params({n: draw.integers(-4, 7, s) / 8 for n, s in network.shapes.items()})
    shape = (SAMPLES, 6) if static else (STEPS, SAMPLES, 6)
    batch = Batch(draw.integers(-1, 3, shape) / 2, draw.integers(0, 4, SAMPLES))
    z = {
        layer.name: draw.choice([-1.0, 1.0], (STEPS, SAMPLES, layer.units))
        for layer in network.spiking
    }
    return network, params, batch, Noise(ALPHA, z)


def weighted_sum(w: np.ndarray, x: np.ndarray, b: float) -> float:
    return float(b + sum(float(a) * float(c) for a, c in zip(w, x, strict=True)))


def python_loop(network: Network, params: Params, batch: Batch, noise: Noise) -> dict[str, Any]:
    """One number at a time, in the order of the equations."""
    found: dict[str, Any] = {}
    *hidden, readout = network.weighted
    for spiking in network.spiking:
        for kind in ("u", "s", "r"):
            found[f"{kind} {spiking.name}"] = np.zeros((STEPS, SAMPLES, spiking.units))
    for layer in hidden:
        found[f"a {layer.name}"] = np.zeros((STEPS, SAMPLES, layer.inputs))
    found["o"] = np.zeros((STEPS, SAMPLES, readout.outputs))
    for t in range(STEPS):
        for b in range(SAMPLES):
            clean = received = batch.inputs[b] if batch.static else batch.inputs[t, b]
            for layer, spiking in zip(hidden, network.spiking, strict=True):
                w, bias = params[f"{layer.name}.weight"], params[f"{layer.name}.bias"]
                u, s, r = (found[f"{kind} {spiking.name}"] for kind in "usr")
                a = found[f"a {layer.name}"]
                for i in range(layer.inputs):
                    a[t, b, i] = (0.5 * a[t - 1, b, i] if t else 0.0) + clean[i]
                for i in range(layer.outputs):
                    before = 0.0
                    if t:
                        after_reset = {
                            "soft": u[t - 1, b, i] - 1.0 * s[t - 1, b, i],
                            "hard": u[t - 1, b, i] * (1 - s[t - 1, b, i]),
                            "none": u[t - 1, b, i],
                        }
                        before = 0.5 * after_reset[network.neuron.reset]
                    u[t, b, i] = before + weighted_sum(w[i], received, bias[i])
                    s[t, b, i] = 1.0 if u[t, b, i] >= 1.0 else 0.0
                    r[t, b, i] = s[t, b, i] + ALPHA * noise.values[spiking.name][t, b, i]
                clean, received = s[t, b], r[t, b]
            w, bias = params["readout.weight"], params["readout.bias"]
            for i in range(readout.outputs):
                found["o"][t, b, i] = weighted_sum(w[i], received, bias[i])
    return found


def dense_values(presynaptic: Presynaptic) -> np.ndarray:
    values = np.asarray(presynaptic.values)
    if presynaptic.weights is None:
        return values
    dense: np.ndarray = np.asarray(presynaptic.weights)[:, None, None] * values
    return dense


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("static", [True, False], ids=["static", "sequence"])
@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
def test_dyadic_network_is_a_plain_loop_bit_for_bit_with_membranes_at_the_threshold(
    reset: Reset, static: bool, dtype: str
) -> None:
    network, params, batch, noise = dyadic_problem(reset, static)
    wanted, back = python_loop(network, params, batch, noise), TorchBackend(dtype)
    trace = back.forward(
        network,
        params.map(back.asarray),
        Batch(back.asarray(batch.inputs), back.asarray(batch.targets)),
        noise=Noise(ALPHA, {n: back.asarray(z) for n, z in noise.values.items()}),
        record=RECORD,
    )
    for spiking in network.spiking:
        u, s = wanted[f"u {spiking.name}"], wanted[f"s {spiking.name}"]
        assert (u == 1.0).any()
        assert (s[u == 1.0] == 1.0).all()
        assert 0.05 < s.mean() < 0.95
        assert np.array_equal(back.to_numpy(trace.membrane[spiking.name]), u)
        assert np.array_equal(back.to_numpy(trace.spikes[spiking.name]), s)
        assert np.array_equal(
            back.to_numpy(trace.received[spiking.name]), wanted[f"r {spiking.name}"]
        )
    for layer in network.weighted[:-1]:
        presynaptic = trace.eligibility[layer.name]
        assert np.array_equal(dense_values(presynaptic), wanted[f"a {layer.name}"])
        assert presynaptic.bias.tolist() == [1.0, 1.5, 1.75, 1.875]
    o, onehot = wanted["o"], np.eye(4)[batch.targets]
    errors = 2 * (o - onehot) / 4 / STEPS
    assert np.array_equal(back.to_numpy(trace.outputs), o)
    assert np.array_equal(back.to_numpy(trace.errors), errors)
    assert np.array_equal(back.to_numpy(trace.losses), ((o - onehot) ** 2).mean(-1) / STEPS)

    gradient = back.weight_gradient(
        network.readout, params.map(back.asarray), trace.errors, trace.eligibility["readout"]
    )
    last = wanted[f"s {network.spiking[-1].name}"]
    product = np.einsum("tbo,tbi->oi", errors, last) / SAMPLES
    assert np.array_equal(back.to_numpy(gradient["readout.weight"]), product)
    assert np.array_equal(back.to_numpy(gradient["readout.bias"]), errors.sum(0).sum(0) / SAMPLES)
