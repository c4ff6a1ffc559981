"""The grid file of a sweep: axes in TOML, and the points that they span."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from gradassay.core.errors import ConfigurationError, UsageError, unknown_name
from gradassay.sweeps.axes import Settings, axis, option_axes, setting_axes
from gradassay.workbench.names import compact

Kind = Literal["measure", "train"]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Seed = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Grid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a grid file says; a single value stands for a list of one.

    Parameters
    ----------
    estimators : list of str
        Names, sums and ``module:attribute``.
    datasets : list of str
        As the option ``--dataset`` takes them.
    networks : list of str or None
        None for that of each data set's recipe.
    steps : list of int or None
        T; None for that of the recipe, or of the data.
    seeds : list of int
        Of everything random.
    kinds : list of {"measure", "train"}
        What is done at each point.
    batch_sizes : list of int
        Samples in a mini-batch of a measurement.
    budgets : list of int
        Gradient estimates of a measurement.
    options : mapping
        ``NAME.OPTION`` to values; only cells of that estimator have the option.
    training : mapping
        Options of ``gradassay train`` to values, with underscores; of cells that train.
    backend, device, standardise, frames_by, window_ms, downsample
        As the options of the other commands; the same in all cells.
    """

    estimators: list[str] | str
    datasets: list[str] | str = "digits"
    networks: list[str] | str | None = None
    steps: list[Positive] | Positive | None = None
    seeds: list[Seed] | Seed = 0
    kinds: list[Kind] | Kind = "measure"
    batch_sizes: list[Positive] | Positive = 32
    budgets: list[Positive] | Positive = 1024
    options: dict[str, Any] = {}
    training: dict[str, Any] = {}
    backend: str = "torch"
    device: str = "cpu"
    standardise: bool | None = None
    frames_by: Literal["time", "count"] = "time"
    window_ms: float | None = None
    downsample: Positive | None = None

    @property
    def model(self) -> Settings:
        """What all cells share, for the options of the other commands."""
        names = ("backend", "device", "standardise", "frames_by", "window_ms", "downsample")
        return tuple((name, getattr(self, name)) for name in names)


@dataclass(frozen=True)
class GridPoint:
    """One point of a grid: the coordinates of a cell.

    Parameters
    ----------
    kind : {"measure", "train"}
        What is done.
    estimator : str
        Its name, without blanks.
    options : tuple of (str, value)
        Options of the estimator that the grid sets, by name.
    dataset : str
        Name.
    network : str or None
        None where the recipe decides.
    steps : int or None
        T; None where the recipe or the data decide.
    batch_size : int
        Samples of a mini-batch; 0 of a training, until it is known.
    budget : int
        Gradient estimates; 0 of a training.
    training : tuple of (str, value)
        Options of the training that the grid sets, by name.
    seed : int
        Of everything random.
    """

    kind: str
    estimator: str
    options: Settings
    dataset: str
    network: str | None
    steps: int | None
    batch_size: int
    budget: int
    training: Settings
    seed: int


def read_grid(path: str | Path) -> Grid:
    """Return the grid of a TOML file.

    Raises
    ------
    UsageError
        If there is no such file, or it is no TOML, or a key does not exist.
    ConfigurationError
        If a value has another type than expected, is impossible, or a list is empty or holds
        something twice. The message has the path of the key.
    """
    try:
        told = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: {reason}; expected a TOML file with a grid.") from error
    unknown = [key for key in told if key not in Grid.__struct_fields__]
    if unknown:
        raise unknown_name(f"{path}: key", unknown[0], Grid.__struct_fields__)
    if "estimators" not in told:
        raise ConfigurationError(
            f"{path}: no key estimators; expected names, for example estimators = ['dfa', 'opzo']."
        )
    try:
        grid = msgspec.convert(told, Grid)
    except msgspec.ValidationError as error:
        what, _, where = str(error).replace("`", "").partition(" - at ")
        place = where.removeprefix("$").lstrip(".") or "grid"
        raise ConfigurationError(f"{path}: {place}: {what[0].lower()}{what[1:]}.") from error
    next(grid_points(grid))
    return grid


def grid_points(grid: Grid) -> Iterator[GridPoint]:
    """Return all points in the grid's order: seeds vary fastest, kinds slowest.

    Raises
    ------
    ConfigurationError
        If a list is empty or holds something twice.
    UsageError
        If an option is of an estimator that the grid does not have.

    Examples
    --------
    >>> grid = Grid(estimators=["dfa", "opzo"], options={"opzo.alpha": [0.1, 0.2]})
    >>> [(point.estimator, point.options) for point in grid_points(grid)]
    [('dfa', ()), ('opzo', (('alpha', 0.1),)), ('opzo', (('alpha', 0.2),))]
    """
    estimators = [compact(name) for name in axis("estimators", grid.estimators)]
    options = option_axes(grid.options, axis("estimators", estimators))
    training = setting_axes("training", grid.training)
    kinds = axis("kinds", grid.kinds)
    if grid.training and "train" not in kinds:
        raise ConfigurationError(
            "training: given, and kinds is 'measure'; expected kinds = 'train', or no training."
        )
    measured: list[tuple[int, int, Settings]] = list(
        itertools.product(
            axis("batch_sizes", grid.batch_sizes), axis("budgets", grid.budgets), [()]
        )
    )
    work: dict[str, list[tuple[int, int, Settings]]] = {
        "measure": measured,
        "train": [(0, 0, settings) for settings in training],
    }
    models = itertools.product(
        kinds,
        axis("datasets", grid.datasets),
        [None] if grid.networks is None else axis("networks", grid.networks),
        [None] if grid.steps is None else axis("steps", grid.steps),
        estimators,
    )
    seeds = axis("seeds", grid.seeds)
    return (
        GridPoint(
            kind, estimator, chosen, dataset, network, steps, batch_size, budget, settings, seed
        )
        for kind, dataset, network, steps, estimator in models
        for chosen in options[estimator]
        for batch_size, budget, settings in work[kind]
        for seed in seeds
    )
