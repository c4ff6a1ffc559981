"""Signs as raw bits are the signs that an array of them would be, and are made only when used."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.noise import NoiseModel, draw, draw_noise
from gradassay.core.signs import LazySigns, draw_raw_signs, draw_signs


@given(
    steps=st.integers(1, 7),
    samples=st.integers(1, 5),
    units=st.integers(1, 20),
    replicates=st.integers(1, 4),
    pairs=st.booleans(),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_bits_are_the_signs_of_the_same_streams(
    steps: int, samples: int, units: int, replicates: int, pairs: bool, dtype: type[np.floating]
) -> None:
    key = Key(3)
    raw = draw_raw_signs((steps, samples, units), key.numbered(range(replicates)), pairs=pairs)
    if samples * units % 8:
        assert raw is None
        return
    assert raw is not None
    drawn = (steps + 1) // 2 if pairs else steps
    assert raw.raw.shape == (drawn, replicates, samples * units // 8)
    for number, generator in enumerate(key.numbered(range(replicates))):
        own = draw_signs((drawn, samples, units), generator, dtype)
        if pairs:
            own = np.stack([own, -own], axis=1).reshape(-1, samples, units)[:steps]
        found = raw.array(dtype)[:, number * samples : (number + 1) * samples]
        assert np.array_equal(found, own)
        assert found.dtype == dtype
    assert raw.shape == (steps, replicates * samples, units)


@pytest.mark.parametrize("pairing", ["none", "time", "batch"])
@pytest.mark.parametrize("units", [8, 5])
def test_drawn_signs_are_the_draws_of_the_law(pairing: str, units: int) -> None:
    network = network_named(f"fc-{units}", 6, 3, steps=5)
    model = NoiseModel(0.1, "rademacher", pairing)  # type: ignore[arg-type]
    z = draw_noise(model, network, 4, Key(1), (0, 3)).values["lif1"]
    generator = next((Key(1) / "lif1").numbered([3]))
    if pairing == "none":
        assert np.array_equal(z[:, 4:], draw("rademacher", (5, 4, units), generator, np.float64))
    elif pairing == "time":
        half = draw("rademacher", (3, 4, units), generator, np.float64)
        assert np.array_equal(z[::2, 4:], half)
        assert np.array_equal(z[1::2], -z[:4:2])
    else:
        assert np.array_equal(z[:, 2:4], -z[:, :2])


def test_nothing_is_made_before_it_is_asked_for() -> None:
    made: list[np.ndarray] = []

    def placed(array: np.ndarray) -> np.ndarray:
        made.append(array)
        return array

    network = network_named("fc-8-16", 6, 3, steps=4)
    noise = draw_noise(NoiseModel(0.1, "rademacher", "time"), network, 4, Key(1)).placed(placed)
    assert isinstance(noise.values, LazySigns)
    assert "lif1" in noise.values
    assert "lif3" not in noise.values
    assert list(noise.values) == ["lif1", "lif2"]
    assert len(noise.values) == 2
    assert noise.raw["lif2"].shape == (4, 4, 16)
    assert not made
    assert noise.values["lif1"] is noise.values["lif1"]
    assert len(made) == 1
    assert noise.map(np.negative).raw == {}


def test_signs_go_to_another_process() -> None:
    network = network_named("fc-8", 6, 3, steps=4)
    noise = draw_noise(NoiseModel(0.1, "rademacher"), network, 4, Key(1))
    again = pickle.loads(pickle.dumps(noise))
    assert np.array_equal(again.values["lif1"], noise.values["lif1"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_signs_have_the_dtype_that_they_were_drawn_for_on_every_library(
    dtype: type[np.floating],
) -> None:
    network = network_named("fc-8", 6, 3, steps=4)
    noise = draw_noise(NoiseModel(0.1, "rademacher"), network, 4, Key(1), dtype=dtype)
    signs = noise.values
    assert isinstance(signs, LazySigns)
    placed = signs.placed(np.negative)
    assert signs["lif1"].dtype == placed["lif1"].dtype == dtype
    np.testing.assert_array_equal(placed["lif1"], -signs["lif1"])
    assert signs.empty().dtype == placed.empty().dtype == dtype
    assert signs.empty().shape == placed.empty().shape == (0,)
    assert placed.raw is signs.raw


@pytest.mark.parametrize("count", [1, 8, 9, 64, 65])
def test_signs_are_the_bits_of_the_stream_highest_of_each_byte_first(count: int) -> None:
    found = draw_signs((count,), Key(2).generator(), np.float64)
    words = Key(2).generator().bit_generator.random_raw(2)
    bits = "".join(f"{byte:08b}" for byte in words.view(np.uint8))
    assert found.tolist() == [1.0 if bit == "1" else -1.0 for bit in bits[:count]]


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("count", [8, 56, 64, 72])
def test_a_draw_of_signs_takes_the_words_that_it_needs_from_the_stream(
    count: int, raw: bool
) -> None:
    generator, other = Key(2).generator(), Key(2).generator()
    if raw:
        draw_raw_signs((1, 1, count), [generator], pairs=False)
    else:
        draw_signs((count,), generator, np.float64)
    other.bit_generator.random_raw(1 if count <= 64 else 2)
    assert generator.bit_generator.random_raw() == other.bit_generator.random_raw()
