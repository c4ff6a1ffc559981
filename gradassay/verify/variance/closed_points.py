"""Measured variances beside their closed forms, on problems where these hold exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from gradassay.core.curves import ScalingRow
from gradassay.core.estimator import Estimator
from gradassay.core.records import Interval
from gradassay.verify.checks.blocks import Vectors
from gradassay.verify.checks.case import Case, Settings
from gradassay.verify.checks.laws.deciding import SUPERBLOCKS, drawn_blocks
from gradassay.verify.checks.laws.proposition_4_1 import (
    law_and_rows,
    proposition_4_1_cases,
    settings_of,
)
from gradassay.verify.checks.laws.subjects import has_momentum_law
from gradassay.verify.checks.laws.variance_law import SEEN, base_size
from gradassay.verify.checks.laws.variance_scaling import (
    FEW,
    MANY,
    law_and_draw,
    settings_over,
    variance_scaling_cases,
)
from gradassay.verify.oracles.law_problems import Size, law_problem
from gradassay.verify.statistics.intervals import mean_interval
from gradassay.verify.statistics.looks import superblocks
from gradassay.verify.statistics.moments import Float
from gradassay.verify.variance.rows import scaling_row

VARIANCE, PREDICTED, PRINTED = "variance", "predicted_variance", "printed_variance"
REPLICATES = 4096
# the law's names of what is varied, and the study's
VARIABLES = MappingProxyType(
    {
        "units": "d",
        "classes": "m",
        "samples": "B",
        "steps": "T",
        "alpha": "alpha",
        "momentum": "1-lambda",
    }
)


@dataclass(frozen=True)
class ClosedPoint:
    """One setting: the variance that its closed form has, and what draws.

    Parameters
    ----------
    problem, variable : str
        As in `ScalingRow`.
    at : float
        Value of the variable.
    exact : float
        Variance by the closed form.
    printed : float
        By the formula as its source prints it; NaN where that is the same.
    draw : callable
        ``draw(numbers)`` gives the vectors of some replicates under the name `SEEN`.
    """

    problem: str
    variable: str
    at: float
    exact: float
    printed: float
    draw: Callable[[range], Vectors]


def closed_points(name: str, estimator: Estimator, settings: Settings) -> Iterator[ClosedPoint]:
    """Yield the settings of an estimator whose claims have a closed form.

    One hidden layer, a readout without memory, the mean squared error, psi constant: there the
    outputs are linear and the loss is quadratic in noise on the spikes, which a spiking network
    meets above its last hidden layer only. Proposition 4.1's settings draw batches from a
    population of four samples as well.

    Parameters
    ----------
    name : str
        In records.
    estimator : Estimator
        One without a claim of a variance law has no points.
    settings : Settings
        Gives the seed.
    """
    for case in variance_scaling_cases(name, estimator, settings):
        yield from _one_number(case)
    for case in proposition_4_1_cases(name, estimator, settings):
        yield from _proposition(case)


def _one_number(case: Case) -> Iterator[ClosedPoint]:
    """Yield the points over one number, at the base point of the others."""
    over, momentum = str(case.options["over"]), has_momentum_law(case.estimator)
    base = law_problem(Size() if momentum else base_size(case.estimator), case.settings.seed)
    updates = MANY if over == "momentum" else FEW
    told = f", M after {updates} updates" if momentum else ""
    for number, one in enumerate(settings_over(case.estimator, over, case.settings.seed)):
        law, draw = law_and_draw(one, case.key / "closed" / number, updates)
        yield ClosedPoint(
            f"law problem: {base.name}{told}",
            VARIABLES[over],
            float(one.value),
            law,
            math.nan,
            partial(_seen, draw),
        )


def _seen(draw: Callable[[range], Float], numbers: range) -> Vectors:
    return {SEEN: draw(numbers)}


def _proposition(case: Case) -> Iterator[ClosedPoint]:
    """Yield the points of Proposition 4.1, over data and noise, in one reading."""
    problem = f"law problem, batches of a population of 4, Prop. 4.1: {case.options['reading']}"
    for number, setting in enumerate(settings_of(case.estimator, case.problem, case.settings.seed)):
        law, rows = law_and_rows(case, setting, case.key / "closed" / number)
        variable, _, value = setting.told.partition("=")
        if variable == "momentum":
            variable, value = "1-lambda", str(1 - float(value))
        if not value:
            variable, value = "base", "1"
        yield ClosedPoint(problem, variable, float(value), law.exact, law.printed, rows)


def measured_point(
    point: ClosedPoint, subject: str, seed: int, level: float, replicates: int = REPLICATES
) -> list[ScalingRow]:
    """Return the rows of a point: measured, by the closed form, and as printed.

    Parameters
    ----------
    point : ClosedPoint
    subject : str
        The estimator.
    seed : int
        Of the run.
    level : float
        Nominal coverage; Student's t over 64 blocks, on the logarithm.
    replicates : int
        A multiple of 2,048.
    """
    blocks = drawn_blocks(point.draw)
    blocks.grow(replicates)
    variance = mean_interval(superblocks(blocks.variance(SEEN), SUPERBLOCKS), level, positive=True)
    found = {VARIANCE: variance, PREDICTED: Interval.exact(point.exact)}
    if not math.isnan(point.printed):
        found[PRINTED] = Interval.exact(point.printed)
    return [
        scaling_row(
            subject,
            point.problem,
            point.variable,
            point.at,
            quantity,
            one,
            replicates=blocks.count if quantity == VARIANCE else 0,
            seed=seed,
        )
        for quantity, one in found.items()
    ]
