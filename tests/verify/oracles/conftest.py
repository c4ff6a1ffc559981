"""The real estimators, run on a grid of noise or on many draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.params import Params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.noise_grid import NoiseGrid
from gradassay.verify.oracles.small_problems import SmallProblem, samples_of

BACKEND = ReferenceBackend()
Grids = Callable[[SmallProblem], NoiseGrid | None]
Means = tuple[Params, dict[str, np.ndarray]]


def warmed(name: str, problem: SmallProblem, **options: Any) -> tuple[Estimator, State]:
    """An estimator and its state after two estimates."""
    estimator = make_estimator(name, **options)
    state = estimator.init(BACKEND, problem.network, Key(1))
    for step in range(2):
        arguments = (BACKEND, problem.network, problem.params, problem.batch, state, Key(step))
        state = estimator.advance(*arguments)
    return estimator, state


def run_on_grid(estimator: Estimator, problem: SmallProblem, state: State, grid_of: Grids) -> Means:
    """Mean of gradient and matrices of the state, over grid and samples."""
    total = Params({name: np.zeros(shape) for name, shape in problem.network.shapes.items()})
    after: dict[str, np.ndarray] = {}
    for sample in samples_of(problem):
        grid = grid_of(sample)
        assert grid is not None
        assert abs(grid.weights.sum() - 1) < 1e-12
        for batch, part in grid.chunks(sample.batch):
            rows = len(part.weights)
            shares = part.weights / problem.batch.size
            folded = sample.batch if batch.size == 1 else sample.batch.tiled(rows)
            estimate = estimator.estimate(
                BACKEND,
                sample.network,
                sample.params,
                folded,
                state,
                Key(0),
                replicates=range(rows),
                noise=part.noise,
            )
            total = total.map(lambda t, g, w=shares: t + np.tensordot(w, g, 1), estimate.gradient)
            for name, array in estimate.state.items():
                if np.ndim(array) == 3:
                    mean = np.tensordot(shares, array, 1)
                    after[name] = after.get(name, 0.0) + mean
    return total, after


def worst_deviation(
    estimator: Estimator,
    problem: SmallProblem,
    state: State,
    expected: dict[str, np.ndarray],
    draws: int,
) -> tuple[float, int]:
    """Largest deviation of the mean of draws in standard errors, and the number of entries.

    Arrays of the gradient, and of the state under ``M `` and their name.
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in expected}
    step = min(draws, 4000)
    for start in range(0, draws, step):
        estimate = estimator.estimate(
            BACKEND,
            problem.network,
            problem.params,
            problem.batch,
            state,
            Key(7) / "draws",
            replicates=range(start, start + step),
        )
        arrays = {**estimate.gradient, **{f"M {n}": a for n, a in estimate.state.items()}}
        for name, rows in found.items():
            rows.append(np.asarray(arrays[name]))
    worst, entries = 0.0, 0
    for name, rows in found.items():
        drawn = np.concatenate(rows)
        error = drawn.std(axis=0) / draws**0.5
        distance = np.abs(drawn.mean(axis=0) - expected[name])
        still = error < 1e-13
        assert (distance[still] < 1e-10).all()
        worst = max([worst, *(distance[~still] / error[~still])])
        entries += int((~still).sum())
    return float(worst), entries


@pytest.fixture(scope="session")
def warm() -> Callable[..., tuple[Estimator, State]]:
    return warmed


@pytest.fixture(scope="session")
def on_grid() -> Callable[[Estimator, SmallProblem, State, Grids], Means]:
    return run_on_grid


@pytest.fixture(scope="session")
def deviation() -> Callable[..., tuple[float, int]]:
    return worst_deviation
