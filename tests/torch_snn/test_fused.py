"""Neurons in one pass over memory do what plain tensor operations do."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.errors import DataError
from gradassay.core.keys import Key
from gradassay.core.layers import AvgPool, Flatten, Linear, Spiking, Sum
from gradassay.core.network import Loss, Network
from gradassay.core.neuron import Neuron, Surrogate, SurrogateKind
from gradassay.core.noise import NoiseModel, draw_noise
from gradassay.core.params import initial_params
from gradassay.core.signs import draw_raw_signs
from gradassay.core.trace import Presynaptic, Recorded, Trace
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.torch_snn.loss import losses_and_errors
from gradassay.torch_snn.native import lif, packing, pooling, products
from gradassay.torch_snn.native import loss as native_loss
from gradassay.torch_snn.native.compiled import native_library
from gradassay.torch_snn.native.lif import Fused, available, run
from gradassay.torch_snn.native.loss import fused_loss
from gradassay.torch_snn.native.momentum import momentum_step
from gradassay.torch_snn.native.pooling import pooled
from gradassay.torch_snn.neuron import Scaled, ScaledSigns, scan
from gradassay.torch_snn.pooling import plain_pool, plain_transposed
from gradassay.torch_snn.surrogate import surrogate_derivative
from gradassay.torch_snn.traces import eligibility
from tests.properties import examples

pytestmark = pytest.mark.skipif(native_library() is None, reason="no C compiler")

RECORDS = ("membrane", "spikes", "received", "derivative", "trace", "received_trace")
ROUNDING = {torch.float32: 2e-6, torch.float64: 4e-15}


@settings(max_examples=examples(150), deadline=None)
@given(
    steps=st.integers(1, 9),
    rows=st.integers(1, 40),
    units=st.integers(1, 60),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    reset=st.sampled_from(["soft", "hard", "none"]),
    kind=st.sampled_from(get_args(SurrogateKind)),
    sharpness=st.floats(0.25, 30),
    on_membrane=st.booleans(),
    static=st.booleans(),
    started=st.booleans(),
    seed=st.integers(0, 2**20),
)
def test_the_fused_pass_is_the_eager_one(
    steps: int,
    rows: int,
    units: int,
    dtype: torch.dtype,
    reset: str,
    kind: SurrogateKind,
    sharpness: float,
    on_membrane: bool,
    static: bool,
    started: bool,
    seed: int,
) -> None:
    # multiples of 1/64: potentials are exact, so that no spike hangs on rounding
    neuron = Neuron(reset=reset, surrogate=Surrogate(kind, sharpness))  # type: ignore[arg-type]
    generator = np.random.default_rng(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.tensor(generator.integers(-128, 192, shape) / 64, dtype=dtype)

    currents = drawn(rows, units) if static else drawn(steps, rows, units)
    noise = Scaled(drawn(steps, rows, units), 0.25)
    before = [drawn(rows, units) if started else None for _ in range(3)]
    made = run(
        neuron,
        Fused(
            currents,
            steps,
            before[0],
            noise,
            on_membrane,
            {"trace": before[1], "received_trace": before[2]},
            frozenset(RECORDS),
        ),
    )
    spread = currents.expand(steps, rows, units) if static else currents
    membrane, spikes, left = scan(neuron, spread, before[0], noise if on_membrane else None)
    seen = membrane + 0.25 * noise.values if on_membrane else membrane
    received = spikes if on_membrane else spikes + 0.25 * noise.values
    ones = torch.ones(steps, dtype=dtype)
    expected = {
        "membrane": membrane,
        "spikes": spikes,
        "left": left,
        "received": received,
        "derivative": surrogate_derivative(neuron, seen),
        "trace": eligibility(spikes, ones, neuron.leak, before[1])[0].values,
        "received_trace": eligibility(received, ones, neuron.leak, before[2])[0].values,
    }
    expected |= {f"{name}_left": expected[name][-1] for name in ("trace", "received_trace")}
    assert set(made) == set(expected)
    for name, array in expected.items():
        scale = max(1.0, float(array.abs().max()))
        torch.testing.assert_close(
            made[name], array, rtol=0, atol=ROUNDING[dtype] * scale * max(1.0, sharpness)
        )


@settings(max_examples=examples(50), deadline=None)
@given(
    steps=st.integers(1, 5),
    replicates=st.integers(1, 3),
    rows=st.integers(1, 40),
    units=st.sampled_from([8, 16, 24, 104]),
    dtype=st.sampled_from(list(ROUNDING)),
    pairs=st.booleans(),
    on_membrane=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_signs_as_bits_are_the_signs_as_numbers(
    steps: int,
    replicates: int,
    rows: int,
    units: int,
    dtype: torch.dtype,
    pairs: bool,
    on_membrane: bool,
    seed: int,
) -> None:
    generators = [np.random.default_rng([seed, i]) for i in range(replicates)]
    signs = draw_raw_signs((steps, rows, units), generators, pairs=pairs)
    assert signs is not None
    values = torch.tensor(signs.array(np.float64)).to(dtype)
    currents = torch.tensor(np.random.default_rng(seed).normal(size=signs.shape)).to(dtype)
    bits, numbers = (
        run(
            Neuron(),
            Fused(
                currents, steps, None, noise, on_membrane,
                {"received_trace": None}, frozenset(RECORDS),
            ),
        )
        for noise in (ScaledSigns(signs, 0.3), Scaled(values, 0.3))
    )  # fmt: skip
    assert set(bits) == set(numbers)
    for name, array in numbers.items():
        assert torch.equal(bits[name], array)


NETWORKS: dict[str, int | tuple[int, int, int]] = {
    "fc-30-20": 36,
    "4C3-AP2-6C3-FC": (1, 6, 6),
    "fc-12": 36,
}
ALL = frozenset(get_args(Recorded))


@pytest.mark.parametrize("fused", [False, True])
def test_a_population_leaves_the_currents_as_they_are_that_another_layer_reads_too(
    fused: bool,
) -> None:
    layers = (
        Linear("shared", 36, 8), Flatten("maps", (2, 2, 2), "shared"), Spiking("first", 8, "maps"),
        Spiking("second", 8, "shared"), Sum("both", 8, ("first", "second")),
        Linear("readout", 8, 4, source="both"),
    )  # fmt: skip
    network = Network(layers, steps=6)
    params, inputs = initial_params(network, Key(0), gain=2.0), Key(1).generator()
    values, targets = inputs.normal(size=(6, 5, 36)), np.arange(5) % 4
    expected = ReferenceBackend().forward(network, params, Batch(values, targets), record=ALL)
    backend = TorchBackend("float64", fused=fused)
    batch = Batch(backend.asarray(values), backend.asarray(targets))
    found = backend.forward(network, params.map(backend.asarray), batch, record=ALL)
    for layer in ("first", "second"):
        assert 0 < expected.spikes[layer].mean() < 1
        close(found.membrane[layer], torch.as_tensor(expected.membrane[layer]))


def traces_of(name: str, position: str, blocks: tuple[int, ...], *, fused: bool) -> list[Trace]:
    """Return the traces of a network's blocks, with everything recorded."""
    backend = TorchBackend("float64", fused=fused)
    network = network_named(name, NETWORKS[name], 4, steps=6)
    params, key = initial_params(network, Key(0), gain=2.0).map(backend.asarray), Key(1)
    inputs = (key / "inputs").generator().normal(size=(5, 36))
    batch = Batch(backend.asarray(inputs), backend.asarray(np.arange(5) % 4))
    drawn = None
    if position != "none":
        model = NoiseModel(0.3, position=position)  # type: ignore[arg-type]
        drawn = draw_noise(model, network, 5, key)
    carry, start, found = None, 0, list[Trace]()
    for steps in blocks:
        noise = drawn and drawn.map(partial(_block, backend, start, steps))
        model_and_batch = (network, params, batch)
        trace = backend.forward(*model_and_batch, noise=noise, record=ALL, carry=carry, steps=steps)
        carry, start = trace.carry, start + steps
        found.append(trace)
    return found


