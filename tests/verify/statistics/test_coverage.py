"""Coverage of the intervals on laws like those of gradient estimators, by simulation.

With z the noise and g a gradient of norm 1, ``z (c + g . z)`` is a forward gradient for c = 0, and
a single-point estimate whose loss is c for large c. Variances are taken within 32 blocks, and the
squared norm of the mean less g, which is 0. Seeds are fixed; each test fails where its misses would
come from a coverage of the stated floor less than once in 1,000.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from gradassay.verify.statistics.intervals import (
    mean_interval,
    ratio_interval,
    squared_norm_interval,
)
from gradassay.verify.statistics.moments import Float
from gradassay.verify.statistics.norm_law import traces_of_powers

BLOCKS = 32


@dataclass(frozen=True)
class Law:
    signs: bool
    loss: float
    entries: int
    draws: int

    def blocks(self, runs: int) -> Iterator[tuple[Float, Float]]:
        """Variance of each block, and block means less the gradient, of each run."""
        generator = np.random.default_rng(20261125)
        gradient = np.full(self.entries, self.entries**-0.5, dtype=np.float32)
        for _ in range(runs):
            noise = generator.standard_normal((BLOCKS, self.draws, self.entries), dtype=np.float32)
            if self.signs:
                noise = np.copysign(np.float32(1), noise)
            values = noise * (self.loss + noise @ gradient)[..., None]
            means = values.mean(axis=1, dtype=np.float64)
            squares = np.einsum("kni,kni->k", values, values, dtype=np.float64)
            yield (
                (squares - self.draws * (means**2).sum(axis=1)) / (self.draws - 1),
                means - gradient,
            )

    @property
    def variance(self) -> float:
        """``E |z|^2 (c + g . z)^2 - 1``."""
        return self.entries * (self.loss**2 + 1) + (0 if self.signs else 2) - 1


def count_misses(law: Law, runs: int) -> dict[tuple[str, float], int]:
    misses = {(name, level): 0 for name in ("variance", "bias") for level in (0.95, 0.999)}
    for variances, means in law.blocks(runs):
        gram = means @ means.T
        for level in (0.95, 0.999):
            interval = mean_interval(variances, level, positive=True)
            misses["variance", level] += not interval.covers(law.variance)
            misses["bias", level] += not squared_norm_interval(gram, level).covers(0.0)
    return misses


def assert_covers(misses: int, runs: int, floor: float) -> None:
    probability = stats.binomtest(misses, runs, 1 - floor, alternative="greater").pvalue
    assert probability > 1e-3, f"{misses} misses of {runs}; expected a coverage of {floor}"


@pytest.mark.parametrize("signs", [False, True], ids=["normal", "signs"])
@pytest.mark.parametrize("loss", [0.0, 10.0])
def test_intervals_of_gradient_like_draws_cover(signs: bool, loss: float) -> None:
    runs = 300
    for (_, level), misses in count_misses(Law(signs, loss, 6, 64), runs).items():
        assert_covers(misses, runs, level)


@pytest.mark.campaign
@pytest.mark.parametrize("signs", [False, True], ids=["normal", "signs"])
@pytest.mark.parametrize("loss", [0.0, 10.0])
@pytest.mark.parametrize(
    ("entries", "draws", "runs"), [(6, 64, 4000), (30, 64, 1000), (6, 256, 1000), (6, 2048, 1000)]
)
def test_intervals_of_gradient_like_draws_cover_in_many_runs(
    signs: bool, loss: float, entries: int, draws: int, runs: int
) -> None:
    law = Law(signs, loss, entries, draws)
    misses = count_misses(law, runs)
    print(law, {key: round(1 - count / runs, 4) for key, count in misses.items()})
    for (_, level), count in misses.items():
        assert_covers(count, runs, level)


# spectra of the covariance of a block
SPECTRA = {
    "one": np.ones(1),
    "thirty": np.ones(30),
    "one of many": np.r_[1.0, np.full(100, 0.05)],
    "falling": 1 / np.arange(1.0, 60.0),
}


def false_alarms(spectrum: Float, runs: int, level: float) -> int:
    """Runs in which the interval of a mean of 0 has its lower end above 0."""
    generator = np.random.default_rng(7)
    alarms = 0
    for _ in range(runs):
        means = generator.normal(size=(BLOCKS, len(spectrum))) * np.sqrt(spectrum)
        alarms += squared_norm_interval(means @ means.T, level).low > 0
    return alarms


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA.keys())
def test_a_mean_of_zero_is_rarely_found_to_be_larger(spectrum: Float) -> None:
    # three times the nominal 0.0005: where the largest variance has to be estimated
    assert_covers(false_alarms(spectrum, 500, 0.999), 500, 1 - 3 * 0.0005)


@pytest.mark.campaign
@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA.keys())
def test_a_mean_of_zero_is_rarely_found_to_be_larger_in_many_runs(spectrum: Float) -> None:
    alarms = false_alarms(spectrum, 10_000, 0.9999)
    print(f"{alarms} of 10,000 at a nominal rate of 5e-5")
    assert_covers(alarms, 10_000, 1 - 4 * 5e-5)


def test_traces_of_powers_of_the_covariance_are_unbiased() -> None:
    generator = np.random.default_rng(8)
    spectrum = np.array([1.0, 0.5, 0.2])
    runs = []
    for _ in range(4000):
        means = 3 + generator.normal(size=(8, 3)) * np.sqrt(spectrum)
        runs.append(traces_of_powers(means @ means.T)[0])
    assert abs(np.mean(runs) - (spectrum**2).sum()) < 4 * np.std(runs) / np.sqrt(len(runs))
    means = generator.normal(size=(1000, 3)) * np.sqrt(spectrum)
    expected = [(spectrum**2).sum(), (spectrum**3).sum()]
    assert traces_of_powers(means @ means.T) == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize("shared", [False, True])
def test_ratio_interval_covers_for_independent_and_for_shared_noise(shared: bool) -> None:
    generator = np.random.default_rng(9)
    runs, misses = 1000, 0
    for _ in range(runs):
        noise = generator.normal(size=(BLOCKS, 16))
        other = noise + generator.normal(size=(BLOCKS, 16)) if shared else 1.4 * noise[::-1]
        other = other if shared else 1.4 * generator.normal(size=(BLOCKS, 16))
        above, below = other.var(axis=1, ddof=1), noise.var(axis=1, ddof=1)
        truth = 2.0 if shared else 1.96
        misses += not ratio_interval(above, below, 0.95).covers(truth)
    assert_covers(misses, runs, 0.95)


def test_ratio_interval_is_narrower_where_both_share_their_noise() -> None:
    noise = np.random.default_rng(10).normal(size=(BLOCKS, 16))
    below = noise.var(axis=1, ddof=1)
    above = (2 * noise + 0.1).var(axis=1, ddof=1)
    same = ratio_interval(above, below, 0.99)
    turned = ratio_interval(above[::-1], below, 0.99)
    assert same.value == pytest.approx(4.0, rel=1e-12)
    assert same.high - same.low < 1e-9
    assert turned.high - turned.low > 0.5


def test_ratio_interval_turns_over_with_the_ratio() -> None:
    above, below = np.random.default_rng(11).gamma(3, size=(2, BLOCKS))
    one, other = ratio_interval(above, below, 0.99), ratio_interval(below, above, 0.99)
    turned = (1 / other.value, 1 / other.high, 1 / other.low)
    assert (one.value, one.low, one.high) == pytest.approx(turned, rel=1e-9)


def test_ratio_of_what_is_not_positive_is_not_determined() -> None:
    one = np.ones(4)
    assert ratio_interval(one, 0 * one, 0.95).high == np.inf
    assert ratio_interval(np.array([1.0, 0, 0, 0]), one, 0.95).low == 0
    exact = ratio_interval(2 * one, one, 0.95)
    assert (exact.low, exact.value, exact.high) == (2, 2, 2)
