"""One-pass moments of vectors: mergeable, in memory that does not grow with the number of draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradassay.core.arrays import Array, array_namespace

Float = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Moments:
    """Count, mean and scatter of vectors, for one or many groups at once.

    Parameters
    ----------
    count : int
        n, vectors seen in each group.
    mean : array, shape (..., p), float64
        Mean of each group.
    scatter : array, shape (...), float64
        ``sum_i |x_i - mean|^2``, so that ``scatter / (n - 1)`` is the trace of the covariance.
    """

    count: int
    mean: Float
    scatter: Float

    @classmethod
    def of(cls, draws: Array) -> Moments:
        """Return the moments of draws of shape (..., n, p), of any array library."""
        xp = array_namespace(draws)
        mean = xp.mean(draws, axis=-2, keepdims=True)
        scatter = xp.sum((draws - mean) ** 2, axis=(-2, -1))
        return cls(int(draws.shape[-2]), to_float64(mean[..., 0, :]), to_float64(scatter))

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both sets together (Chan's update).

        With ``d`` the difference of the means,
        ``scatter = scatter_a + scatter_b + |d|^2 n_a n_b / (n_a + n_b)``.

        References
        ----------
        Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", 1979.
        """
        count = self.count + other.count
        difference = other.mean - self.mean
        between = (difference**2).sum(axis=-1) * (self.count * other.count / count)
        return Moments(
            count,
            self.mean + difference * (other.count / count),
            self.scatter + other.scatter + between,
        )

    @property
    def variance(self) -> Float:
        """Unbiased trace of the covariance, shape (...); 0 where there is a single draw."""
        return self.scatter / max(self.count - 1, 1)


def merged(before: Moments | None, new: Moments) -> Moments:
    """Return `new` merged into what was there before, if anything."""
    return new if before is None else before.merge(new)


def to_float64(array: Array) -> Float:
    """Return an array of any library as NumPy float64."""
    host = array.cpu() if hasattr(array, "cpu") else array
    return np.asarray(host).astype(np.float64)
