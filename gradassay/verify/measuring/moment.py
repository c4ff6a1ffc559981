"""Bias, variance and direction of an estimator at one moment of a training, at its own state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gradassay.core.arrays import Array, array_namespace
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Deterministic
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.core.records import Interval
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.verify.measuring.draws import by_layer
from gradassay.verify.measuring.jacobians import average_jacobians
from gradassay.verify.statistics.intervals import mean_interval
from gradassay.verify.statistics.moments import Float

QUANTITIES = ("squared_bias", "noise_variance", "cosine", "sign_agreement")
INTERVAL_METHOD = (
    "Student's t over independent pairs of draws, degrees of freedom lowered for the observed"
    " kurtosis (Satterthwaite); on the logarithm for variances"
)


@dataclass(frozen=True)
class Moment:
    """A network as it is at one moment, and the samples that it is looked at with.

    Parameters
    ----------
    backend, network, params, batch
        The model; arrays of the backend.
    draw_pair : callable or None
        ``draw_pair(number)`` gives two mini-batches, folded into one batch of two, drawn
        independently of each other and of those of other numbers.
    """

    backend: Backend
    network: Network
    params: Params
    batch: Batch
    draw_pair: Callable[[int], Batch] | None = None

    @cached_property
    def oracle(self) -> dict[str, Array]:
        """The online surrogate gradient of each layer with weights, as a vector."""
        model = (self.backend, self.network, self.params, self.batch)
        gradient = SpatialBP().estimate(*model, {}, Key(0)).gradient
        return by_layer(self.network, gradient, folded=False)

    @cached_property
    def jacobians(self) -> dict[str, Array]:
        """Mean Jacobian of the outputs by the spikes of each hidden layer, (n_l, m)."""
        return average_jacobians(self.backend, self.network, self.params, self.batch)


@dataclass(frozen=True)
class Found:
    """One quantity of one layer; replicates is the number of draws behind it."""

    layer: str
    quantity: str
    interval: Interval
    replicates: int


def look_at_estimator(
    estimator: Estimator, moment: Moment, state: State, key: Key, pairs: int, level: float = 0.95
) -> list[Found]:
    """Return what an estimator's draws are like, given its state.

    Per layer with weights and in total, g the online surrogate gradient of the same samples:

    - ``squared_bias``: |E G - g|^2 / |g|^2, the mean of (G_1 - g).(G_2 - g) / |g|^2 over
      independent pairs of draws: unbiased, so that it may come out negative.
    - ``noise_variance``: the trace of the covariance of G over |g|^2, the mean of
      |G_1 - G_2|^2 / (2 |g|^2) over the pairs.
    - ``gradient_variance``: the same with a mini-batch of its own for each draw: variance over
      noise and mini-batch, given the state. Where the moment has mini-batches to draw.
    - ``cosine``: the mean cosine of G with g.
    - ``sign_agreement``: the mean fraction of coordinates whose sign is that of g; a 0 of G counts
      as half, coordinates in which g is exactly 0 are left out.

    Parameters
    ----------
    estimator : Estimator
        Its draws are independent given state and parameters.
    moment : Moment
        Network and samples.
    state : State
        Of the estimator; never changed.
    key : Key
        Of the draws.
    pairs : int
        At least 4; of an estimator that claims to be deterministic one draw is enough.
    level : float
        Nominal coverage of each interval, Student's t over pairs.
    """
    exact = any(isinstance(claim, Deterministic) for claim in estimator.claims)
    sums: list[dict[str, tuple[float, ...]]] = []
    for number in range(1 if exact else pairs):
        draws = _draws(estimator, moment, state, key, range(2 * number, 2 * number + 2))
        sums.append(_pair(draws, moment.oracle))
    found = []
    for layer in sums[0]:
        numbers: Float = np.array([one[layer] for one in sums])
        for column, quantity in enumerate(QUANTITIES):
            values = numbers[:, column]
            positive = quantity == "noise_variance"
            interval = (
                Interval.exact(float(values[0]))
                if exact
                else mean_interval(values, level, positive=positive)
            )
            found.append(Found(layer, quantity, interval, 1 if exact else 2 * pairs))
    if moment.draw_pair is not None:
        found += _over_batches(estimator, moment, moment.draw_pair, state, key, pairs, level)
    return found


def _over_batches(
    estimator: Estimator,
    moment: Moment,
    draw_pair: Callable[[int], Batch],
    state: State,
    key: Key,
    pairs: int,
    level: float,
) -> list[Found]:
    """Return the variance over noise and mini-batch, from pairs of draws on two mini-batches."""
    sums: list[dict[str, tuple[float, ...]]] = []
    for number in range(pairs):
        here = replace(moment, batch=draw_pair(number))
        twice = range(2 * number, 2 * number + 2)
        draws = _draws(estimator, here, state, key / "batches", twice)
        sums.append(_pair(draws, moment.oracle))
    column, found = QUANTITIES.index("noise_variance"), []
    for layer in sums[0]:
        values: Float = np.array([one[layer][column] for one in sums])
        interval = mean_interval(values, level, positive=True)
        found.append(Found(layer, "gradient_variance", interval, 2 * pairs))
    return found


def look_at_network(moment: Moment) -> list[Found]:
    """Return what the network itself is like: exact for these samples, without noise.

    - ``gradient_norm`` of each layer with weights and in total: of the online surrogate gradient.
    - ``firing_rate`` of each layer of neurons: spikes a neuron, sample and step.
    - ``silent_neurons``: the fraction that never fires on any of the samples.
    """
    squares = {layer: _inner(vector, vector) for layer, vector in moment.oracle.items()}
    squares["total"] = sum(squares.values())
    found = [
        Found(layer, "gradient_norm", Interval.exact(math.sqrt(square)), 1)
        for layer, square in squares.items()
    ]
    trace = moment.backend.forward(
        moment.network, moment.params, moment.batch, record=frozenset({"spikes"})
    )
    for layer, spikes in trace.spikes.items():
        fired = moment.backend.to_numpy(spikes)
        silent = float((fired.max(axis=(0, 1)) == 0).mean())
        found.append(Found(layer, "firing_rate", Interval.exact(float(fired.mean())), 1))
        found.append(Found(layer, "silent_neurons", Interval.exact(silent), 1))
    return found


def _draws(
    estimator: Estimator, moment: Moment, state: State, key: Key, replicates: range
) -> dict[str, Array]:
    """Return draws of the gradient of each layer, (R, p)."""
    model = (moment.backend, moment.network, moment.params, moment.batch)
    estimate = estimator.estimate(*model, state, key, replicates=replicates)
    return by_layer(moment.network, estimate.gradient, folded=True)


def _pair(draws: Mapping[str, Array], oracle: Mapping[str, Array]) -> dict[str, tuple[float, ...]]:
    """Return `QUANTITIES` of each layer and in total, from a pair of draws."""
    parts = {}
    for layer, vectors in draws.items():
        one, two, g = vectors[0], vectors[1], oracle[layer]
        signs = array_namespace(g).sign(g)
        parts[layer] = np.array(
            [
                _inner(one - g, two - g),
                _inner(one - two, one - two) / 2,
                _inner(one, g),
                _inner(two, g),
                _inner(one, one),
                _inner(two, two),
                _inner(g, g),
                _inner(array_namespace(g).sign(one) + array_namespace(g).sign(two), signs) / 2,
                _inner(signs, signs),
            ]
        )
    parts["total"] = np.sum(list(parts.values()), axis=0)
    return {layer: _relative(*sums) for layer, sums in parts.items()}


def _relative(
    bias: float,
    variance: float,
    dot1: float,
    dot2: float,
    one: float,
    two: float,
    scale: float,
    signs: float,
    size: float,
) -> tuple[float, ...]:
    """Return bias and variance over |g|^2, the mean of the two cosines, and the right signs."""
    cosines = [
        dot / math.sqrt(square * scale) if square * scale > 0 else 0.0
        for dot, square in ((dot1, one), (dot2, two))
    ]
    unit = scale if scale > 0 else math.nan
    agreement = (1 + signs / size) / 2 if size > 0 else math.nan
    return bias / unit, variance / unit, sum(cosines) / 2, agreement


def _inner(one: Array, two: Array) -> float:
    return float(array_namespace(one).sum(one * two))
