"""``gradassay variance``: what the variance of estimators depends on, beside theory."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradassay.cli.exit_codes import PASSED
from gradassay.cli.files import file_name, prepare_out
from gradassay.cli.options import MAIN_FOUR, Estimators, Options, Overwrite, Settings
from gradassay.cli.publishing import publish
from gradassay.core.builders import network_named
from gradassay.core.curves import ExponentRow, ScalingRow
from gradassay.core.errors import UsageError
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.workbench.estimators import chosen_estimators
from gradassay.workbench.names import listed
from gradassay.workbench.options import ProblemOptions
from gradassay.workbench.progress import bar

if TYPE_CHECKING:
    from gradassay.verify.measuring.problem import Problem
    from gradassay.verify.variance.study import Sizes, Study
    from gradassay.workbench.workbench import Workbench

ALL = "d,m,B,T,alpha,lambda"
WIDTH, STEPS, SAMPLES, MOMENTUM = 64, 4, 16, 0.875
# samples that count as the population
POPULATION = 1000
_FULLY_CONNECTED = re.compile(r"fc((?:-\d+)+)")


@dataclass(frozen=True)
class StudyOptions:
    """How much is drawn.

    Parameters
    ----------
    draws
        Networks with weights of their own at each point, at least 4.
    states
        Independent feedback states, whose age is looked at; at least 4.
    level
        Nominal coverage of the intervals.
    """

    draws: int = 16
    states: int = 32
    level: float = 0.95

    def require_possible(self) -> None:
        """Refuse impossible numbers before any work."""
        for name, value in (("draws", self.draws), ("states", self.states)):
            if value < 4:
                raise UsageError(f"--{name}: got {value}; expected at least 4.")
        if not 0 < self.level < 1:
            raise UsageError(f"--level: got {self.level:g}; expected a number in (0, 1).")


def variance(
    *,
    problem: Options[ProblemOptions] = None,
    drawing: Options[StudyOptions] = None,
    estimators: Estimators = MAIN_FOUR,
    set_: Settings = None,
    over: str = ALL,
    out: Path | None = None,
    overwrite: Overwrite = False,
) -> int:
    """Measure how variance and bias depend on one number at a time, and compare with theory.

    Three studies: against d, m, B, T, alpha and lambda around a base point, with fitted exponents;
    measured variances beside their closed forms, on problems where these hold; feedback that is a
    running average by its age. At the base point: fc-64, T = 4, batches of 16, and lambda 0.875,
    unless they are set.

    Parameters
    ----------
    over
        What to vary, of d (units of each hidden layer), m (classes), B (samples of a batch), T
        (steps), alpha and lambda; separated by commas.
    out
        Results folder; results/variance-DATASET where not given.
    """
    from gradassay.verify.variance.study import INTERVAL_METHOD
    from gradassay.verify.variance.subject import Subject
    from gradassay.workbench.workbench import Workbench

    options, drawing = problem or ProblemOptions(), drawing or StudyOptions()
    options = replace(options, network=options.network or f"fc-{WIDTH}")
    drawing.require_possible()
    wanted = _wanted(over, options)
    folder = prepare_out(out, f"results/variance-{file_name(options.dataset)}", overwrite=overwrite)
    bench = Workbench.prepare(options)
    if options.steps is None and bench.data.steps is None:
        bench = Workbench.prepare(replace(options, steps=STEPS), whole=bench.whole)
    chosen = chosen_estimators([estimators], set_, bench.recipe.options_for)
    bench.require_suitable(chosen)
    study = _study(bench, wanted, drawing)
    work = [
        Subject(name, one, _at_base(name, one, set_ or ()), study, drawing.states)
        for name, one in chosen.items()
    ]
    rows: list[ScalingRow] = []
    exponents: list[ExponentRow] = []
    with bar(sum(one.tasks for one in work), "variance") as advance:
        for one in work:
            found = one.rows(advance)
            rows += found
            exponents += one.exponents(found)
    publish(
        folder,
        bench,
        chosen,
        {"base": repr(study.base), "draws": drawing.draws},
        interval_method=INTERVAL_METHOD,
        overwrite=overwrite,
        scaling=rows,
        exponents=exponents,
    )
    return PASSED


def _wanted(over: str, options: ProblemOptions) -> tuple[str, ...]:
    """Return what is varied, once each."""
    from gradassay.core.errors import unknown_name
    from gradassay.verify.variance.study import VARIABLES

    names = tuple(listed(over))
    for name in names:
        if name not in VARIABLES:
            raise unknown_name("--over", name, VARIABLES)
    network = options.network or ""
    if "d" in names and not _FULLY_CONNECTED.fullmatch(network):
        raise UsageError(
            f"--over d: got --network {network}; expected fc-N-N..., whose hidden layers can be"
            " made wider, or --over without d."
        )
    return names


def _study(bench: Workbench, over: tuple[str, ...], drawing: StudyOptions) -> Study:
    """Return the study of a bench's data and network."""
    from gradassay.verify.variance.study import Sizes, Study

    if "T" in over and bench.data.steps is not None:
        raise UsageError(
            f"--over T: {bench.data.name} has sequences of {bench.data.steps} steps; expected"
            " images, or --over without T."
        )
    layers = bench.network.spiking
    base = Sizes(layers[0].units, bench.network.classes, SAMPLES, bench.network.steps)
    return Study(
        f"{bench.name}, B={SAMPLES}",
        lambda sizes, network: _problem(bench, sizes, network),
        base,
        over,
        drawing.draws,
        seed=bench.options.seed,
        level=drawing.level,
    )


def _problem(bench: Workbench, sizes: Sizes, number: int) -> Problem:
    """Return the problem of these sizes with weights of its own."""
    import numpy as np

    from gradassay.verify.measuring.problem import Problem
    from gradassay.workbench.workbench import input_shape

    data, seed = bench.data, bench.options.seed
    kept = np.flatnonzero(data.train_targets < sizes.classes)
    order = (Key(seed) / "population").generator().permutation(len(kept))[:POPULATION]
    chosen = np.sort(kept[order])
    name = bench.options.network or ""
    if _FULLY_CONNECTED.fullmatch(name) and sizes.units != bench.network.spiking[0].units:
        name = re.sub(r"\d+", str(sizes.units), name)
    network = network_named(
        name, input_shape(data), sizes.classes, steps=sizes.steps, loss=bench.network.loss
    )
    inputs = data.scaling.applied(data.train_inputs[chosen])
    return Problem.build(
        bench.name,
        bench.backend,
        network,
        initial_params(network, Key(seed) / "params" / number, gain=bench.gain),
        inputs if data.steps is None else inputs.swapaxes(0, 1),
        data.train_targets[chosen],
    )


def _at_base(name: str, estimator: Estimator, set_: list[str] | tuple[str, ...]) -> Estimator:
    """Return an estimator with a short memory, unless lambda was set."""
    from gradassay.verify.checks.options import varied
    from gradassay.verify.oracles.declared import claimed_momentum

    told = any(setting.replace(" ", "").startswith(f"{name}.momentum=") for setting in set_)
    if told or claimed_momentum(estimator) is None:
        return estimator
    return varied(estimator, momentum=MOMENTUM) or estimator
