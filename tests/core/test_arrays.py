"""Replicates folded into the batch axis and back, and sums of outer products, entry by entry."""

import numpy as np
import pytest

from gradassay.core.arrays import mean_outer, merge_replicates, split_replicates

T, B, N, M = 2, 3, 4, 5


def folded(replicates: int, units: int) -> np.ndarray:
    return np.arange(T * replicates * B * units, dtype=float).reshape(T, replicates * B, units)


@pytest.mark.parametrize("replicates", [1, 2, 3])
def test_a_replicates_rows_are_its_samples_of_each_step_in_turn(replicates: int) -> None:
    array = folded(replicates, N)
    split = split_replicates(array, replicates)
    assert split.shape == (replicates, T * B, N)
    for r, t, b in np.ndindex(replicates, T, B):
        np.testing.assert_array_equal(split[r, t * B + b], array[t, r * B + b])


@pytest.mark.parametrize("replicates", [1, 2, 3])
def test_merging_undoes_the_split(replicates: int) -> None:
    array = folded(replicates, N)
    merged = merge_replicates(split_replicates(array, replicates), T)
    np.testing.assert_array_equal(merged, array)


@pytest.mark.parametrize("replicates", [1, 2, 3])
def test_outer_products_are_summed_over_steps_and_averaged_over_samples(replicates: int) -> None:
    left, right = folded(replicates, N), folded(replicates, M) ** 2
    found = mean_outer(left, right, replicates)
    expected = np.zeros((replicates, N, M))
    for r, t, b in np.ndindex(replicates, T, B):
        expected[r] += np.outer(left[t, r * B + b], right[t, r * B + b])
    expected /= B
    np.testing.assert_array_equal(found, expected if replicates > 1 else expected[0])
