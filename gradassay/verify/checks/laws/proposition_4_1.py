"""Proposition 4.1, in two readings: the variance over data and noise, exact and as printed.

==================== ======================== =================================
method               first reading            second reading
==================== ======================== =================================
single point         one draw a sample        one draw for the whole batch
momentum feedback    offsets stay (no pairs)  offsets cancel (pairs of samples)
==================== ======================== =================================

The verdict is on the exact variance; the printed formula is reported beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.noise import Noise, draw
from gradassay.core.records import CheckResult
from gradassay.verify.checks.blocks import Blocks, Vectors
from gradassay.verify.checks.case import Case, Check, Settings
from gradassay.verify.checks.laws.closed_variance import BACKEND, seen_in, signal_law
from gradassay.verify.checks.laws.deciding import (
    VARIANCE_MARGIN,
    Answer,
    EquivalenceTest,
    answered,
    decide,
    drawn_blocks,
    variance_ratio,
    worst_variance,
)
from gradassay.verify.checks.laws.momentum_chain import LAYER, chain_states, sent_down
from gradassay.verify.checks.laws.momentum_law import momentum_problem
from gradassay.verify.checks.laws.population import (
    Predicted,
    Reading,
    momentum_predicted,
    resampled,
    single_point_predicted,
)
from gradassay.verify.checks.laws.subjects import has_momentum_law, unfrozen
from gradassay.verify.checks.laws.variance_law import SEEN, has_signal_law
from gradassay.verify.checks.options import accepts, varied
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.law_problems import Size, law_problem
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float

POPULATION, UPDATES = 4, 4
BASE = Size(samples=POPULATION, steps=1)
READINGS = {"own": "one draw a sample", "shared": "one draw for the batch"}
PAIRINGS = {"none": "no pairs", "batch": "pairs of samples"}
# options that are changed one at a time, where the method has them
OPTIONS = {"alpha": 0.4, "momentum": 0.6}
CAUSES = """\
1 noise shared by samples where it should be each one's own, or a mean taken twice
2 offsets that stay where pairs should cancel them
3 a factor in the signal: variance goes with its square"""


@dataclass(frozen=True)
class Setting:
    """One point of the range: what differs from the base, the batch's size, who, where."""

    told: str
    size: int
    estimator: Estimator
    problem: SmallProblem


def proposition_4_1_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield both readings, for a single point and for momentum feedback."""
    problem = law_problem(BASE, settings.seed)
    if has_signal_law(estimator) and signal_law(estimator) == "single_point_variance":
        if noise_model(estimator).position == "spike" and accepts(estimator, problem):
            for told in READINGS.values():
                yield Case(name, estimator, problem, PROPOSITION, settings, {"reading": told})
    if not has_momentum_law(estimator):
        return
    for pairing, told in PAIRINGS.items():
        subject = varied(unfrozen(estimator), pairing=pairing)
        found = momentum_problem(subject, BASE, settings.seed) if subject else None
        if subject is not None and found is not None and found.batch.size == POPULATION:
            yield Case(name, subject, found, PROPOSITION, settings, {"reading": told})


def proposition_4_1(case: Case) -> Iterator[CheckResult]:
    """Compare the variance over data and noise with both formulas, over d, m, B, alpha, lambda."""
    settings = list(settings_of(case.estimator, case.problem, case.settings.seed))
    predicted, asked = list[Predicted](), list[tuple[Blocks, EquivalenceTest]]()
    for number, setting in enumerate(settings):
        law, rows = law_and_rows(case, setting, case.key / number)
        predicted.append(law)
        asked.append((drawn_blocks(rows), variance_ratio(SEEN, law.exact)))
    answers = decide(case, asked)
    shares = [
        f"{s.told} {a.interval.value * p.exact / p.printed:.3g}"
        for s, a, p in zip(settings, answers, predicted, strict=True)
    ]
    yield answered(
        case,
        worst_variance(answers),
        claim="variance over data and noise = the exact one; over the formula as printed:"
        f" {', '.join(shares)}",
        quantity="variance over the exact one",
        bound=1 + VARIANCE_MARGIN,
        detail=_detail(settings, answers),
        causes=CAUSES,
    )


def _detail(settings: list[Setting], answers: list[Answer]) -> str:
    pairs = zip(settings, answers, strict=True)
    return "; ".join(f"{s.told}: {a.interval.value:.4g} times" for s, a in pairs)


def settings_of(estimator: Estimator, problem: SmallProblem, seed: int) -> Iterator[Setting]:
    """Yield the base, and one change of each number."""
    over = problem.network.loss.over
    base = replace(BASE, over=over)
    yield Setting("base", 2, estimator, problem)
    yield Setting("d=16", 2, estimator, law_problem(replace(base, units=16), seed))
    yield Setting("m=8", 2, estimator, law_problem(replace(base, classes=8), seed))
    yield Setting("B=8", 8, estimator, problem)
    for option, value in OPTIONS.items():
        changed = varied(estimator, **{option: value})
        if changed is not None:
            yield Setting(f"{option}={value:g}", 2, changed, problem)


def law_and_rows(
    case: Case, setting: Setting, key: Key
) -> tuple[Predicted, Callable[[range], Vectors]]:
    """Return both formulas of a setting, and what draws."""
    subject, problem, size = setting.estimator, setting.problem, setting.size
    if has_momentum_law(subject):
        law = momentum_predicted(subject, problem, size, UPDATES, key)
        return law, lambda numbers: {SEEN: _fed_back(setting, key, numbers)}
    told = {text: reading for reading, text in READINGS.items()}
    reading = cast(Reading, told[str(case.options["reading"])])
    law = single_point_predicted(subject, problem, size, reading)
    return law, lambda numbers: {SEEN: _single_points(setting, key, numbers, reading)}


def _fed_back(setting: Setting, key: Key, numbers: range) -> Float:
    """Return what new batches are sent down, each by a feedback of its own."""
    subject = setting.estimator
    state = chain_states(subject, setting.problem, key, numbers, (UPDATES,))[UPDATES]
    batches = resampled(setting.problem, setting.size, key / "data", numbers)
    return sent_down(subject, batches, state, key, numbers)


def _single_points(setting: Setting, key: Key, numbers: range, reading: Reading) -> Float:
    """Return single points of new batches, noise of their own or given to a whole batch."""
    subject, network = setting.estimator, setting.problem.network
    batches = resampled(setting.problem, setting.size, key / "data", numbers)
    state: State = subject.init(BACKEND, network, key / "init")
    noise = None
    if reading == "shared":
        model, shape = noise_model(subject), (1, 1, network.spiking[0].units)
        drawn = [
            draw(model.law, shape, g, np.float64).repeat(setting.size, axis=1)
            for g in (key / "noise").numbered(numbers)
        ]
        noise = Noise(model.scale, {LAYER: np.concatenate(drawn, axis=1)}, model.position)
    estimate = subject.estimate(
        BACKEND,
        network,
        batches.params,
        batches.batch,
        state,
        key / "draw",
        replicates=numbers,
        noise=noise,
    )
    return seen_in(subject, estimate.gradient)


PROPOSITION = Check("proposition_4_1", 3, proposition_4_1)
