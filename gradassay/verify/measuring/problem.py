"""A problem: a network with its parameters, and a finite population of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch, require_batch
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params, require_params


@dataclass(frozen=True)
class Problem:
    """What estimators are measured on.

    Parameters
    ----------
    name : str
        For people and result files.
    backend : Backend
        Owner of the arrays.
    network : Network
        The model.
    params : Params
        Arrays of the backend.
    inputs : array, shape (N, n), or (T, N, n) for sequences
        The population; of the backend.
    targets : array of int, shape (N,)
        Classes.
    """

    name: str
    backend: Backend
    network: Network
    params: Params
    inputs: Array
    targets: Array

    @classmethod
    def build(
        cls,
        name: str,
        backend: Backend,
        network: Network,
        params: Params,
        inputs: np.ndarray,
        targets: np.ndarray,
    ) -> Problem:
        """Return a problem from NumPy arrays, after checking them against the network.

        Raises
        ------
        DataError
            If shapes, dtypes or classes do not fit or a number is not finite.
        """
        require_params(network, params)
        require_batch(network, Batch(inputs, targets))
        return cls(
            name,
            backend,
            network,
            params.map(backend.asarray),
            backend.asarray(inputs),
            backend.asarray(targets),
        )

    @property
    def size(self) -> int:
        """N, the number of samples."""
        return int(self.targets.shape[0])

    def draw_indices(self, size: int, key: Key) -> np.ndarray:
        """Draw a mini-batch: `size` different samples, uniformly.

        Raises
        ------
        ConfigurationError
            If the population is smaller.
        """
        if not 1 <= size <= self.size:
            raise ConfigurationError(
                f"batch size: got {size}; expected 1 to {self.size}, the size of the population."
            )
        return key.generator().choice(self.size, size, replace=False)

    def batch(self, indices: Sequence[np.ndarray]) -> Batch:
        """Return mini-batches folded into one batch, one fold for each array of indices."""
        flat = self.backend.asarray(np.concatenate(indices))
        chosen = array_namespace(self.inputs).take(self.inputs, flat, axis=-2)
        return Batch(chosen, self.targets[flat], len(indices))

    def population_gradient(self, estimator: Estimator, key: Key, chunk: int = 512) -> Params:
        """Return the gradient of the mean loss over the whole population, float64.

        Exact for a deterministic estimator: a mean over chunks weighted by their sizes.
        """
        state = estimator.init(self.backend, self.network, key)
        total: Params | None = None
        for start in range(0, self.size, chunk):
            indices = np.arange(start, min(start + chunk, self.size))
            estimate = estimator.estimate(
                self.backend, self.network, self.params, self.batch([indices]), state, key
            )
            share = len(indices) / self.size
            part = estimate.gradient.map(
                lambda array, share=share: self.backend.to_numpy(array).astype(np.float64) * share
            )
            total = part if total is None else total.map(np.add, part)
        if total is None:
            raise ConfigurationError("population: got no samples; expected at least one.")
        return total
