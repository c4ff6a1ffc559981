"""How good feedback that is a running average becomes with its age, at fixed weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from gradassay.core.claims import MomentumFeedback
from gradassay.core.curves import ScalingRow
from gradassay.core.estimator import Estimator, stack_states, state_of
from gradassay.core.keys import Key
from gradassay.core.records import Interval
from gradassay.verify.measuring.feedback import feedback_of
from gradassay.verify.measuring.further_oracles import population_jacobians
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.oracles.closed_forms import momentum_variance
from gradassay.verify.oracles.declared import claimed_momentum
from gradassay.verify.statistics.intervals import jackknife, mean_interval
from gradassay.verify.statistics.moments import Float
from gradassay.verify.variance.rows import scaling_row

MEAN, RATIO, COSINE = "feedback_mean", "feedback_signal_to_noise", "feedback_cosine"
MOST_UPDATES, MEMORIES = 512, 4.0


def feedback_by_age(
    name: str,
    estimator: Estimator,
    problem: Problem,
    *,
    seed: int,
    states: int = 32,
    batch_size: int = 32,
    level: float = 0.95,
    draw_variance: Mapping[str, float] | None = None,
) -> list[ScalingRow]:
    """Return what direct feedback matrices are like after k updates at fixed weights.

    Independent states, each with its own mini-batches and noise. Per layer, J the Jacobian of the
    outputs by the layer's spikes averaged over the population, ``<,>`` the sum of products of
    entries:

    - ``feedback_mean``: ``E <M_k, J> / |J|^2``; of a running average ``1 - lambda^k``.
    - ``feedback_signal_to_noise``: ``|E M_k|^2 / tr Var M_k``, both without bias of their own.
    - ``feedback_cosine``: the mean cosine of M_k and J.

    and, where the state starts at 0 and `MomentumFeedback` is claimed, ``predicted_...`` of each:

        1 - lambda^k,   |J|^2 (1 - lambda^k)^2 / w,   1 / sqrt(1 + w / ((1 - lambda^k)^2 |J|^2)),
        w = (1 - lambda)(1 - lambda^2k) / (1 + lambda) v

    with v the total variance of one term Z.

    Parameters
    ----------
    name, estimator
        One whose state has no such matrices, or never changes them, has no rows.
    problem : Problem
        Network, weights and population.
    seed : int
        Of all streams.
    states : int
        Independent states, at least 4.
    batch_size : int
        Samples of an update.
    level : float
        Nominal coverage.
    draw_variance : mapping of str to float, or None
        v by layer; None to take it from the states after one update, which are ``(1 - lambda) Z``
        each: then the prediction is of how it goes on, not of where it begins.

    Notes
    -----
    The cosine's closed form is ``E <M, J> / (|J| sqrt(E |M|^2))``; the mean cosine is beside it by
    an order of one over the entries of M. J is that of a pass without noise through surrogate
    derivatives: in layers below others E Z is another matrix, and the cosine levels off below its
    prediction.
    """
    key = Key(seed) / "age" / name
    matrices = _histories(estimator, problem, key, states, batch_size)
    if not matrices:
        return []
    start, history = matrices[0], {k: rows for k, rows in matrices.items() if k}
    jacobians = {n: j.ravel() for n, j in population_jacobians(problem).items()}
    claim = claimed_momentum(estimator)
    rows: list[ScalingRow] = []
    for layer in start:
        j = jacobians[layer]
        if not j.any():
            continue  # of a silent network: no direction
        law: _Law | None = None
        if claim is not None and not start[layer].any():
            v = _variance(history[1][layer]) / (claim.gain * (1 - claim.momentum)) ** 2
            law = _Law(claim, v if draw_variance is None else draw_variance[layer], j)
        for updates, found in history.items():
            quantities = dict(_measured(found[layer], j, level))
            quantities |= {} if law is None else law.predicted(updates)
            rows += [
                scaling_row(
                    name,
                    problem.name,
                    "updates",
                    updates,
                    quantity,
                    one,
                    replicates=0 if quantity.startswith("predicted_") else states,
                    seed=seed,
                    layer=layer,
                )
                for quantity, one in quantities.items()
            ]
    return rows


def ages(momentum: float | None) -> tuple[int, ...]:
    """Return the numbers of updates to look at: powers of 2 up to four memories, at most 512.

    Examples
    --------
    >>> ages(0.9)
    (1, 2, 4, 8, 16, 32)
    """
    memory = 64 if momentum is None else MEMORIES / (1 - momentum)
    return tuple(2**i for i in range(10) if 2**i <= min(max(memory, 4), MOST_UPDATES))


def _histories(
    estimator: Estimator, problem: Problem, key: Key, states: int, batch_size: int
) -> dict[int, dict[str, Float]]:
    """Return, by number of updates, the matrices of each layer as rows (R, n m); {} if none."""
    numbers = range(states)
    first = [estimator.init(problem.backend, problem.network, key / "state" / u) for u in numbers]
    if not feedback_of(first[0], problem.network):
        return {}
    claim = claimed_momentum(estimator)
    looks = ages(None if claim is None else claim.momentum)
    state = stack_states(first)

    def seen() -> dict[str, Float]:
        found = [feedback_of(state_of(state, u), problem.network) for u in numbers]
        return {
            layer: np.stack(
                [problem.backend.to_numpy(one[layer]).astype(np.float64).ravel() for one in found]
            )
            for layer in found[0]
        }

    history = {0: seen()}
    for update in range(1, max(looks) + 1):
        here = key / "update" / update
        batch = problem.batch(
            [problem.draw_indices(batch_size, here / "batch" / u) for u in numbers]
        )
        after = estimator.advance(
            problem.backend, problem.network, problem.params, batch, state, here, replicates=numbers
        )
        if after is state:
            return {}
        state = after
        if update in looks:
            history[update] = seen()
    return history


def _measured(rows: Float, jacobian: Float, level: float) -> Iterator[tuple[str, Interval]]:
    """Yield the three quantities from independent states, (R, p)."""
    square = float(jacobian @ jacobian)
    products = rows @ jacobian
    norms = np.sqrt((rows**2).sum(axis=1) * square)
    yield MEAN, mean_interval(products / square, level)
    yield RATIO, _signal_to_noise(rows, level)
    yield COSINE, mean_interval(products / np.where(norms > 0, norms, 1.0), level)


def _signal_to_noise(rows: Float, level: float) -> Interval:
    """Return ``|E M|^2 / tr Var M`` with a jackknife over states."""
    gram = rows @ rows.T
    count, everything, own = len(rows), float(gram.sum()), np.diag(gram)
    with_sum = gram.sum(axis=1)

    def ratio(total: Float, squares: Float, size: int) -> Float:
        variance = (squares - total / size) / (size - 1)
        signal: Float = (total / size**2 - variance / size) / variance
        return signal

    value = float(ratio(np.array(everything), np.array(own.sum()), count))
    left_out = ratio(everything - 2 * with_sum + own, own.sum() - own, count - 1)
    return jackknife(value, left_out, level)


def _variance(rows: Float) -> float:
    return float(rows.var(axis=0, ddof=1).sum())


class _Law:
    """The closed forms of one layer."""

    def __init__(self, claim: MomentumFeedback, draw_variance: float, jacobian: Float) -> None:
        self._claim, self._variance = claim, draw_variance
        self._square = float(jacobian @ jacobian)

    def predicted(self, updates: int) -> dict[str, Interval]:
        """Return all three after k updates."""
        kept = self._claim.momentum
        grown = 1 - kept**updates
        spread = momentum_variance(self._variance, momentum=kept, updates=updates, corrected=False)
        ratio = grown**2 * self._square / spread
        found = {
            MEAN: self._claim.gain * grown,
            RATIO: ratio,
            COSINE: 1 / math.sqrt(1 + 1 / ratio),
        }
        return {f"predicted_{name}": Interval.exact(value) for name, value in found.items()}
