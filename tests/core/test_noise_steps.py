"""Noise drawn block by block is the noise of the whole sequence, bit for bit."""

from __future__ import annotations

from typing import get_args

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.noise import INJECTED, Law, NoiseModel, Pairing, Position, draw_noise
from gradassay.core.noise_steps import NoiseSteps


@given(
    law=st.sampled_from(get_args(Law)),
    pairing=st.sampled_from(get_args(Pairing)),
    position=st.sampled_from(INJECTED),
    blocks=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    samples=st.integers(1, 5),
    units=st.integers(1, 20),
    replicates=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_blocks_are_the_whole(
    law: Law,
    pairing: Pairing,
    position: Position,
    blocks: list[int],
    samples: int,
    units: int,
    replicates: list[int],
    dtype: type[np.floating],
) -> None:
    network = network_named(f"fc-{units}-7", 6, 3, steps=sum(blocks))
    model, key = NoiseModel(0.1, law, pairing, position), Key(4)
    whole = draw_noise(model, network, samples, key, replicates, dtype)
    parts = NoiseSteps(model, network, samples, key, replicates, dtype)
    start = 0
    for steps in blocks:
        block = parts.take(steps)
        assert (block.scale, block.position) == (whole.scale, whole.position) == (0.1, position)
        assert list(block.values) == list(whole.values)
        for name, z in block.values.items():
            assert z.dtype == dtype
            assert np.array_equal(z, whole.values[name][start : start + steps])
        start += steps
