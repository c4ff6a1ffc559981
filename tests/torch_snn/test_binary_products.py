"""Products with zeros and ones, and with signs, are those of torch, over random shapes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.errors import DataError
from gradassay.core.keys import Key
from gradassay.core.layers import Linear
from gradassay.core.noise import Noise, NoiseModel, draw_noise
from gradassay.core.params import initial_params
from gradassay.core.trace import Presynaptic, SpikeTrace
from gradassay.torch_snn import TorchBackend
from gradassay.torch_snn.gradients import weight_gradient
from gradassay.torch_snn.native import packing, products
from gradassay.torch_snn.native.compiled import native_library
from gradassay.torch_snn.spike_products import set_apart, spiking_current, spiking_outer
from gradassay.torch_snn.traces import eligibility
from tests.properties import examples

pytestmark = pytest.mark.skipif(native_library() is None, reason="no C compiler")

DTYPES = st.sampled_from([torch.float32, torch.float64])


@pytest.fixture(autouse=True)
def _all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "FEWEST_ROWS", 1)
    monkeypatch.setattr(packing, "FEWEST_INNER", 1)
    monkeypatch.setattr(packing, "FEWEST_UNITS", 1)


def whole(shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Small whole numbers, whose products and sums are exact."""
    return torch.randint(-8, 9, shape, generator=generator).to(dtype)


def zeros_and_ones(
    shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype
) -> Tensor:
    return (torch.rand(shape, generator=generator) < 0.3).to(dtype)


