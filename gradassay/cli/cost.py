"""``gradassay cost``: what an update of each estimator costs, and how that grows."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gradassay.cli.exit_codes import PASSED
from gradassay.cli.files import file_name, prepare_out
from gradassay.cli.options import MAIN_FOUR, Options, Overwrite, Settings
from gradassay.cli.publishing import publish
from gradassay.core.curves import CostPoint
from gradassay.core.errors import UsageError
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.records import CostRow
from gradassay.workbench.estimators import chosen_estimators
from gradassay.workbench.measuring import cost_all, population
from gradassay.workbench.options import ProblemOptions

if TYPE_CHECKING:
    from gradassay.verify.measuring.problem import Problem
    from gradassay.workbench.workbench import Workbench

# samples that interventions are made on
FEW = 2
HOW = (
    "Counts and closed forms are exact. Times: medians with distribution-free 95 % intervals from"
    " order statistics of interleaved rounds. Peaks of memory: one estimate each."
)


def cost(
    *,
    problem: Options[ProblemOptions] = None,
    estimators: str = MAIN_FOUR,
    set_: Settings = None,
    rounds: int = 15,
    out: Path | None = None,
    overwrite: Overwrite = False,
) -> int:
    """Count, time and weigh an update of each estimator, and show how its cost grows.

    Parameters
    ----------
    estimators
        Names, separated by commas, as in `measure`. The first is what the others' times are
        compared with.
    rounds
        Timed estimates of each at each size; at least 6.
    out
        Results folder; results/cost-DATASET where not given.
    """
    from gradassay.workbench.workbench import Workbench

    if rounds < 6:
        raise UsageError(f"--rounds: got {rounds}; expected at least 6.")
    options = problem or ProblemOptions()
    folder = prepare_out(out, f"results/cost-{file_name(options.dataset)}", overwrite=overwrite)
    bench = Workbench.prepare(options)
    chosen = chosen_estimators([estimators], set_, bench.recipe.options_for)
    bench.require_suitable(chosen)
    measured = population(bench)
    with Console(stderr=True).status("counting") as status:
        rows = cost_all(bench, chosen, measured, repeats=rounds)
        status.update("intervening")
        rows += order_of(bench, chosen, measured)
        status.update("weighing")
        rows += peaks_of(bench, chosen, measured)
        status.update("growing")
        points = growth_of(bench, chosen, rounds)
    publish(
        folder,
        bench,
        chosen,
        {},
        interval_method=HOW,
        overwrite=overwrite,
        cost=rows,
        cost_curves=points,
    )
    return PASSED


def order_of(
    bench: Workbench, estimators: Mapping[str, Estimator], problem: Problem
) -> list[CostRow]:
    """Find out what updates wait for, on a few samples."""
    import numpy as np

    from gradassay.cost import order_rows

    return order_rows(
        estimators,
        bench.backend,
        bench.network,
        problem.params,
        problem.batch([np.arange(min(FEW, problem.size))]),
        Key(bench.options.seed) / "order",
        bench.name,
    )


def peaks_of(
    bench: Workbench, estimators: Mapping[str, Estimator], problem: Problem
) -> list[CostRow]:
    """Measure the peak memory of an estimate of one batch of the recipe's size."""
    import numpy as np

    from gradassay.cost import peak_bytes, peak_rows

    size = min(bench.recipe.settings.batch_size, problem.size)
    batch, key = problem.batch([np.arange(size)]), Key(bench.options.seed) / "peak"
    model = (bench.backend, bench.network)
    work = {
        name: functools.partial(
            estimator.estimate,
            *model,
            problem.params,
            batch,
            estimator.init(*model, key / name / "state"),
            key / name,
        )
        for name, estimator in estimators.items()
    }
    if bench.backend.name.startswith("torch"):
        from gradassay.cost.torch_peaks import torch_peak_bytes

        return peak_rows(work, torch_peak_bytes, problem=bench.name)
    return peak_rows(work, peak_bytes, problem=bench.name)


def growth_of(
    bench: Workbench, estimators: Mapping[str, Estimator], rounds: int
) -> list[CostPoint]:
    """Count, weigh and time dense networks of many sizes, and fit exponents to the counts."""
    from gradassay.bench.memory_curves import GROWTHS, memory_points
    from gradassay.cost.scaling import SWEEPS, exponent_points, feedback_points
    from gradassay.cost.time_curves import TIMED, time_points
    from gradassay.reference_snn import ReferenceBackend

    key = Key(bench.options.seed) / "growth"
    feedback = feedback_points(estimators, ReferenceBackend(), key, SWEEPS)
    memory = memory_points(estimators, key, GROWTHS)
    times = time_points(estimators, bench.backend, key, rounds=rounds, sweep=TIMED)
    return [*memory, *feedback, *exponent_points(feedback), *times]
