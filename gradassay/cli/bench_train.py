"""``gradassay bench-train``: many methods, data sets and seeds, one table of accuracies."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from gradassay.cli.files import file_name
from gradassay.cli.keeping import KeepingOptions
from gradassay.cli.lines import print_line
from gradassay.cli.options import Estimators, Options, Settings, command_line, require_names
from gradassay.cli.trainings import Trainings, tell_of_shared_rates
from gradassay.cli.watching import WatchingOptions
from gradassay.core.errors import UsageError
from gradassay.workbench.options import ModelOptions, TrainingOptions
from gradassay.workbench.trainings import prepare_trainings

if TYPE_CHECKING:
    from gradassay.datasets import Dataset

METHODS = "spatial_bp,dfa,dkp,zo_single_point,opzo,opzo+0.01*local_learning"


def bench_train(
    *,
    model: Options[ModelOptions] = None,
    training: Options[TrainingOptions] = None,
    keeping: Options[KeepingOptions] = None,
    watching: Options[WatchingOptions] = None,
    datasets: str = "fashion-mnist",
    estimators: Estimators = METHODS,
    seeds: str = "0,1,2",
    set_: Settings = None,
) -> int:
    """Train every method on every data set from every seed; the table of accuracies.

    Writes the results folder with accuracy.md, .tex and .csv: means and intervals over seeds,
    differences of the same seeds, the paper's numbers. With --resume, what is done is skipped and
    what was interrupted goes on.

    Parameters
    ----------
    datasets
        Names, separated by commas; no comma can stand in a path.
    seeds
        Whole numbers, separated by commas.
    """
    from gradassay.reports import (
        accuracy_markdown,
        build_manifest,
        read_results,
        write_accuracy,
    )

    model, training = model or ModelOptions(), training or TrainingOptions()
    keeping, watching = keeping or KeepingOptions(), watching or WatchingOptions()
    names, numbers = require_names("datasets", datasets), whole_numbers(seeds)
    folder = keeping.folder(f"results/bench-train-{'-'.join(map(file_name, names))}")
    told: dict[str, object] = {}
    loaded: dict[str, Dataset] = {}
    checksums: dict[str, str] = {}
    for name in names:  # what is impossible is said before any work
        bench, chosen, settings = prepare_trainings(
            model.problem(name, numbers[0]), training, estimators, set_
        )
        watching.require_possible(bench)
        tell_of_shared_rates(settings, training)
        loaded[name] = bench.whole
        told[name] = bench.settings(chosen) | {"training": settings}
        checksums |= {f"{name}/{file}": digest for file, digest in bench.data.checksums.items()}
    with Trainings(keeping, folder, watching, model.device) as trainings:
        for name, seed in itertools.product(names, numbers):
            problem, whole = model.problem(name, seed), loaded[name]
            work = prepare_trainings(problem, training, estimators, set_, whole=whole)
            trainings.run(*work)
    if not trainings.leads:
        return trainings.exit_code
    manifest = build_manifest(
        command_line(),
        numbers[0],
        {"seeds": numbers, "datasets": told},
        checksums,
        interval_method=watching.interval_method,
    )
    path = trainings.write(manifest)
    results = read_results(folder)
    write_accuracy(folder, results)
    print(accuracy_markdown(results))
    print_line(f"report: {path}")
    return trainings.exit_code


def whole_numbers(seeds: str) -> list[int]:
    """Return seeds that stand between commas, each once.

    Raises
    ------
    UsageError
        If one is no whole number.

    Examples
    --------
    >>> whole_numbers("0,1,2")
    [0, 1, 2]
    """
    try:
        return [int(seed) for seed in require_names("seeds", seeds)]
    except ValueError:
        raise UsageError(
            f"--seeds: got {seeds!r}; expected whole numbers, separated by commas."
        ) from None
