"""``gradassay measure``: bias, variance and cost of estimators, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gradassay.cli.options import (
    MAIN_FOUR,
    ProblemOptions,
    Settings,
    chosen_estimators,
    file_name,
    prepare_out,
)
from gradassay.cli.progress import bar
from gradassay.cli.publishing import publish
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.records import CostRow, Measurement

if TYPE_CHECKING:
    from gradassay.cli.workbench import Workbench
    from gradassay.verify.measuring.design import Design
    from gradassay.verify.measuring.problem import Problem

# samples that count as the population; the surrogate gradient over all of them is the oracle
POPULATION = 2000


def measure(
    problem: ProblemOptions | None = None,
    *,
    estimators: str = MAIN_FOUR,
    set_: Settings = None,
    budget: int = 1024,
    batch_size: int = 32,
    out: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Measure bias, variance, cosine and cost of estimators at the initial weights.

    Parameters
    ----------
    estimators
        Names, separated by commas; sums such as opzo+0.01*local_learning and module:attribute too.
    set_
        An option of an estimator, NAME.OPTION=VALUE; may be given several times.
    budget
        Gradient estimates of each estimator.
    batch_size
        Samples in a mini-batch.
    out
        Results folder; results/measure-DATASET where not given.
    overwrite
        Replace the results that are there.
    """
    from gradassay.cli.workbench import Workbench
    from gradassay.verify.measuring.measurement import INTERVAL_METHOD

    options = problem or ProblemOptions()
    folder = prepare_out(out, f"results/measure-{file_name(options.dataset)}", overwrite=overwrite)
    bench = Workbench.prepare(options)
    chosen = chosen_estimators([estimators], set_, bench.recipe.options_for)
    bench.require_suitable(chosen)
    measured = population(bench)
    designs = designs_for(chosen, budget, batch_size)
    rows = measure_all(chosen, measured, designs, options.seed)
    cost = cost_all(bench, chosen, measured)
    publish(
        folder,
        bench,
        chosen,
        {"designs": {name: repr(design) for name, design in designs.items()}},
        interval_method=INTERVAL_METHOD,
        overwrite=overwrite,
        measurements=rows,
        cost=cost,
    )
    return 0


def designs_for(
    estimators: Mapping[str, Estimator], budget: int, batch_size: int
) -> dict[str, Design]:
    """Return the design of every estimator; fails before any work where the budget is too small."""
    from gradassay.verify.measuring.design import Design

    return {
        name: Design.for_budget(estimator, budget, batch_size=batch_size)
        for name, estimator in estimators.items()
    }


def measure_all(
    estimators: Mapping[str, Estimator],
    problem: Problem,
    designs: Mapping[str, Design],
    seed: int,
) -> list[Measurement]:
    """Measure all estimators, with a progress bar.

    The smoothed loss is that of the first estimator that draws noise.
    """
    from gradassay.core.noise import NoiseModel
    from gradassay.verify.measuring.measurement import measure as run

    models = [e.noise for e in estimators.values() if e.noise is not None]
    smoothing = NoiseModel(models[0].scale, models[0].law) if models else None
    with bar(sum(design.blocks for design in designs.values()), "measure") as advance:
        return run(estimators, problem, designs, seed=seed, smoothing=smoothing, on_block=advance)


def population(bench: Workbench) -> Problem:
    """Return the problem on at most `POPULATION` training samples."""
    from gradassay.verify.measuring.problem import Problem

    count = min(POPULATION, len(bench.data.train_targets))
    subset = bench.data.subset(count, Key(bench.options.seed) / "population")
    inputs = subset.scaling.applied(subset.train_inputs)
    return Problem.build(
        bench.name,
        bench.backend,
        bench.network,
        bench.params,
        inputs if subset.steps is None else inputs.swapaxes(0, 1),
        subset.train_targets,
    )


def cost_all(
    bench: Workbench, estimators: Mapping[str, Estimator], problem: Problem, *, repeats: int = 15
) -> list[CostRow]:
    """Count and time an update of all estimators on one batch of the recipe's size."""
    import numpy as np

    from gradassay.cost import cost_rows

    size = min(bench.recipe.settings.batch_size, problem.size)
    return cost_rows(
        estimators,
        bench.backend,
        bench.network,
        problem.params,
        problem.batch([np.arange(size)]),
        Key(bench.options.seed) / "cost",
        bench.name,
        repeats=repeats,
    )
