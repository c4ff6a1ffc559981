"""Results as pandas frames, for notebooks and scripts.

A problem is data, network, initial weights and backend; every function takes estimators by name or
as objects and returns one frame, a row a record:

>>> from gradassay import frames
>>> problem = frames.problem("digits", network="fc-8", steps=2)
>>> found = frames.measure(problem, ["dfa"], budget=256, batch_size=8)
>>> sorted(found.columns)[:4]
['high', 'layer', 'level', 'low']
>>> print(frames.columns("measurements")["layer"])
Name of the weighted layer, or ``total``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import numpy as np
import pandas as pd

from gradassay.core.errors import UsageError, is_whole, unknown_name
from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult, CostRow, EpochRow, Measurement
from gradassay.reports import (
    Results,
    build_manifest,
    columns,
    read_results,
    write_report,
    write_results,
)
from gradassay.reports.store import TABLES, to_arrow
from gradassay.workbench.estimators import chosen_estimators
from gradassay.workbench.options import ProblemOptions, StartOptions, TrainingOptions
from gradassay.workbench.trainings import training_settings
from gradassay.workbench.workbench import Workbench

__all__ = ["columns", "cost", "measure", "problem", "read", "save", "train", "verify"]

Estimators = str | Iterable[str] | Mapping[str, Estimator | str]


def problem(dataset: str = "digits", **options: Any) -> Workbench:
    """Return data, network, initial weights and backend.

    Parameters
    ----------
    dataset : str
        As ``--dataset`` takes it.
    **options
        ``network``, ``steps``, ``seed``, ``backend``, ``device``, ``data_dir`` and the others of
        `ProblemOptions`; ``train_samples``, ``gain``, ``mse_weight``, as in `StartOptions`.

    Raises
    ------
    GradassayError
        If an option does not exist or its value is impossible, or the data are not to be had.
    """
    _require_types(options | {"dataset": dataset})
    _require_known("problem", options, ProblemOptions, StartOptions)
    names = [field.name for field in fields(StartOptions)]
    start = StartOptions(**{name: options.pop(name) for name in names if name in options})
    return Workbench.prepare(ProblemOptions(dataset=dataset, **options), start)


def verify(
    estimators: Estimators, *, seed: int = 0, suite: str = "quick", workers: int = 1
) -> pd.DataFrame:
    """Return the outcome of every check that the estimators' claims call for.

    Parameters
    ----------
    estimators : str, iterable of str, or mapping from name to Estimator or str
        Names as ``--estimators`` takes them, or objects.
    seed, suite, workers
        As in `gradassay.verify.verify`.

    Returns
    -------
    pandas.DataFrame
        A row a check; columns are the fields of `gradassay.core.records.CheckResult`.
    """
    from gradassay.verify import verify as run

    found = run(_estimators(estimators), seed=seed, suite=suite, workers=workers)
    return _frame(found, CheckResult)


def measure(
    on: Workbench, estimators: Estimators, *, budget: int = 1024, batch_size: int = 32
) -> pd.DataFrame:
    """Return bias, variance and cosine of each estimator at the initial weights, with intervals.

    Parameters
    ----------
    on : Workbench
        See `problem`.
    estimators : str, iterable of str, or mapping from name to Estimator or str
        Names as ``--estimators`` takes them, or objects.
    budget : int
        Gradient estimates of each.
    batch_size : int
        Samples in a mini-batch.

    Returns
    -------
    pandas.DataFrame
        A row a layer and quantity; columns are the fields of
        `gradassay.core.records.Measurement`.
    """
    from gradassay.workbench.measuring import designs_for, measure_all, population

    _require_problem(on)
    chosen = _estimators(estimators, on)
    designs = designs_for(chosen, budget, batch_size)
    return _frame(measure_all(chosen, population(on), designs, on.options.seed), Measurement)


def cost(on: Workbench, estimators: Estimators) -> pd.DataFrame:
    """Return what an update costs, counted, in closed form and timed.

    Parameters
    ----------
    on, estimators
        As in `measure`.

    Returns
    -------
    pandas.DataFrame
        A row a quantity; columns are the fields of `gradassay.core.records.CostRow`.
    """
    from gradassay.workbench.measuring import cost_all, population

    _require_problem(on)
    return _frame(cost_all(on, _estimators(estimators, on), population(on)), CostRow)


def train(on: Workbench, estimators: Estimators, **settings: Any) -> pd.DataFrame:
    """Return loss and accuracy of every epoch, training with each estimator from the same weights.

    Parameters
    ----------
    on, estimators
        As in `measure`.
    **settings
        ``epochs``, ``learning_rate`` and the others of `TrainingOptions`; those that are not given
        are the recipe's.

    Returns
    -------
    pandas.DataFrame
        A row an epoch; columns are the fields of `gradassay.core.records.EpochRow`. A training
        that diverges ends with the epoch in which it does.
    """
    from gradassay.training import DivergenceError, place_data

    _require_problem(on)
    _require_known("train", settings, TrainingOptions)
    _require_types(settings)
    chosen = _estimators(estimators, on)
    each = training_settings(on, chosen, TrainingOptions(**settings))
    data = place_data(on.backend, on.data)
    rows: list[EpochRow] = []
    for name, estimator in chosen.items():
        try:
            epochs = on.train(estimator, each[name], data).epochs
        except DivergenceError as error:
            epochs = list(error.epochs)
        rows += [replace(row, subject=name) for row in epochs]
    return _frame(rows, EpochRow)


def save(folder: str | Path, *, seed: int, overwrite: bool = False, **tables: pd.DataFrame) -> Path:
    """Return the path of the report, after writing frames as a results folder.

    Parameters
    ----------
    folder : path
        New or empty, or results where `overwrite` is given.
    seed : int
        Of the run, for the manifest.
    overwrite : bool
        Replace the results that are there.
    **tables : pandas.DataFrame
        ``measurements``, ``checks``, ``cost``, ``training``, ``moments``: frames as the functions
        here return them, or parts of such.

    Raises
    ------
    UsageError
        If there is no such table, a column is missing, or the folder is in the way.
    """
    if not is_whole(seed):
        raise UsageError(f"seed: got {seed!r}; expected a whole number.")
    records: dict[str, Any] = {}
    for name, frame in tables.items():
        if name not in TABLES:
            raise unknown_name("table", name, TABLES)
        records[name] = _records(name, frame)
    manifest = build_manifest("gradassay.frames.save", seed, {}, {})
    return write_report(write_results(folder, manifest=manifest, overwrite=overwrite, **records))


def read(folder: str | Path) -> Results:
    """Return the frames of a results folder; see `gradassay.reports.Results`."""
    return read_results(folder)


def _estimators(given: Estimators, on: Workbench | None = None) -> dict[str, Estimator]:
    """Return estimators by name; those given by name have the options of the problem's recipe."""
    defaults = on.recipe.options_for if on is not None else None
    named = {given: given} if isinstance(given, str) else given
    _require_several(named)
    pairs = named if isinstance(named, Mapping) else {name: name for name in named}
    made: dict[str, Estimator] = {}
    for name, one in pairs.items():
        if isinstance(one, str):
            found = chosen_estimators([one], None, defaults)
            made |= {name: next(iter(found.values()))} if name != one else found
        elif isinstance(one, type) or not hasattr(one, "estimate"):
            raise _no_estimator(one)
        else:
            made[name] = one
    if not made:
        raise UsageError("estimators: got none; expected at least one. See `gradassay zoo`.")
    return made


