from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradassay.verify.statistics.moments import Moments, merged, to_float64


@given(st.integers(1, 9), st.lists(st.integers(1, 8), min_size=1, max_size=4), st.integers(0, 99))
def test_merged_blocks_equal_the_moments_of_all_draws(
    entries: int, lengths: list[int], seed: int
) -> None:
    draws = np.random.default_rng(seed).normal(3, 2, (sum(lengths), entries))
    total = None
    for part in np.split(draws, np.cumsum(lengths)[:-1]):
        total = merged(total, Moments.of(part))
    assert total is not None
    assert total.count == len(draws)
    np.testing.assert_allclose(total.mean, draws.mean(axis=0), rtol=1e-12, atol=1e-12)
    trace = draws.var(axis=0, ddof=1).sum() if len(draws) > 1 else 0.0
    np.testing.assert_allclose(total.variance, trace, rtol=1e-10, atol=1e-12)


def test_variance_survives_a_large_mean() -> None:
    draws = np.random.default_rng(0).normal(size=(1000, 2))
    moved = merged(Moments.of(draws[:400] + 1e8), Moments.of(draws[400:] + 1e8))
    np.testing.assert_allclose(moved.variance, draws.var(axis=0, ddof=1).sum(), rtol=1e-6)


def test_groups_are_reduced_each_for_itself() -> None:
    draws = np.random.default_rng(1).normal(size=(3, 5, 2))
    together = Moments.of(draws)
    for place in range(3):
        alone = Moments.of(draws[place])
        np.testing.assert_array_equal(together.mean[place], alone.mean)
        np.testing.assert_array_equal(together.scatter[place], alone.scatter)


@pytest.mark.parametrize("library", [np.asarray, torch.asarray], ids=["numpy", "torch"])
def test_moments_of_single_precision_are_reported_in_double(library: Any) -> None:
    draws = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    found = Moments.of(library(draws))
    assert (type(found.count), found.count) == (int, 3)
    for array, expected in (
        (found.mean, draws.mean(axis=1)),
        (found.scatter, [16.0, 16.0]),
        (found.variance, [8.0, 8.0]),
    ):
        assert isinstance(array, np.ndarray)
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, expected)


def test_merging_groups_weighs_each_mean_with_its_count() -> None:
    draws = np.random.default_rng(2).normal(5, 2, size=(2, 7, 3))
    found = Moments.of(draws[:, :2]).merge(Moments.of(draws[:, 2:]))
    whole = Moments.of(draws)
    assert found.count == 7
    np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-14)
    np.testing.assert_allclose(found.scatter, whole.scatter, rtol=1e-13)


def test_a_single_draw_has_no_variance_and_two_have_that_of_their_difference() -> None:
    assert Moments.of(np.array([[3.0, 4.0]])).variance == 0
    assert Moments.of(np.array([[3.0, 4.0], [5.0, 4.0]])).variance == 2


def test_nothing_before_is_merged_as_nothing() -> None:
    new = Moments.of(np.ones((2, 1)))
    assert merged(None, new) is new


class OnDevice:
    """An array that NumPy cannot read where it is."""

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise TypeError("not on the host")

    def cpu(self) -> np.ndarray:
        return np.array([1, 2], dtype=np.float32)


def test_an_array_of_a_device_is_brought_to_the_host() -> None:
    found = to_float64(OnDevice())
    assert found.tolist() == [1, 2]
    assert found.dtype == np.float64
