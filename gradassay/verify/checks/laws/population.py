"""Variance over data and noise of a batch's mean, for Proposition 4.1, exact and as printed.

A batch is B samples drawn from a problem's, with replacement. V is the variance over samples of a
number, S the square of its mean, both averaged over coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.verify.checks.laws.closed_variance import BACKEND
from gradassay.verify.checks.laws.momentum_chain import momentum_after
from gradassay.verify.oracles.closed_forms import (
    kurtosis,
    quadratic_variance,
    single_point_variance,
)
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.law_problems import CONSTANT_SLOPE
from gradassay.verify.oracles.small_problems import SmallProblem

Reading = Literal["own", "shared"]


@dataclass(frozen=True)
class Predicted:
    """The variance of what is looked at: exact, and by the formula as printed."""

    exact: float
    printed: float


def resampled(problem: SmallProblem, size: int, key: Key, numbers: range) -> SmallProblem:
    """Return a problem whose batch is a batch of its own for each replicate, folded."""
    population = problem.batch
    drawn = [g.integers(0, population.size, size) for g in key.numbered(numbers)]
    rows = np.concatenate(drawn)
    inputs, targets = population.inputs[:, rows], population.targets[rows]
    batch = Batch(inputs, targets, len(numbers))
    return SmallProblem(problem.name, problem.network, problem.params, batch)


def single_point_predicted(
    estimator: Estimator, problem: SmallProblem, size: int, reading: Reading
) -> Predicted:
    """Return the variance of a single point's mean over batches of some size.

    One draw for each sample: everything over B. One draw for the whole batch: what does not vary
    over data is not divided. Printed, with beta = k4 - 1:

        (1/B) [(d + beta) V_g + (d + beta - 1) S_g + V_L / alpha^2 + S_L / alpha^2]

    References
    ----------
    Xiao et al., arXiv 2407.12516, Proposition 4.1; the term in S_g is derived. The exact one has
    the curvature of the loss too.
    """
    model, weight = noise_model(estimator), problem.params["readout.weight"]
    trace = BACKEND.forward(problem.network, problem.params, problem.batch)
    signals, losses = trace.errors[0] @ weight, trace.losses[0]
    hessian = 2 / problem.network.classes * weight.T @ weight
    mean, level, d = signals.mean(axis=0), float(losses.mean()), signals.shape[1]
    apart = signals - mean
    constant = quadratic_variance(
        model.law, mean, hessian, form="single", alpha=model.scale, offset=level
    )
    varying = [
        single_point_variance(model.law, g, offset=float(c) - level, alpha=model.scale) + g @ g
        for g, c in zip(apart, losses, strict=True)
    ]
    divided = float(np.mean(varying)) / size
    exact = constant / (size if reading == "own" else 1) + divided
    beta = kurtosis(model.law, d) - 1
    spread, square = float((apart**2).mean()), float((mean**2).mean())
    offset = float((losses**2).mean()) / model.scale**2
    printed = d * ((d + beta) * spread + (d + beta - 1) * square + offset) / size
    return Predicted(CONSTANT_SLOPE**2 * exact, CONSTANT_SLOPE**2 * printed)


def momentum_predicted(
    estimator: Estimator, problem: SmallProblem, size: int, updates: int, key: Key
) -> Predicted:
    """Return the variance of ``M e`` over M and batches of some size, M shared by the batch.

    Exact: with e' = e less its mean over data, the variance over M at the mean error, and over B
    that at e' and the variance of ``E M e'``. Printed, with V_eps the variance of an entry of M:

        (1/B) [m V_eps V_e + m V_eps S_e + V_{Me}]

    References
    ----------
    Xiao et al., arXiv 2407.12516, Proposition 4.1. M is shared by the batch, and its errors depend
    on each other, so that the exact one is another number.
    """
    trace = BACKEND.forward(problem.network, problem.params, problem.batch)
    errors = trace.errors.sum(axis=0)
    mean, classes = errors.mean(axis=0), errors.shape[1]
    units = problem.network.spiking[0].units

    def law(error: np.ndarray) -> tuple[np.ndarray, float]:
        found = momentum_after(estimator, problem, updates, key, error)
        return found.mean, found.variance

    constant = law(mean)[1]
    parts = [law(error - mean) for error in errors]
    over_data = float(np.mean([m @ m for m, _ in parts]))
    exact = constant + (float(np.mean([v for _, v in parts])) + over_data) / size
    entries = sum(law(unit)[1] for unit in np.eye(classes)) / (units * classes)
    second = float((errors**2).mean())
    printed = (units * classes * entries * second + over_data) / size
    return Predicted(exact, printed)
