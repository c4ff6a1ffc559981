"""What the cells of a sweep are: benches, estimators, settings; and what a worker computes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from gradassay import __version__
from gradassay.core.errors import ConfigurationError, DataError, unknown_name
from gradassay.core.estimator import Estimator
from gradassay.core.noise import NoiseModel
from gradassay.core.records import EpochRow
from gradassay.datasets import Dataset, holds_events
from gradassay.sweeps import GridPoint, SweepCell, SweepRow
from gradassay.sweeps.axes import Settings
from gradassay.training import DivergenceError, TrainingSettings, place_data, recipe_for
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.measurement import measure
from gradassay.workbench.estimators import chosen_estimators
from gradassay.workbench.measuring import POPULATION, population
from gradassay.workbench.options import (
    ModelOptions,
    ProblemOptions,
    StartOptions,
    TrainingOptions,
)
from gradassay.workbench.trainings import training_settings
from gradassay.workbench.workbench import Workbench

# data sets that a process keeps, of the cells that it computes one after the other
KEPT = 4


@dataclass(frozen=True)
class CellBench:
    """All that a cell is computed with.

    Parameters
    ----------
    bench : Workbench
        Data, network, start.
    name : str
        Of the estimator, as in the grid.
    estimator : Estimator
        With the recipe's options and the grid's.
    task : Design or TrainingSettings
        Of a measurement, or of a training.
    """

    bench: Workbench
    name: str
    estimator: Estimator
    task: Design | TrainingSettings


def cell_of(point: GridPoint, model: Settings, data_dir: Path | None) -> SweepCell:
    """Return the cell of a point: what the grid leaves open is decided, what is impossible refused.

    Raises
    ------
    GradassayError
        Whatever the command of one cell would refuse before any work.
    """
    checksums, network, steps, batch_size = _checked(replace(point, seed=0), model, data_dir)
    known = replace(point, network=network, steps=steps, batch_size=batch_size)
    return SweepCell(known, model, checksums, __version__)


@lru_cache(maxsize=4096)
def _checked(
    point: GridPoint, model: Settings, data_dir: Path | None
) -> tuple[tuple[tuple[str, str], ...], str, int, int]:
    """Return checksums, network, T and batch size of a point, whatever its seed."""
    made = bench_of(point, model, data_dir)
    bench = made.bench
    size, most = made.task.batch_size, min(len(bench.data.train_targets), POPULATION)
    if isinstance(made.task, Design) and size > most:
        raise ConfigurationError(f"batch_sizes: got {size}; expected at most {most}.")
    network = bench.options.network or bench.recipe.network
    return _checksums(bench.whole), network, bench.network.steps, size


def _checksums(data: Dataset) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(data.checksums.items()))


def bench_of(point: GridPoint, model: Settings, data_dir: Path | None) -> CellBench:
    """Return what a cell is computed with."""
    shared: dict[str, Any] = dict(model)
    common = ModelOptions(network=point.network, steps=point.steps, data_dir=data_dir, **shared)
    training = training_options(point.training)
    start = StartOptions(training.train_samples, training.gain, training.mse_weight)
    bench = _bench(common.problem(point.dataset, point.seed), start)
    chosen = chosen_estimators(
        [point.estimator], None, lambda name: bench.recipe.options_for(name) | dict(point.options)
    )
    name, estimator = next(iter(chosen.items()))
    if point.kind == "train":
        settings = training_settings(bench, chosen, training)[name]
        return CellBench(bench, name, estimator, settings)
    design = Design.for_budget(estimator, point.budget, batch_size=point.batch_size)
    return CellBench(bench, name, estimator, design)


@lru_cache(maxsize=1)
def _bench(options: ProblemOptions, start: StartOptions) -> Workbench:
    """Return the bench of cells that differ in the estimator alone, made once."""
    return Workbench.prepare(options, start, whole=_whole(options))


def training_options(settings: Settings) -> TrainingOptions:
    """Return options of a training from those that a grid sets.

    Raises
    ------
    UsageError
        If one does not exist.
    ConfigurationError
        If a value has another type.
    """
    names = {field.name for field in fields(TrainingOptions)}
    for name, _ in settings:
        if name not in names:
            raise unknown_name("training", name, names)
    try:
        return msgspec.convert(dict(settings), TrainingOptions)
    except msgspec.ValidationError as error:
        what, _, where = str(error).replace("`", "").partition(" - at $.")
        raise ConfigurationError(f"training.{where}: {what[0].lower()}{what[1:]}.") from error


def _whole(options: ProblemOptions) -> Dataset:
    """Return the data that a bench works on, read once for cells that share them."""
    recipe = recipe_for(options.dataset, options.network)
    framed = holds_events(options.dataset)
    shared = replace(
        options,
        seed=0,
        network=options.network if framed or recipe != recipe_for(options.dataset) else None,
        steps=options.steps if framed else None,
        backend="numpy",
        device="cpu",
    )
    return _read(shared)


@lru_cache(maxsize=KEPT)
def _read(options: ProblemOptions) -> Dataset:
    with contextlib.redirect_stderr(io.StringIO()):  # no spinner beside the sweep's own progress
        return Workbench.prepare(options).whole


def compute_cell(cell: SweepCell, data_dir: Path | None = None) -> list[SweepRow]:
    """Return the rows of a cell: what `measure` or `train` would write of it, without times.

    Raises
    ------
    DataError
        If the data here are not those of the cell.
    """
    made = bench_of(cell.point, cell.model, data_dir)
    if _checksums(made.bench.whole) != cell.checksums:
        raise DataError(
            f"{cell.point.dataset}: the worker's files differ from those that the sweep was begun"
            " with; expected the same checksums. Copy them."
        )
    if isinstance(made.task, Design):
        return list(_measured(made, made.task))
    return list(_trained(made, made.task))


def _measured(made: CellBench, design: Design) -> Iterator[SweepRow]:
    """Yield the quantities of a measurement, as `gradassay measure` does for one estimator."""
    noise = made.estimator.noise
    rows = measure(
        {made.name: made.estimator},
        population(made.bench),
        {made.name: design},
        seed=made.bench.options.seed,
        smoothing=None if noise is None else NoiseModel(noise.scale, noise.law),
    )
    for row in rows:
        numbers = (row.value, row.low, row.high, row.level)
        yield SweepRow(0, row.layer, row.quantity, row.oracle, *numbers, row.replicates, row.unit)


def _trained(made: CellBench, settings: TrainingSettings) -> Iterator[SweepRow]:
    """Yield the metrics of each epoch, and how it ended."""
    bench = made.bench
    data = place_data(bench.backend, bench.data)
    try:
        epochs = bench.train(made.estimator, settings, data).epochs
    except DivergenceError as error:
        epochs = list(error.epochs)
    for epoch in epochs:
        for quantity in ("train_loss", "train_accuracy", "test_accuracy"):
            yield _exact(epoch, quantity, getattr(epoch, quantity))
    last = epochs[-1]
    yield _exact(last, "final_test_accuracy", last.test_accuracy)
    yield _exact(last, "diverged", float(last.diverged))


def _exact(epoch: EpochRow, quantity: str, value: float) -> SweepRow:
    return SweepRow(epoch.epoch, "total", quantity, "", value, value, value, 1.0, 1, "1")
