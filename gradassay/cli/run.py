"""``gradassay run``: the main job."""

from __future__ import annotations

from gradassay.cli.checks import exit_code, print_checks, run_with_progress
from gradassay.cli.files import file_name
from gradassay.cli.keeping import KeepingOptions
from gradassay.cli.lines import print_line
from gradassay.cli.options import MAIN_FOUR, Estimators, Options, Settings
from gradassay.cli.publishing import manifest_of
from gradassay.cli.trainings import Trainings, tell_of_shared_rates
from gradassay.cli.verify import SuiteOptions
from gradassay.workbench.measuring import cost_all, designs_for, measure_all, population
from gradassay.workbench.options import ProblemOptions, TrainingOptions
from gradassay.workbench.trainings import prepare_trainings


def run(
    *,
    problem: Options[ProblemOptions] = None,
    training: Options[TrainingOptions] = None,
    keeping: Options[KeepingOptions] = None,
    estimators: Estimators = MAIN_FOUR,
    set_: Settings = None,
    budget: int = 1024,
    batch_size: int = 32,
    strict: bool = False,
) -> int:
    """Verify, measure, train and report: the main job.

    Ctrl-C while it trains ends it after a checkpoint: with --resume that training is gone on with.

    Parameters
    ----------
    budget
        Gradient estimates of each estimator.
    batch_size
        Samples in a mini-batch of the measurement.
    strict
        Exit with 3 where a check is inconclusive.
    """
    from gradassay.reports import read_results, render_markdown
    from gradassay.verify.measuring.measurement import INTERVAL_METHOD
    from gradassay.verify.suite import planned_cases

    options, training = problem or ProblemOptions(), training or TrainingOptions()
    keeping = keeping or KeepingOptions()
    folder = keeping.folder(f"results/{file_name(options.dataset)}")
    bench, chosen, settings = prepare_trainings(options, training, estimators, set_)
    tell_of_shared_rates(settings, training)
    designs = designs_for(chosen, budget, batch_size)
    measured = population(bench)

    checks = run_with_progress(planned_cases(chosen, SuiteOptions(seed=options.seed).settings()))
    print_checks(checks)
    measurements = measure_all(chosen, measured, designs, options.seed)
    cost = cost_all(bench, chosen, measured)
    with Trainings(keeping, folder, device=options.device) as trainings:
        trainings.run(bench, chosen, settings)
    if not trainings.leads:
        return trainings.exit_code
    told = {"designs": {name: repr(d) for name, d in designs.items()}, "training": settings}
    manifest = manifest_of(bench, chosen, told, interval_method=INTERVAL_METHOD)
    path = trainings.write(manifest, measurements=measurements, checks=checks, cost=cost)
    print(render_markdown(read_results(folder)))
    print_line(f"report: {path}")
    return trainings.exit_code or exit_code(checks, strict)
