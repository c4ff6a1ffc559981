"""Exact moments under Rademacher noise: an estimator run on every combination of signs, once.

`sign_tables` is another way to the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.noise import Noise, NoiseModel, Pairing
from gradassay.core.params import Params
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.noise_grid import free_steps
from gradassay.verify.statistics.moments import Float

MOST_SIGNS = 16


@dataclass(frozen=True)
class Signs:
    """All combinations of the signs that a noise model draws for one sample.

    Parameters
    ----------
    network : Network
        Gives layers and T.
    pairing : {"none", "time"}
        With ``"time"`` a pair of steps shares one free sign per unit. Pairing over the batch needs
        two samples and is not enumerated here.

    Raises
    ------
    ConfigurationError
        If there are more than 2^16 combinations, or the pairing is over the batch.
    """

    network: Network
    pairing: Pairing

    def __post_init__(self) -> None:
        if self.pairing == "batch":
            raise ConfigurationError(
                "enumeration: got noise paired over the batch; expected 'none' or 'time', which one"
                " sample has."
            )
        if self.count > MOST_SIGNS:
            raise ConfigurationError(
                f"enumeration: got {self.count} free signs; expected at most {MOST_SIGNS}."
                " Use a smaller network or fewer steps."
            )

    @property
    def free_steps(self) -> int:
        """Steps that have a draw of their own."""
        return free_steps(self.network.steps, self.pairing)

    @property
    def count(self) -> int:
        """Number of free signs."""
        return self.free_steps * sum(layer.units for layer in self.network.spiking)

    def bit(self, layer: str, step: int, unit: int) -> int:
        """Return the number of the free sign that a unit carries at a step."""
        offset = 0
        for candidate in self.network.spiking:
            if candidate.name == layer:
                free = step // 2 if self.pairing == "time" else step
                return offset + free * candidate.units + unit
            offset += self.free_steps * candidate.units
        raise KeyError(layer)

    def values(self) -> dict[str, Float]:
        """Return z of every layer for all combinations, shape (T, 2^count, n)."""
        combinations = np.arange(2**self.count)
        values = {}
        for layer in self.network.spiking:
            z = np.empty((self.network.steps, 2**self.count, layer.units))
            for step, unit in np.ndindex(self.network.steps, layer.units):
                sign = 1.0 - 2.0 * ((combinations >> self.bit(layer.name, step, unit)) & 1)
                z[step, :, unit] = -sign if self.pairing == "time" and step % 2 else sign
            values[layer.name] = z
        return values


@dataclass(frozen=True)
class ExactMoments:
    """Exact mean and trace of the covariance of an estimate over all signs.

    Parameters
    ----------
    mean : Params
        E G, NumPy float64.
    variance : float
        Trace of the covariance.
    evaluations : int
        Combinations.
    """

    mean: Params
    variance: float
    evaluations: int


def enumerate_estimator(
    estimator: Estimator,
    network: Network,
    params: Params,
    sample: Batch,
    state: State,
    *,
    chunk: int = 4096,
) -> tuple[ExactMoments, State]:
    """Run an estimator on every combination of signs.

    Parameters
    ----------
    estimator : Estimator
        Its noise model gives scale and pairing.
    network, params, sample : Network, Params, Batch
        A small problem; NumPy arrays, a batch of one sample.
    state : State
        Feedback state before the estimate.
    chunk : int
        Combinations computed at once.

    Returns
    -------
    moments : ExactMoments
        Of the gradient.
    after : State
        Mean of the state after the estimate.

    Raises
    ------
    ConfigurationError
        If the estimator draws no noise, or there are too many signs.
    """
    model = estimator.noise
    if model is None:
        raise ConfigurationError(f"enumeration: {estimator.name} draws no noise; nothing to sum.")
    values = all_signs(network, model)
    in_weights = model.position == "weights"
    count = next(iter(values.values())).shape[0 if in_weights else 1]
    mean = Params({name: np.zeros(shape) for name, shape in network.shapes.items()})
    after = {name: np.zeros_like(array) for name, array in state.items()}
    second_moment = 0.0
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        part = np.s_[start:stop] if in_weights else np.s_[:, start:stop]
        noise = Noise(model.scale, {n: z[part] for n, z in values.items()}, model.position)
        estimate = estimator.estimate(
            ReferenceBackend(),
            network,
            params,
            sample,
            state,
            Key(0),
            replicates=range(start, stop),
            noise=noise,
        )
        mean = mean.map(lambda m, g: m + g.sum(axis=0) / count, estimate.gradient)
        after = {n: a + estimate.state[n].sum(axis=0) / count for n, a in after.items()}
        second_moment += float(estimate.gradient.dot(estimate.gradient)) / count
    variance = second_moment - float(mean.dot(mean))
    return ExactMoments(mean, variance, count), after


def all_signs(network: Network, model: NoiseModel) -> dict[str, Float]:
    """Return z for all combinations of signs: (T, 2^count, n) by layer, or on the weights.

    Parameters
    ----------
    network : Network
    model : NoiseModel
        Its position and pairing; on the weights (2^count, *shape) by parameter's name.

    Raises
    ------
    ConfigurationError
        If there are too many, or the pairing is over the batch.
    """
    if model.position == "weights":
        return _weight_signs(network)
    return Signs(network, model.pairing).values()


def _weight_signs(network: Network) -> dict[str, Float]:
    """Return all combinations of one sign for each parameter, (2^count, *shape) by name."""
    count = sum(math.prod(shape) for shape in network.shapes.values())
    if count > MOST_SIGNS:
        raise ConfigurationError(
            f"enumeration: got {count} parameters; expected at most {MOST_SIGNS}."
            " Use a smaller network."
        )
    combinations = np.arange(2**count)[:, None]
    signs: Float = (1 - 2 * ((combinations >> np.arange(count)) & 1)).astype(np.float64)
    values: dict[str, Float] = {}
    start = 0
    for name, shape in network.shapes.items():
        size = math.prod(shape)
        values[name] = signs[:, start : start + size].reshape(-1, *shape)
        start += size
    return values
