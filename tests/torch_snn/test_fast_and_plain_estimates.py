"""Estimates of the whole zoo are the same on the fast and on the plain engine, at random shapes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradassay.core.arrays import mean_outer
from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import NoiseModel, draw_noise
from gradassay.core.params import Params, initial_params
from gradassay.estimators import make_estimator, zoo_names
from gradassay.torch_snn import TorchBackend
from gradassay.torch_snn.native import packing
from gradassay.torch_snn.native.compiled import native_library
from tests.properties import examples

pytestmark = pytest.mark.skipif(native_library() is None, reason="no C compiler")

FAST, PLAIN = TorchBackend("float64"), TorchBackend("float64", fused=False)


@pytest.fixture(autouse=True)
def _all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "FEWEST_ROWS", 1)
    monkeypatch.setattr(packing, "FEWEST_INNER", 1)
    monkeypatch.setattr(packing, "FEWEST_UNITS", 1)


def problem(
    network: Network, samples: int, seed: int, *, static: bool, spiking: bool
) -> tuple[Params, Batch]:
    """Random parameters and a batch: static inputs, or a sequence of numbers or of spikes."""
    generator = Key(seed).generator()
    shape = (samples, network.inputs) if static else (network.steps, samples, network.inputs)
    inputs = generator.random(shape)
    if spiking:
        inputs = (inputs < 0.4).astype(float)
    targets = generator.integers(0, network.classes, samples)
    params = initial_params(network, Key(seed), gain=2.0).map(FAST.asarray)
    return params, Batch(FAST.asarray(inputs), FAST.asarray(targets))


@pytest.mark.parametrize("name", zoo_names())
@settings(max_examples=examples(8), deadline=None)
@given(
    plan=st.sampled_from(["fc-17-12", "fc-33", "fc-40-24", "fc-9-8-7", "3C3-AP2-5C3-FC", "4C3-FC"]),
    steps=st.integers(1, 5),
    samples=st.integers(1, 9),
    replicates=st.integers(1, 3),
    static=st.booleans(),
    spiking=st.booleans(),
    seed=st.integers(0, 2**20),
)
def test_estimates_are_the_same(
    name: str,
    plan: str,
    steps: int,
    samples: int,
    replicates: int,
    static: bool,
    spiking: bool,
    seed: int,
) -> None:
    inputs = (1, 6, 6) if "C" in plan else 20
    network = network_named(plan, inputs, 4, steps=steps)
    estimator = make_estimator(name)
    if name == "intermediate_global" and len(network.spiking) < 2:
        return  # has a layer before it
    params, batch = problem(network, samples, seed, static=static, spiking=spiking)
    estimates = []
    for backend in (FAST, PLAIN):
        state = estimator.init(backend, network, Key(1))
        for step in range(2):
            estimate = estimator.estimate(backend, network, params, batch, state, Key(2) / step)
            state = estimate.state
        estimates.append(
            estimator.estimate(
                backend, network, params, batch, state, Key(3), replicates=range(replicates)
            )
        )
    for one, other in (
        (estimates[0].gradient, estimates[1].gradient),
        (estimates[0].state, estimates[1].state),
    ):
        assert one.keys() == other.keys()
        for key, array in one.items():
            scale = max(1.0, float(other[key].abs().max()))
            torch.testing.assert_close(array, other[key], rtol=0, atol=1e-11 * scale)


@settings(max_examples=examples(60), deadline=None)
@given(
    steps=st.integers(1, 7),
    samples=st.integers(1, 9),
    replicates=st.integers(1, 3),
    units=st.integers(1, 70),
    outputs=st.integers(1, 12),
    law=st.sampled_from(["rademacher", "gaussian"]),
    pairing=st.sampled_from(["none", "time", "batch"]),
    seed=st.integers(0, 2**20),
)
def test_products_of_noise_are_those_of_its_array(
    steps: int,
    samples: int,
    replicates: int,
    units: int,
    outputs: int,
    law: str,
    pairing: str,
    seed: int,
) -> None:
    network = network_named(f"fc-{units}", 5, outputs + 1, steps=steps)
    model = NoiseModel(0.1, law, pairing)  # type: ignore[arg-type]
    noise = draw_noise(model, network, samples, Key(seed), range(replicates)).placed(FAST.asarray)
    generator = torch.Generator().manual_seed(seed)
    right = torch.randn(
        steps, replicates * samples, outputs, dtype=torch.float64, generator=generator
    )
    found = FAST.noise_outer(noise, "lif1", right, replicates)
    expected = mean_outer(noise.values["lif1"], right, replicates)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert found.shape == expected.shape


def test_products_of_noise_of_replicates_may_be_asked_for_as_one() -> None:
    network = network_named("fc-16", 5, 3, steps=4)
    model = NoiseModel(0.1, "rademacher", "time")
    noise = draw_noise(model, network, 8, Key(0), range(3)).placed(FAST.asarray)
    right = torch.randn(4, 24, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found, plain = (b.noise_outer(noise, "lif1", right, 1) for b in (FAST, PLAIN))
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-12)
