"""Bits that the pass over neurons makes of their spikes are those read from the spikes."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.errors import DataError
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.core.params import initial_params
from gradassay.core.signs import draw_raw_signs
from gradassay.core.trace import Presynaptic, Recorded, SpikeTrace, Trace
from gradassay.torch_snn import TorchBackend
from gradassay.torch_snn.native import packing
from gradassay.torch_snn.native.compiled import native_library
from gradassay.torch_snn.native.lif import Fused, run
from gradassay.torch_snn.neuron import Scaled, ScaledSigns
from gradassay.torch_snn.packed import Packed
from tests.properties import examples

pytestmark = pytest.mark.skipif(native_library() is None, reason="no C compiler")

DTYPES = st.sampled_from([torch.float32, torch.float64])
MADE = frozenset(["spikes", "derivative", "received", "received_trace"])
ALL = frozenset(get_args(Recorded))


@pytest.fixture(autouse=True)
def _all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FEWEST_ROWS", "FEWEST_INNER", "FEWEST_UNITS"):
        monkeypatch.setattr(packing, name, 1)


@settings(max_examples=examples(150), deadline=None)
@given(
    steps=st.integers(1, 7),
    rows=st.integers(1, 40),
    units=st.one_of(st.integers(1, 70), st.integers(200, 600)),
    dtype=DTYPES,
    reset=st.sampled_from(["soft", "hard", "none"]),
    noise=st.sampled_from(["none", "spike", "membrane"]),
    signs=st.booleans(),
    static=st.booleans(),
    started=st.booleans(),
    seed=st.integers(0, 2**20),
)
def test_bits_of_the_pass_are_those_of_its_clean_spikes(
    steps: int,
    rows: int,
    units: int,
    dtype: torch.dtype,
    reset: Any,
    noise: str,
    signs: bool,
    static: bool,
    started: bool,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    units = 8 * -(-units // 8) if signs else units

    def drawn(*shape: int) -> torch.Tensor:
        return torch.tensor(generator.normal(0.5, 1.0, shape), dtype=dtype)

    scaled: Scaled | ScaledSigns | None = Scaled(drawn(steps, rows, units), 0.3)
    if signs:
        raw = draw_raw_signs((steps, rows, units), [generator], pairs=True)
        assert raw is not None
        scaled = ScaledSigns(raw, 0.3)
    given_once = partial(
        Fused,
        drawn(rows, units) if static else drawn(steps, rows, units),
        steps,
        drawn(rows, units) if started else None,
        None if noise == "none" else scaled,
        noise == "membrane",
        {"received_trace": None},
    )
    neuron = Neuron(reset=reset)
    expected = run(neuron, given_once(MADE))
    found = run(neuron, given_once(MADE | {"bits"}))
    alone = run(neuron, given_once(frozenset(["bits"])))
    words = packing.pack(expected["spikes"])
    assert words is not None
    assert torch.equal(found.pop("bits"), words.words)
    assert torch.equal(alone["bits"], words.words)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        torch.testing.assert_close(found[name], array, rtol=1e-6, atol=1e-6)


@settings(max_examples=examples(200), deadline=None)
@given(
    steps=st.integers(1, 9),
    replicates=st.integers(1, 5),
    samples=st.integers(1, 70),
    units=st.integers(1, 150),
    dtype=DTYPES,
    seed=st.integers(0, 2**20),
)
def test_rows_of_bits_turned_are_columns_and_spread_are_the_spikes(
    steps: int, replicates: int, samples: int, units: int, dtype: torch.dtype, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape = (steps, replicates * samples, units)
    spikes = (torch.rand(shape, generator=generator) < 0.4).to(dtype)
    rows, columns = packing.pack(spikes), packing.pack_columns(spikes, replicates)
    assert rows is not None
    assert columns is not None
    found = packing.turned(rows, steps, replicates)
    assert found is not None
    assert torch.equal(found.words, columns.words)
    assert found[1:] == columns[1:]
    assert torch.equal(Packed(rows.words, shape, dtype, None).values, spikes)


@pytest.mark.parametrize(("steps", "replicates"), [(40, 4), (3, 1), (20, 3)])
def test_rows_that_are_no_whole_samples_of_each_replicate_are_refused(
    steps: int, replicates: int
) -> None:
    bits = packing.pack(torch.zeros(80, 64))
    assert bits is not None
    with pytest.raises(DataError, match=r"rows of spikes: got shape \(80,\); expected"):
        packing.turned(bits, steps, replicates)


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    currents = torch.randn(4, 33, 328, generator=torch.Generator().manual_seed(0))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            words = run(Neuron(), Fused(currents, 4, wanted=frozenset(["bits"])))["bits"]
            packed = Packed(words, (4, 33, 328), torch.float32, None)
            turned = packing.turned(packed.bits, 4, 3)
            assert turned is not None
            found.append((words, turned.words, packed.values))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def traces_of(
    network: Network, dtype: str, noise: Noise | None, blocks: tuple[int, ...], *, static: bool
) -> list[list[Trace]]:
    """Return the traces of a network's blocks, with everything recorded: fused, then plain."""
    generator, found = Key(1).generator(), []
    shape = (9, network.inputs) if static else (network.steps, 9, network.inputs)
    inputs, targets = generator.random(shape), generator.integers(0, 4, 9)
    for fused in (True, False):
        backend = TorchBackend(dtype, fused=fused)
        params = initial_params(network, Key(0), gain=2.0).map(backend.asarray)
        carry, start, traces = None, 0, list[Trace]()
        for steps in blocks:
            part = slice(start, start + steps)
            batch = Batch(
                backend.asarray(inputs if static else inputs[part]), backend.asarray(targets)
            )
            z = noise and noise.map(lambda z, p=part, b=backend: b.asarray(z[p].copy()))  # type: ignore[misc]
            given = (network, params, batch)
            traces.append(backend.forward(*given, noise=z, record=ALL, carry=carry, steps=steps))
            carry, start = traces[-1].carry, start + steps
        found.append(traces)
    return found