def _no_estimator(given: object) -> UsageError:
    return UsageError(
        f"estimators: got {given!r}; expected names, or a mapping from names to estimators. See"
        " `gradassay zoo`."
    )


def _require_several(given: object) -> None:
    if not isinstance(given, Iterable):
        raise _no_estimator(given)


def _require_frame(table: str, given: object) -> None:
    if not isinstance(given, pd.DataFrame):
        raise UsageError(f"{table}: got {type(given).__name__}; expected a pandas.DataFrame.")


def _require_problem(on: object) -> None:
    """Refuse what `problem` did not make."""
    if not isinstance(on, Workbench):
        raise UsageError(
            f"problem: got {on!r}; expected what gradassay.frames.problem returns. Make one with"
            " frames.problem('digits')."
        )


def _require_types(given: Mapping[str, object]) -> None:
    """Refuse values of another type than the option's; NumPy's numbers count as Python's."""
    hints = get_type_hints(ProblemOptions) | get_type_hints(TrainingOptions)
    for name, value in given.items():
        if name not in hints or name == "data_dir":
            continue
        plain = value.item() if isinstance(value, np.generic) else value
        try:
            msgspec.convert(plain, hints[name])
        except msgspec.ValidationError as error:
            told = str(error).replace("`", "")
            raise UsageError(f"{name}: got {value!r}. {told}.") from error


def _require_known(
    function: str, given: Mapping[str, object], *records: type[ProblemOptions | StartOptions]
) -> None:
    """Refuse a keyword that is no field of the options."""
    known = {field.name for record in records for field in fields(record)}
    for name in given:
        if name not in known:
            raise unknown_name(f"option of {function}", name, known)


def _frame(rows: list[Any], record: type) -> pd.DataFrame:
    """Return records as a frame whose columns are the fields of their class."""
    frame: pd.DataFrame = to_arrow(rows, record).to_pandas()
    return frame


def _records(table: str, frame: pd.DataFrame) -> list[Any]:
    """Return the rows of a frame as records."""
    record = TABLES[table]
    _require_frame(table, frame)
    names = [field.name for field in fields(record)]
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise UsageError(
            f"{table}: the frame has no column {', '.join(missing)}; expected {', '.join(names)}."
        )
    rows = frame[names].itertuples(index=False, name=None)
    return [record(*row) for row in rows]