def _block(backend: TorchBackend, start: int, steps: int, z: np.ndarray) -> torch.Tensor:
    return backend.asarray(z[start : start + steps].copy())


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("position", ["spike", "membrane"])
@pytest.mark.parametrize("pairing", ["none", "time"])
def test_a_pass_takes_signs_as_bits_for_what_they_are(
    name: str, position: str, pairing: str
) -> None:
    backend = TorchBackend("float64")
    network = network_named(name, NETWORKS[name], 4, steps=5)
    params = initial_params(network, Key(0), gain=2.0).map(backend.asarray)
    inputs = (Key(1) / "inputs").generator().normal(size=(8, 36))
    batch = Batch(backend.asarray(inputs), backend.asarray(np.arange(8) % 4))
    model = NoiseModel(0.3, "rademacher", pairing, position)  # type: ignore[arg-type]
    bits = draw_noise(model, network, 8, Key(2)).placed(backend.asarray)
    assert bits.raw
    whole = bits.map(lambda z: z)
    assert not whole.raw
    ours, theirs = (
        backend.forward(network, params, batch, noise=noise, record=ALL) for noise in (bits, whole)
    )
    for kind in ("membrane", "spikes", "received", "derivative"):
        for layer, array in getattr(theirs, kind).items():
            close(getattr(ours, kind)[layer], array)
    close(ours.outputs, theirs.outputs)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("position", ["spike", "membrane", "none"])
