"""A data set in memory, and the scaling of what is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import ConfigurationError, DataError
from gradassay.core.keys import Key
from gradassay.datasets import Dataset, Scaling
from gradassay.datasets.scaling import standardising

GENERATOR = np.random.default_rng(0)


def dataset(**changes: Any) -> Dataset:
    images = GENERATOR.integers(0, 256, (5, 12), dtype=np.uint8)
    targets = np.array([0, 1, 2, 1, 0])
    whole = Dataset(
        "own", images, targets, images[:3], targets[:3], 3, (3, 2, 2), "here", {}, "none"
    )
    return replace(whole, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_inputs": np.zeros((3, 2, 12), np.uint8)}, r"have shape \(12,\), test samples"),
        ({"train_inputs": np.zeros((5, 11), np.uint8)}, r"expected \(N, 12\) or \(N, T, 12\)"),
        ({"train_inputs": np.zeros((0, 12), np.uint8)}, "N and T at least 1"),
        ({"test_inputs": np.zeros((3, 12))}, "have dtype float64; expected float32 or uint8"),
        ({"test_targets": np.zeros(4, int)}, r"test targets have shape \(4,\); expected \(3,\)"),
        ({"train_targets": np.array([0, 1, 2, 3, 0])}, "are 0 to 3; expected 0 to 2"),
        ({"train_targets": np.array([0, 1, -1, 2, 0])}, "are -1 to 2; expected 0 to 2"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=f"^own: .*{message}"):
        dataset(**changes)


@pytest.mark.parametrize("count", [0, 6, -1])
def test_a_subset_has_at_most_all_samples(count: int) -> None:
    assert len(dataset().subset(5, Key(0)).train_targets) == 5
    with pytest.raises(ConfigurationError, match=f"count: got {count}; expected 1 to 5"):
        dataset().subset(count, Key(0))


def test_standardised_inputs_have_mean_0_and_variance_1_in_each_channel() -> None:
    data = dataset().standardised()
    assert len(data.scaling.shift) == 3
    inputs = data.scaling.applied(data.train_inputs).reshape(5, 3, 4)
    np.testing.assert_allclose(inputs.mean(axis=(0, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(inputs.std(axis=(0, 2)), 1, rtol=1e-6)
    assert data.scaling.applied(data.test_inputs).dtype == np.float32


def test_moments_do_not_depend_on_the_blocks_that_they_are_summed_in() -> None:
    stored = GENERATOR.normal(3.0, 2.0, (2500, 4, 6)).astype(np.float32)
    stored[..., 3:] = 7.25  # a channel without variance
    scaling = standardising(stored, 2)
    assert scaling.shift == pytest.approx((stored[..., :3].mean(dtype=float), 7.25), rel=1e-12)
    assert scaling.factor == pytest.approx((1 / stored[..., :3].std(dtype=float), 1.0), rel=1e-12)


def test_what_is_not_scaled_stays_as_it_is_but_bytes_become_floats() -> None:
    floats = np.array([[0.5, 2.0]])
    assert Scaling().applied(floats) is floats
    found = Scaling().applied(np.array([[1, 255]], dtype=np.uint8))
    assert found.dtype == np.float32
    assert found.tolist() == [[1.0, 255.0]]


def test_a_scaling_has_as_many_shifts_as_factors_and_channels_that_divide_the_features() -> None:
    for shift, factor in (((0.0,), (1.0, 2.0)), ((), ())):
        with pytest.raises(ConfigurationError, match=r"expected as many of both, at least 1"):
            Scaling(shift, factor)
    two = Scaling((0.0, 1.0), (1.0, 2.0))
    assert [row.tolist() for row in two.rows(4)] == [[0, 0, 1, 1], [1, 1, 2, 2]]
    with pytest.raises(ConfigurationError, match="got 2 channels for 5 features"):
        two.rows(5)
