"""What is measured on a bench: the population, bias and variance, and costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.records import CostRow, Measurement
from gradassay.workbench.progress import bar

if TYPE_CHECKING:
    from gradassay.verify.measuring.design import Design
    from gradassay.verify.measuring.problem import Problem
    from gradassay.workbench.workbench import Workbench

# samples that count as the population; the surrogate gradient over all of them is the oracle
POPULATION = 2000


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