@pytest.mark.parametrize("blocks", [(6,), (1, 2, 3)])
def test_networks_leave_the_same_trace(name: str, position: str, blocks: tuple[int, ...]) -> None:
    both = [traces_of(name, position, blocks, fused=fused) for fused in (True, False)]
    for ours, theirs in zip(*both, strict=True):
        assert set(ours.carry) == set(theirs.carry)
        for kind in ("outputs", "losses", "errors"):
            close(getattr(ours, kind), getattr(theirs, kind))
        for kind in ALL:
            mine, expected = getattr(ours, kind), getattr(theirs, kind)
            assert set(mine) == set(expected)
            for layer, array in expected.items():
                if isinstance(array, Presynaptic):
                    close(mine[layer].values, array.values)
                    close(mine[layer].bias, array.bias)
                else:
                    close(mine[layer], array)


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_do_not_depend_on_the_number_of_threads(dtype: torch.dtype) -> None:
    currents = torch.randn(4, 33, 77, dtype=dtype, generator=torch.Generator().manual_seed(0))
    runs, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            runs.append(run(Neuron(), Fused(currents, 4, wanted=frozenset(RECORDS[:4]))))
    finally:
        torch.set_num_threads(threads)
    for other in runs[1:]:
        for name, array in runs[0].items():
            assert torch.equal(other[name], array)


@pytest.mark.parametrize("kind", get_args(SurrogateKind))
def test_nan_stays_and_huge_potentials_have_no_derivative(kind: SurrogateKind) -> None:
    neuron = Neuron(surrogate=Surrogate(kind, 4.0))
    currents = torch.tensor([[[float("nan"), 1e30, -1e30, float("inf"), 1.0]]])
    made = run(neuron, Fused(currents, 1, wanted=frozenset(["derivative", "spikes", "membrane"])))
    derivative = made["derivative"][0, 0]
    if kind != "rectangle":  # |NaN| is no number below the edge
        assert derivative[0].isnan()
    assert derivative[1:4].abs().max() < 1e-20
    assert made["membrane"][0, 0, 0].isnan()