@pytest.mark.parametrize("position", ["spike", "membrane", "none"])
@pytest.mark.parametrize("law", ["rademacher", "gaussian"])
@pytest.mark.parametrize("blocks", [(6,), (1, 2, 3)])
@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_passes_with_bits_leave_the_plain_trace(
    position: Any, law: Any, blocks: tuple[int, ...], static: bool, dtype: str
) -> None:
    network = network_named("fc-40-24", 20, 4, steps=6)
    noise = None
    if position != "none":
        noise = draw_noise(NoiseModel(0.3, law, position=position), network, 9, Key(2))
    ours, theirs = traces_of(network, dtype, noise, blocks, static=static)
    near = 1e-4 if dtype == "float32" else 1e-12
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.outputs, other.outputs, rtol=near, atol=near)
        seen = one.activity["readout"]
        assert isinstance(seen, SpikeTrace)
        assert isinstance(seen.spikes, Packed)
        for kind in ALL:
            mine, expected = getattr(one, kind), getattr(other, kind)
            assert mine.keys() == expected.keys()
            for layer, value in expected.items():
                left, right = mine[layer], value
                if isinstance(value, Presynaptic):
                    torch.testing.assert_close(left.bias, right.bias, rtol=near, atol=near)
                    left, right = left.values, right.values
                torch.testing.assert_close(left, right, rtol=near, atol=near)


def test_spikes_are_no_numbers_before_somebody_asks() -> None:
    network = network_named("fc-40-24", 20, 4, steps=6)
    backend = TorchBackend("float32")
    params = initial_params(network, Key(0), gain=2.0).map(backend.asarray)
    batch = Batch(backend.asarray(np.ones((9, 20))), backend.asarray(np.zeros(9, dtype=int)))
    for record in ({"derivative", "activity"}, {"derivative", "eligibility"}):
        trace = backend.forward(network, params, batch, record=record)  # type: ignore[arg-type]
        for layer in network.weighted[1:]:
            seen = (trace.activity or trace.eligibility)[layer.name]
            assert isinstance(seen, SpikeTrace)
            delta = torch.ones(6, 9, layer.outputs)
            backend.weight_gradient(layer, params, delta, seen)
            assert "values" not in vars(seen)
            assert "values" not in vars(seen.spikes)