@settings(max_examples=examples(150), deadline=None)
@given(
    rows=st.integers(1, 1100),
    inner=st.integers(1, 150),
    columns=st.integers(1, 80),
    signs=st.booleans(),
    transposed=st.booleans(),
    dtype=DTYPES,
    seed=st.integers(0, 2**20),
)
def test_products_of_whole_numbers_are_exact(
    rows: int,
    inner: int,
    columns: int,
    signs: bool,
    transposed: bool,
    dtype: torch.dtype,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    left = zeros_and_ones((rows, inner), generator, dtype)
    left = 2 * left - 1 if signs else left
    weight = whole((columns, inner), generator, dtype)
    weight = weight.T.contiguous().T if transposed else weight
    bias = whole((columns,), generator, dtype)
    bits = packing.pack(left, signs=signs)
    assert bits is not None
    assert torch.equal(products.times_transposed(bits, weight, bias=bias), left @ weight.T + bias)
    assert torch.equal(products.times_transposed(bits, weight), left @ weight.T)


@settings(max_examples=examples(100), deadline=None)
@given(
    steps=st.integers(1, 7),
    samples=st.integers(1, 40),
    replicates=st.integers(1, 4),
    units=st.integers(1, 70),
    columns=st.integers(1, 70),
    leak=st.sampled_from([0.5, 0.25, 1.0]),
    dtype=DTYPES,
    seed=st.integers(0, 2**20),
)
def test_weight_gradients_of_spikes_and_of_their_trace_are_the_plain_ones(
    steps: int,
    samples: int,
    replicates: int,
    units: int,
    columns: int,
    leak: float,
    dtype: torch.dtype,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    spikes = zeros_and_ones((steps, replicates * samples, units), generator, dtype)
    delta = whole((steps, replicates * samples, columns), generator, dtype)
    layer = Linear("w", units, columns)
    bias = torch.ones(steps, dtype=dtype)
    trace = eligibility(spikes, bias, leak, None)[0].values
    known = SpikeTrace(spikes, leak, bias, lambda: trace)
    near = 1e-5 if dtype == torch.float32 else 1e-13  # 1 / B rounds
    for seen in (known, Presynaptic(spikes, bias)):
        plain = Presynaptic(seen.values, bias)
        expected = weight_gradient(layer, {}, delta, plain, replicates, fused=False)
        found = weight_gradient(layer, {}, delta, seen, replicates, fused=True)
        assert spiking_outer(delta, seen, replicates) is not None
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, rtol=near, atol=near)


@settings(max_examples=examples(100), deadline=None)
@given(
    steps=st.integers(1, 7),
    rows=st.integers(1, 40),
    units=st.integers(1, 70),
    columns=st.integers(1, 70),
    signs=st.booleans(),
    pairs=st.booleans(),
    dtype=DTYPES,
    seed=st.integers(0, 2**20),
)
def test_currents_of_noisy_spikes_are_those_of_their_sum(
    steps: int,
    rows: int,
    units: int,
    columns: int,
    signs: bool,
    pairs: bool,
    dtype: torch.dtype,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    spikes = zeros_and_ones((steps, rows, units), generator, dtype)
    z = whole((steps, rows, units), generator, dtype)
    z = torch.where(z < 0, -1, 1).to(dtype) if signs else z
    if pairs:
        z[1::2] = -z[: 2 * (steps // 2) : 2]
    weight, bias = whole((columns, units), generator, dtype), whole((columns,), generator, dtype)
    apart = set_apart(Noise(0.25, {"w": z}), "w")
    if apart is None:
        assert not signs
        return
    found = spiking_current(Linear("w", units, columns), weight, bias, spikes, apart)
    assert found is not None
    assert torch.equal(found, (spikes + 0.25 * z) @ weight.T + bias)


def test_antithetic_signs_are_found() -> None:
    network = network_named("fc-40", 20, 3, steps=5)
    for law, pairing, pairs in (
        ("rademacher", "time", True),
        ("rademacher", "none", False),
        ("gaussian", "time", True),
    ):
        noise = draw_noise(NoiseModel(0.1, law, pairing), network, 6, Key(0))  # type: ignore[arg-type]
        apart = set_apart(noise.placed(torch.from_numpy), "lif1")
        assert apart is not None
        assert apart.pairs is pairs
        assert isinstance(apart.distinct, packing.Bits) is (law == "rademacher")
    noise = draw_noise(NoiseModel(0.1), network, 6, Key(0))
    assert set_apart(noise.placed(torch.from_numpy), "lif1") is None


@pytest.mark.parametrize("wrong", [2.0, -1.0, 0.5, float("nan"), float("inf"), 1e-300])
@pytest.mark.parametrize("at", [(0, 0, 0), (2, 3, 49), (1, 4, 33)])
def test_other_numbers_have_no_bits(wrong: float, at: tuple[int, int, int]) -> None:
    spikes = torch.zeros(3, 5, 50, dtype=torch.float64)
    assert packing.pack(spikes) is not None
    spikes[at] = wrong
    assert packing.pack(spikes) is None
    assert packing.pack_columns(spikes, 1) is None
    signs = torch.ones(3, 5, 50, dtype=torch.float64)
    assert packing.pack(signs, signs=True) is not None
    signs[at] = 0.0 if wrong == -1 else wrong
    assert packing.pack(signs, signs=True) is None


def test_no_bits_of_other_types_or_strides() -> None:
    assert packing.pack(torch.zeros(40, 40, dtype=torch.bfloat16)) is None
    assert packing.pack(torch.zeros(40, 40).T[::2]) is None
    assert packing.pack_columns(torch.zeros(4, 8, 40).transpose(0, 1), 1) is None
    assert not packing.opposite_pairs(torch.zeros(1, 4, 4))


def test_shapes_that_do_not_fit_are_refused() -> None:
    bits, columns = packing.pack(torch.zeros(6, 40)), packing.pack_columns(torch.zeros(2, 3, 40), 1)
    assert bits is not None
    assert columns is not None
    with pytest.raises(DataError, match=r"weight: got shape \(5, 39\); expected \(5, 40\)"):
        products.times_transposed(bits, torch.zeros(5, 39))
    term = products.Term(torch.zeros(1, 3, 5), 0.5, pairs=False)
    with pytest.raises(DataError, match="term: got shape"):
        products.times_transposed(bits, torch.zeros(5, 40), term=term)
    with pytest.raises(DataError, match="left: got shape"):
        products.mean_outer(torch.zeros(2, 4, 5), columns, 1.0)
    for short in (torch.zeros(4), torch.zeros(5, 1)):
        with pytest.raises(DataError, match=r"bias: got shape .*; expected \(5,\)"):
            products.times_transposed(bits, torch.zeros(5, 40), bias=short)


def test_numbers_of_another_precision_are_refused() -> None:
    bits, other = packing.pack(torch.zeros(6, 40)), torch.zeros(5, dtype=torch.float64)
    assert bits is not None
    with pytest.raises(DataError, match=r"bias: got torch.float64; expected torch.float32"):
        products.times_transposed(bits, torch.zeros(5, 40), bias=other)
    term = products.Term(torch.zeros(2, 3, 5, dtype=torch.float64), 0.5, pairs=False)
    with pytest.raises(DataError, match=r"term: got torch.float64; expected torch.float32"):
        products.times_transposed(bits, torch.zeros(5, 40), term=term)


def test_views_of_bias_and_term_are_read_as_they_are() -> None:
    generator = torch.Generator().manual_seed(0)
    left = zeros_and_ones((6, 40), generator, torch.float32)
    bits, weight = packing.pack(left), whole((5, 40), generator, torch.float32)
    bias = whole((5, 3), generator, torch.float32)[:, 1]
    values = whole((5, 3, 2), generator, torch.float32).transpose(0, 2)
    assert bits is not None
    for _ in range(50):
        term = products.Term(values, 0.5, pairs=False)
        found = products.times_transposed(bits, weight, bias=bias, term=term)
        assert torch.equal(found, left @ weight.T + bias + 0.5 * values.reshape(6, 5))


def test_one_row_is_the_same_alone_and_among_others() -> None:
    generator = torch.Generator().manual_seed(0)
    left = zeros_and_ones((700, 90), generator, torch.float32)
    weight = torch.randn(50, 90, generator=generator)
    every = packing.pack(left)
    assert every is not None
    product = products.times_transposed(every, weight)
    for row in (0, 1, 350, 699):
        alone = packing.pack(left[row : row + 1])
        assert alone is not None
        assert torch.equal(products.times_transposed(alone, weight)[0], product[row])


def test_products_do_not_depend_on_threads() -> None:
    generator = torch.Generator().manual_seed(0)
    spikes = zeros_and_ones((6, 50, 70), generator, torch.float32)
    weight, delta = torch.randn(90, 70), torch.randn(6, 50, 90)
    rows, columns = packing.pack(spikes), packing.pack_columns(spikes, 1)
    assert rows is not None
    assert columns is not None
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(
                (products.times_transposed(rows, weight), products.mean_outer(delta, columns, 0.1))
            )
    finally:
        torch.set_num_threads(before)
    for one, other in found[1:]:
        assert torch.equal(one, found[0][0])
        assert torch.equal(other, found[0][1])


@pytest.mark.parametrize("law", ["rademacher", "gaussian"])
@pytest.mark.parametrize("pairing", ["time", "none", "batch"])
def test_fused_and_plain_backends_agree_on_a_noisy_pass(law: str, pairing: str) -> None:
    network = network_named("fc-60-56-48", 30, 4, steps=5)
    plain, fused = TorchBackend("float64", fused=False), TorchBackend("float64")
    params = initial_params(network, Key(0), gain=2.0).map(plain.asarray)
    generator = Key(1).generator()
    batch = Batch(
        plain.asarray(generator.random((9, 30))), plain.asarray(generator.integers(0, 4, 9))
    )
    model = NoiseModel(0.1, law, pairing)  # type: ignore[arg-type]
    noise = draw_noise(model, network, 9, Key(2)).map(plain.asarray)
    for record in (
        {"spikes", "eligibility"},
        {"received_eligibility", "received"},
        {"activity", "received_activity", "eligibility"},
    ):
        one = plain.forward(network, params, batch, noise=noise, record=record)  # type: ignore[arg-type]
        other = fused.forward(network, params, batch, noise=noise, record=record)  # type: ignore[arg-type]
        torch.testing.assert_close(other.outputs, one.outputs, rtol=0, atol=1e-12)
        for kind in record:
            kept, expected = getattr(other, kind), getattr(one, kind)
            assert kept.keys() == expected.keys()
            for name, value in expected.items():
                left = value.values if isinstance(value, Presynaptic) else value
                right = kept[name].values if isinstance(value, Presynaptic) else kept[name]
                torch.testing.assert_close(right, left, rtol=0, atol=1e-12)
