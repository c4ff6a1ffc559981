"""Looking at growing samples until every test of a law is decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gradassay.core.records import CheckResult, Interval, Verdict
from gradassay.verify.checks.blocks import Blocks, Vectors
from gradassay.verify.checks.case import Case
from gradassay.verify.checks.results import SEVERITY
from gradassay.verify.statistics.intervals import mean_interval, squared_norm_interval
from gradassay.verify.statistics.looks import Looks, equivalence, superblocks
from gradassay.verify.statistics.moments import Float
from gradassay.verify.statistics.planning import replicates_for_mean

# replicates of one call of an estimator, of one block, and at the first look
CALL, ROWS, SUPERBLOCKS = 512, 32, 64
FIRST_LOOK = ROWS * SUPERBLOCKS
# of a ratio of two variances, around 1
VARIANCE_MARGIN = 0.1


def drawn_blocks(draw: Callable[[range], Vectors]) -> Blocks:
    """Return blocks of 32 replicates, drawn in calls of 512."""
    return Blocks(draw, ROWS, CALL)


@dataclass(frozen=True)
class Estimated:
    """An interval, and the standard deviation of what one super-block says."""

    interval: Interval
    spread: float


@dataclass(frozen=True)
class EquivalenceTest:
    """A number that should have a value, and how far from it matters.

    Parameters
    ----------
    statistic : callable
        ``statistic(blocks, level)``.
    low, high : float
        The smallest and the largest value that pass.
    null : float
        Value of a right subject.
    """

    statistic: Callable[[Blocks, float], Estimated]
    low: float
    high: float
    null: float


@dataclass(frozen=True)
class Answer:
    """What the last look said about a test."""

    interval: Interval
    verdict: Verdict
    replicates: int
    look: int
    planned: int
    rate: float


def variance_ratio(name: str, expected: float) -> EquivalenceTest:
    """Return whether the variance of a vector is what a closed form says, within 10 %."""

    def statistic(blocks: Blocks, level: float) -> Estimated:
        ratios = superblocks(blocks.variance(name), SUPERBLOCKS) / expected
        return Estimated(mean_interval(ratios, level, positive=True), float(ratios.std(ddof=1)))

    return EquivalenceTest(statistic, 1 / (1 + VARIANCE_MARGIN), 1 + VARIANCE_MARGIN, 1.0)


def bias_norm(name: str, target: Float, scale: float, margin: float) -> EquivalenceTest:
    """Return whether the mean of a vector is a target, within a share of a scale."""

    def statistic(blocks: Blocks, level: float) -> Estimated:
        means = (superblocks(blocks.mean(name), SUPERBLOCKS) - target) / scale
        square = squared_norm_interval(means @ means.T, level)
        value, low, high = (math.sqrt(max(x, 0.0)) for x in (square.value, square.low, square.high))
        spread = float(np.sqrt(means.var(axis=0, ddof=1).sum()))
        return Estimated(Interval(value, low, high, level), spread)

    return EquivalenceTest(statistic, 0.0, margin, 0.0)


def decide(case: Case, asked: Sequence[tuple[Blocks, EquivalenceTest]]) -> list[Answer]:
    """Look after 2,048 replicates and every doubling, until all is decided or something fails.

    Each test has an equal share of the case's false-alarm rate, and spends it look by look.
    What has passed is not looked at again; blocks may be shared by tests.
    """
    rate, budget = case.rate / len(asked), max(case.settings.budget, FIRST_LOOK)
    looks, answers = Looks(FIRST_LOOK, budget, rate), dict[int, Answer]()
    for look, until in enumerate(looks.counts):
        for place, (blocks, test) in enumerate(asked):
            if look == 0 or answers[place].verdict != "PASS":
                blocks.grow(until)
                answers[place] = _answer(test, blocks, looks, look, until)
        verdicts = {answer.verdict for answer in answers.values()}
        if "FAIL" in verdicts or verdicts == {"PASS"}:
            break
    return list(answers.values())


def _answer(test: EquivalenceTest, blocks: Blocks, looks: Looks, look: int, until: int) -> Answer:
    """Return what one look says."""
    found = test.statistic(blocks, 1 - looks.rate(look))
    interval = found.interval
    verdict = equivalence(interval, margin_low=test.low, margin_high=test.high, null=test.null)
    planned, rate = 0, looks.false_alarm_rate
    if math.isfinite(found.spread):
        planned = replicates_for_mean(
            found.spread * math.sqrt(until / SUPERBLOCKS),
            test.high - test.null,
            false_alarm_rate=rate,
            miss_rate=rate,
        )
    return Answer(interval, verdict, until, look + 1, planned, rate)


def worst_variance(answers: Sequence[Answer]) -> Answer:
    """Return the answer about a ratio of variances that is farthest from a PASS."""

    def distance(answer: Answer) -> float:
        ratio = answer.interval.value
        return abs(math.log(ratio)) if ratio > 0 else math.inf

    return max(answers, key=lambda answer: (SEVERITY[answer.verdict], distance(answer)))


def answered(
    case: Case, answer: Answer, *, claim: str, quantity: str, bound: float, detail: str, causes: str
) -> CheckResult:
    """Return the row of an answer; where and why are told unless it is a PASS."""
    return law_result(
        case,
        claim=claim,
        verdict=answer.verdict,
        interval=answer.interval,
        bound=bound,
        quantity=quantity,
        detail=detail,
        causes=causes,
        evaluations=answer.replicates,
        rate=answer.rate,
        planned=answer.planned,
        look=answer.look,
    )


def law_result(
    case: Case,
    *,
    claim: str,
    verdict: Verdict,
    interval: Interval,
    bound: float,
    quantity: str,
    evaluations: int,
    detail: str = "",
    causes: str = "",
    rate: float = 0.0,
    planned: int = 0,
    look: int = 0,
) -> CheckResult:
    """Return a row; a rate of 0 where nothing is drawn."""
    passed = verdict == "PASS"
    return CheckResult(
        subject=case.subject,
        problem=case.problem.name,
        check=case.check.name,
        level=case.check.level,
        claim=f"{claim} ({case.told})" if case.options else claim,
        verdict=verdict,
        measured=interval.value,
        low=interval.low,
        high=interval.high,
        bound=bound,
        detail="" if passed else detail,
        evaluations=evaluations,
        seed=case.settings.seed,
        quantity=quantity,
        false_alarm_rate=rate,
        planned=planned,
        budget=case.settings.budget if rate else 0,
        look=look,
        causes="" if passed else causes,
    )