def test_smooth_neurons_and_other_types_have_no_fused_pass() -> None:
    assert available(Neuron(), torch.zeros(1))
    assert not available(Neuron(smooth=True), torch.zeros(1))
    assert not available(Neuron(), torch.zeros(1, dtype=torch.bfloat16))


SCRIPT = """
import numpy as np
from gradassay.torch_snn.loss import losses_and_errors
from gradassay.torch_snn.native import lif, packing, pooling, products
from gradassay.torch_snn.native import loss as native_loss
from gradassay.torch_snn.native.compiled import native_library
from gradassay.torch_snn.native.momentum import momentum_step
print(native_library() is None)
"""


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false"])
def test_without_a_working_compiler_there_is_no_library(compiler: str, tmp_path: Path) -> None:
    environment = os.environ | {"CC": compiler, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "True", done.stderr
    assert list(tmp_path.rglob("*.so")) == []


@settings(max_examples=examples(40), deadline=None)
@given(
    shape=st.lists(st.integers(1, 40), min_size=0, max_size=3),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    momentum=st.floats(0, 0.99),
    rate=st.floats(0, 1),
    seed=st.integers(0, 2**20),
)
def test_the_fused_update_is_that_of_sgd_with_momentum(
    shape: list[int], dtype: torch.dtype, momentum: float, rate: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    p, v, g = (torch.randn(shape, dtype=dtype, generator=generator) for _ in range(3))
    expected_v = momentum * v + g
    expected_p = p - rate * expected_v
    kept = g.clone()
    assert momentum_step(p, v, g, momentum, rate)
    torch.testing.assert_close(v, expected_v, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(p, expected_p, rtol=1e-6, atol=1e-6)
    assert torch.equal(g, kept)


def test_an_update_is_not_fused_where_it_cannot_be() -> None:
    p, v = torch.zeros(4, 6), torch.zeros(4, 6)
    assert not momentum_step(p.T, v.T, torch.zeros(6, 4), 0.9, 0.1)
    half = torch.zeros(4, dtype=torch.bfloat16)
    assert not momentum_step(half, half.clone(), half.clone(), 0.9, 0.1)
    assert not momentum_step(p, v, torch.zeros(4, 6, dtype=torch.float64), 0.9, 0.1)


@settings(max_examples=examples(80), deadline=None)
@given(
    leading=st.lists(st.integers(0, 4), min_size=0, max_size=2),
    channels=st.integers(1, 4),
    rows=st.integers(1, 9),
    columns=st.integers(1, 20),
    kernel=st.integers(1, 5),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 2**20),
)
def test_fused_pooling_is_the_plain_one(
    leading: list[int],
    channels: int,
    rows: int,
    columns: int,
    kernel: int,
    dtype: torch.dtype,
    seed: int,
) -> None:
    layer = AvgPool("pool", (channels, rows, columns), min(kernel, rows, columns))
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(*leading, layer.inputs, dtype=dtype, generator=generator)
    delta = torch.randn(*leading, layer.outputs, dtype=dtype, generator=generator)
    found, back = pooled("pool", layer, values), pooled("pool_transposed", layer, delta)
    assert found is not None
    assert back is not None
    near = 1e-6 if dtype == torch.float32 else 1e-14
    torch.testing.assert_close(found, plain_pool(layer, values), rtol=near, atol=near)
    torch.testing.assert_close(back, plain_transposed(layer, delta), rtol=near, atol=near)


@settings(max_examples=examples(80), deadline=None)
@given(
    steps=st.integers(1, 5),
    samples=st.integers(1, 40),
    classes=st.integers(1, 60),
    mse_weight=st.sampled_from([0.0, 0.25, 1.0]),
    over=st.sampled_from(["step", "sequence"]),
    scale=st.sampled_from([1.0, 1e3]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 2**20),
)
def test_the_fused_loss_is_the_plain_one(
    steps: int,
    samples: int,
    classes: int,
    mse_weight: float,
    over: str,
    scale: float,
    dtype: torch.dtype,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    outputs = scale * torch.randn(steps, samples, classes, dtype=dtype, generator=generator)
    targets = torch.randint(0, classes, (samples,), generator=generator)
    loss = Loss(mse_weight, over)  # type: ignore[arg-type]
    found = losses_and_errors(loss, outputs, targets, steps, fused=True)
    plain = losses_and_errors(loss, outputs, targets, steps, fused=False)
    near = 3e-6 if dtype == torch.float32 else 1e-13
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=near, atol=near)


def test_shapes_that_do_not_fit_are_refused_or_left_to_torch() -> None:
    neuron, currents = Neuron(), torch.zeros(2, 3, 4)
    for wrong in (
        Fused(currents, 3),
        Fused(currents, 2, rested=torch.zeros(2, 4)),
        Fused(currents, 2, noise=Scaled(torch.zeros(2, 3, 3), 0.1)),
        Fused(currents, 2, traces={"trace": torch.zeros(3, 3)}),
    ):
        with pytest.raises(DataError, match=r"got shape .*; expected"):
            run(neuron, wrong)
    assert fused_loss(currents, torch.zeros(2, dtype=torch.int64), 0.0, 1.0) is None
    assert pooled("pool", AvgPool("pool", (1, 4, 4), 2), currents) is None
    p = torch.zeros(4, 5)
    assert not momentum_step(p, p.clone(), torch.zeros(4, 4), 0.9, 0.1)


def test_a_state_of_another_precision_is_refused() -> None:
    state = torch.zeros(3, 4, dtype=torch.float64)
    for wrong in (
        Fused(torch.zeros(2, 3, 4), 2, rested=state),
        Fused(torch.zeros(2, 3, 4), 2, traces={"trace": state}),
    ):
        with pytest.raises(DataError, match=r"got torch.float64; expected torch.float32"):
            run(Neuron(), wrong)


def test_a_plain_backend_calls_nothing_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_named("4C3-AP2-FC", (1, 8, 8), 3, steps=3)
    backend = TorchBackend("float64", fused=False)
    params = initial_params(network, Key(0)).map(backend.asarray)
    generator = Key(1).generator()
    batch = Batch(
        backend.asarray(generator.random((40, 64))), backend.asarray(generator.integers(0, 3, 40))
    )
    called = []
    for module in (packing, products, lif, native_loss, pooling):
        monkeypatch.setattr(module, "entry", lambda name, *_: called.append(name))
    estimator = make_estimator("spatial_bp")
    estimator.estimate(backend, network, params, batch, {}, Key(2))
    assert called == []


def test_the_fused_loss_keeps_nan_and_refuses_what_is_no_class() -> None:
    outputs, targets = torch.zeros(2, 3, 4), torch.tensor([0, 3, 1])
    outputs[1, 2, 3] = torch.nan
    found = fused_loss(outputs, targets, 0.0, 1.0)
    assert found is not None
    assert found[0].isnan().sum() == 1
    assert found[1].isnan().sum() == 4
    assert fused_loss(outputs, torch.tensor([0, 4, 1]), 0.0, 1.0) is None
    assert fused_loss(outputs, torch.tensor([0, -1, 1]), 0.0, 1.0) is None
    assert fused_loss(outputs.bfloat16(), targets, 0.0, 1.0) is None


def test_pooling_keeps_nan_and_takes_views() -> None:
    layer = AvgPool("pool", (1, 4, 4), 2)
    values = torch.zeros(3, 5, 16)
    values[1, 2, 5] = torch.nan
    view = values.transpose(0, 1)
    found = pooled("pool", layer, view)
    assert found is not None
    assert found.isnan().sum() == 1
    assert found[2, 1, 0].isnan()
    assert pooled("pool", layer, values.bfloat16()) is None
