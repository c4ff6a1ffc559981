"""How the variance of own draws grows with one number: d, m, B, T, 1/alpha^2, lambda."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.records import CheckResult
from gradassay.verify.checks.blocks import Blocks, Vectors
from gradassay.verify.checks.case import Case, Check, Settings
from gradassay.verify.checks.laws.closed_variance import BACKEND, drawn, signal_law, signal_variance
from gradassay.verify.checks.laws.deciding import (
    SUPERBLOCKS,
    EquivalenceTest,
    Estimated,
    answered,
    decide,
    drawn_blocks,
)
from gradassay.verify.checks.laws.momentum_chain import chain, momentum_after
from gradassay.verify.checks.laws.momentum_law import momentum_problem
from gradassay.verify.checks.laws.subjects import has_momentum_law, unfrozen
from gradassay.verify.checks.laws.variance_law import (
    base_size,
    has_signal_law,
    small_in_weights,
)
from gradassay.verify.checks.options import varied
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.law_problems import Size, law_problem
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.intervals import jackknife
from gradassay.verify.statistics.looks import superblocks
from gradassay.verify.statistics.moments import Float

# a missing factor of the number changes its exponent by 1, of its root by 0.5
EXPONENT_MARGIN = 0.15
# settings of each number, and what the exponent is of
UNITS, CLASSES, SAMPLES, STEPS = (4, 8, 16, 32), (2, 4, 8, 16), (2, 4, 8, 16), (2, 4, 8, 16)
SIZES = MappingProxyType({"units": UNITS, "classes": CLASSES, "samples": SAMPLES, "steps": STEPS})
SYMBOLS = MappingProxyType(
    {
        "units": "d",
        "classes": "m",
        "samples": "B",
        "steps": "T",
        "alpha": "alpha",
        "momentum": "(1 - lambda)",
    }
)
ALPHAS = (0.4, 0.2, 0.1, 0.05)
MOMENTA = (0.5, 0.75, 0.875, 0.9375)
IN_WEIGHTS = ("units", "samples")
FEW, MANY = 2, 8
CAUSES = """\
1 in B or T: noise shared by samples or steps, a sum for a mean, or a mean taken twice
2 in d or m: noise missing in some units, or an error that is not each class's own
3 in alpha: a power of alpha too many or missing, an offset that should cancel
4 in 1 - lambda: the factor 1 - lambda missing, or updates that are not counted"""


@dataclass(frozen=True)
class Setting:
    """A value of the number, with the estimator and the problem that have it."""

    value: float
    estimator: Estimator
    problem: SmallProblem


def variance_scaling_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield a check for each number that the claimed law depends on."""
    for over in SYMBOLS:
        found = settings_over(estimator, over, settings.seed)
        if len(found) > 1:
            first = found[0]
            yield Case(
                name, first.estimator, first.problem, VARIANCE_SCALING, settings, {"over": over}
            )


def settings_over(estimator: Estimator, over: str, seed: int) -> list[Setting]:
    """Return the settings of a number; none where the law does not depend on it, or not simply."""
    momentum = has_momentum_law(estimator)
    if not momentum and not has_signal_law(estimator):
        return []
    if over in ("alpha", "momentum"):
        return _over_options(estimator, over, seed) if _depends(estimator, over) else []
    base = Size() if momentum else base_size(estimator)
    subject = unfrozen(estimator) if momentum else small_in_weights(estimator)[0]
    if over == "steps" and base.steps == 1 and noise_model(subject).position != "weights":
        return []
    if noise_model(subject).position == "weights" and over not in IN_WEIGHTS:
        return []
    return _over_sizes(subject, over, base, seed)


def _depends(estimator: Estimator, over: str) -> bool:
    """Whether the law depends on alpha (an offset that does not cancel), or on lambda."""
    if over == "momentum":
        return has_momentum_law(estimator)
    return has_momentum_law(estimator) or signal_law(estimator) == "single_point_variance"


def _over_sizes(estimator: Estimator, over: str, base: Size, seed: int) -> list[Setting]:
    """Return the settings of a size of the problem."""
    found = []
    for value in SIZES[over]:
        changed: dict[str, Any] = {over: value}
        problem = _problem(estimator, replace(base, **changed), seed)
        if problem is not None and (over != "steps" or problem.network.steps == value):
            found.append(Setting(value, estimator, problem))
    return found


