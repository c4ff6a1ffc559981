import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradassay.verify.statistics.moments import Moments, merged


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
