"""``gradassay measure``: bias, variance and cost of estimators, with intervals."""

from __future__ import annotations

from pathlib import Path

from gradassay.cli.exit_codes import PASSED
from gradassay.cli.files import file_name, prepare_out
from gradassay.cli.options import MAIN_FOUR, Estimators, Options, Overwrite, Settings
from gradassay.cli.publishing import publish
from gradassay.workbench.estimators import chosen_estimators
from gradassay.workbench.measuring import cost_all, designs_for, measure_all, population
from gradassay.workbench.options import ProblemOptions


def measure(
    *,
    problem: Options[ProblemOptions] = None,
    estimators: Estimators = MAIN_FOUR,
    set_: Settings = None,
    budget: int = 1024,
    batch_size: int = 32,
    out: Path | None = None,
    overwrite: Overwrite = False,
) -> int:
    """Measure bias, variance, cosine and cost of estimators at the initial weights.

    Parameters
    ----------
    budget
        Gradient estimates of each estimator.
    batch_size
        Samples in a mini-batch.
    out
        Results folder; results/measure-DATASET where not given.
    """
    from gradassay.verify.measuring.measurement import INTERVAL_METHOD
    from gradassay.workbench.workbench import Workbench

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
    return PASSED
