"""What the cells of a sweep will cost: counted operations, and a calibration of a few cells."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gradassay.core.keys import Key
from gradassay.cost.measure import measure_cost
from gradassay.sweeps import SweepCell
from gradassay.sweeps.cells import CellBench, bench_of, compute_cell
from gradassay.sweeps.plan import Family, family_of
from gradassay.sweeps.working import one_thread
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.draws import chunk_size
from gradassay.workbench.measuring import population

# samples of the batch on which an estimate's operations are counted
COUNTED = 4
CALIBRATED, REPEATS = 5, 3
SHORT_S = 2.0


def operations_by_family(cells: Sequence[SweepCell], data_dir: Path | None) -> dict[Family, float]:
    """Return the predicted operations of one cell of each family.

    Those of one estimate of one sample are counted on a batch; times samples and estimates, those
    that warm up a feedback state and draw the smoothed loss included, or samples and epochs. The
    oracle's pass over the population and passes over the test part are left out.
    """
    first = {family_of(cell): cell for cell in reversed(cells)}
    found: dict[Family, float] = {}
    for family, cell in first.items():
        made = bench_of(cell.point, cell.model, data_dir)
        problem = population(made.bench)
        cost = measure_cost(
            made.estimator,
            problem.backend,
            problem.network,
            problem.params,
            problem.batch([np.arange(min(COUNTED, problem.size))]),
            _key(made),
        )
        found[family] = cost.operations * _samples(made)
    return found


def _samples(made: CellBench) -> float:
    """Return how many samples a cell makes an estimate of."""
    if isinstance(made.task, Design):
        return float(_estimates(made) * made.task.batch_size)
    return float(made.task.epochs * len(made.bench.data.train_targets))


def _estimates(made: CellBench) -> float:
    """Return how many mini-batches a cell makes an estimate of."""
    task = made.task
    if not isinstance(task, Design):
        updates = -(-len(made.bench.data.train_targets) // task.batch_size)
        return task.epochs * updates
    total = task.replicates
    if made.estimator.noise is not None:
        total += 2 * task.blocks * task.batches
    if _warms_up(made):
        total += task.blocks * task.warmup
    return total


def _warms_up(made: CellBench) -> bool:
    """Whether a measurement makes updates before it: where one changes the feedback state."""
    problem, key = population(made.bench), _key(made)
    model = (problem.backend, problem.network)
    state = made.estimator.init(*model, key)
    batch = problem.batch([np.arange(min(COUNTED, problem.size))])
    after = made.estimator.advance(*model, problem.params, batch, state, key)
    return bool(state) and after is not state


def _key(made: CellBench) -> Key:
    return Key(made.bench.options.seed) / "plan" / made.name


def calibrated(
    cells: Sequence[SweepCell], operations: dict[Family, float], data_dir: Path | None
) -> dict[Family, list[float]]:
    """Return times of a few cells, spread over their sizes.

    A cell that seems to take less than `SHORT_S` is computed, others are predicted from the times
    of some estimates.
    """
    first = {family_of(cell): cell for cell in reversed(cells)}
    ordered = sorted(first, key=lambda family: operations[family])
    places = np.unique(np.linspace(0, len(ordered) - 1, CALIBRATED).round().astype(int))
    with one_thread():
        return {
            ordered[place]: _times(cell, data_dir)
            for place in places
            for cell in [first[ordered[place]]]
        }


def _times(cell: SweepCell, data_dir: Path | None) -> list[float]:
    """Return times of a cell: one that was measured, or several that are predicted."""
    predicted = _timed(bench_of(cell.point, cell.model, data_dir))
    if statistics.median(predicted) > SHORT_S:
        return predicted
    start = time.perf_counter()
    compute_cell(cell, data_dir)
    return [time.perf_counter() - start]


def _timed(made: CellBench) -> list[float]:
    """Return the time of a cell, predicted from each of a few estimates."""
    problem = population(made.bench)
    size = min(made.task.batch_size, problem.size)
    folds = chunk_size(problem.network) if isinstance(made.task, Design) else 1
    state = made.estimator.init(problem.backend, problem.network, _key(made))
    estimate = partial(
        made.estimator.estimate,
        problem.backend,
        problem.network,
        problem.params,
        problem.batch([np.arange(size)] * folds),
        state,
        _key(made),
        replicates=None if folds == 1 else range(folds),
    )
    estimate()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        estimate()
        seconds.append((time.perf_counter() - start) / folds * _estimates(made))
    return seconds