def _over_options(estimator: Estimator, over: str, seed: int) -> list[Setting]:
    """Return the settings of an option, on one problem."""
    found = []
    for option in ALPHAS if over == "alpha" else MOMENTA:
        changed = varied(estimator, **{over: option})
        if changed is None:
            return []
        subject = unfrozen(changed)
        problem = _problem(subject, Size(), seed)
        if problem is not None:
            value = 1 - option if over == "momentum" else option
            found.append(Setting(value, subject, problem))
    return found


def _problem(estimator: Estimator, size: Size, seed: int) -> SmallProblem | None:
    if has_momentum_law(estimator):
        return momentum_problem(estimator, size, seed)
    return law_problem(size, seed)


def variance_scaling(case: Case) -> Iterator[CheckResult]:
    """Compare the fitted exponent of the variance with that of the closed form over the range.

    Both are slopes of a least-squares line through log variance against log of the number, so that
    nothing is assumed about how far the range is from any limit.
    """
    over = str(case.options["over"])
    settings = settings_over(case.estimator, over, case.settings.seed)
    updates = MANY if over == "momentum" else FEW
    expected, draws = [], list[Callable[[range], Float]]()
    for number, setting in enumerate(settings):
        key = case.key / number
        law, draw = law_and_draw(setting, key, updates)
        expected.append(law)
        draws.append(draw)
    weights = slope_weights(np.array([setting.value for setting in settings]))
    exponent = float(weights @ np.log(expected))

    def all_rows(numbers: range) -> Vectors:
        return {str(number): draw(numbers) for number, draw in enumerate(draws)}

    test = _exponent(weights, exponent)
    (answer,) = decide(case, [(drawn_blocks(all_rows), test)])
    symbol = SYMBOLS[over]
    values = ", ".join(f"{setting.value:g}" for setting in settings)
    claim = f"variance ~ {symbol}^{exponent:.3g}, the closed form's exponent over {symbol} {values}"
    fitted = f"{exponent + answer.interval.value:.3g}"
    yield answered(
        case,
        answer,
        claim=f"{claim}; fitted {fitted}",
        quantity=f"exponent of the variance in {symbol}, less the closed form's",
        bound=EXPONENT_MARGIN,
        detail=f"exponent {fitted} where the closed form has {exponent:.3g}",
        causes=CAUSES,
    )


def law_and_draw(
    setting: Setting, key: Key, updates: int
) -> tuple[float, Callable[[range], Float]]:
    """Return the closed form of a setting, and what draws."""
    subject, problem = setting.estimator, setting.problem
    if has_momentum_law(subject):
        law = momentum_after(subject, problem, updates, key).variance
        return law, functools.partial(_from_chain, subject, problem, key, updates)
    state: State = subject.init(BACKEND, problem.network, key / "init")
    draw = functools.partial(drawn, subject, problem, state, key / "draw")
    return signal_variance(subject, problem), draw


def _from_chain(
    subject: Estimator, problem: SmallProblem, key: Key, updates: int, numbers: range
) -> Float:
    return chain(subject, problem, key, numbers, (updates,))[updates]


def slope_weights(values: Float | Sequence[float]) -> Float:
    """Return w so that ``w . log(y)`` is the least-squares slope of log y over log of the values.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([1.0, 2.0, 4.0])
    >>> round(float(slope_weights(x) @ np.log(5 * x**-2)), 12)
    -2.0
    """
    centred = np.log(values) - np.log(values).mean()
    weights: Float = centred / float(centred @ centred)
    return weights


def _exponent(weights: Float, exponent: float) -> EquivalenceTest:
    """Return whether the fitted exponent is the closed form's."""

    def statistic(blocks: Blocks, level: float) -> Estimated:
        columns = [superblocks(blocks.variance(str(i)), SUPERBLOCKS) for i in range(len(weights))]
        variances = np.stack(columns, axis=1)
        total, count = variances.sum(axis=0), len(variances)
        left_out = np.log((total - variances) / (count - 1)) @ weights - exponent
        value = float(np.log(total / count) @ weights) - exponent
        single = (variances / (total / count)) @ weights
        return Estimated(jackknife(value, left_out, level), float(single.std(ddof=1)))

    return EquivalenceTest(statistic, -EXPONENT_MARGIN, EXPONENT_MARGIN, 0.0)


VARIANCE_SCALING = Check("variance_scaling", 3, variance_scaling)
