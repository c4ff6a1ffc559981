"""Level 2: the mean under random signs, at an error rate that holds for any number of draws.

Under Rademacher noise an estimate takes finitely many values. On a problem of few signs all of them
are computed first, so that the range of the bias along the estimand is known, and the estimator's
own draws are followed by a betting confidence sequence. Its error rate is no approximation for many
draws, and holds at whatever moment one stops.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.core.claims import MomentumFeedback
from gradassay.core.estimator import Estimator
from gradassay.core.noise import Noise
from gradassay.core.records import CheckResult, Interval, Verdict
from gradassay.estimators.forward_gradient import ForwardGradient
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import Case, Check, Settings, cached_problems, claims_of_kind
from gradassay.verify.checks.causes import usual_causes
from gradassay.verify.checks.layer_looks import SMALLEST_LAYER
from gradassay.verify.checks.options import accepts, varied
from gradassay.verify.checks.questions import Question, gradient_question, momentum_question
from gradassay.verify.checks.results import SEVERITY
from gradassay.verify.checks.sampling import BLOCK, Draws, draw_block
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.enumeration import all_signs
from gradassay.verify.oracles.sampled_problems import off_the_grid, relative_variance
from gradassay.verify.oracles.small_problems import (
    SmallProblem,
    dyadic_problem,
    lively,
    seeds_in_turn,
)
from gradassay.verify.statistics.confidence_sequences import betting_sequence
from gradassay.verify.statistics.looks import equivalence
from gradassay.verify.statistics.moments import Float

FIRST_LOOK = 2048
# what a question calls a layer without control variates
PLAIN = " plain"
# relative to the estimand: rounding, and the narrowest range that is bet on
ROUNDING, NARROWEST = 1e-9, 0.01
# of a directional derivative, relative to the gradient
LARGEST_VARIANCE = 4


def bounded_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the checks of the estimator under random signs, where it can draw them."""
    subject = varied(estimator, law="rademacher")
    if subject is None or subject.noise is None:
        return
    model = subject.noise
    momentum = bool(claims_of_kind(subject, MomentumFeedback))
    told = {} if estimator.noise == model else {"law": "rademacher"}
    problems = cached_problems(bounded_problems, settings.seed)
    problem = next((one for one in problems if accepts(subject, one)), None)
    if problem is None or model.pairing == "batch" or model.position == "weights":
        return
    yield Case(name, subject, problem, BOUNDED, settings, told)
    if momentum:
        yield Case(name, subject, problem, BOUNDED_MOMENTUM, settings, told)


def bounded_problems(seed: int) -> tuple[SmallProblem, ...]:
    """Return problems of one sample; the second for methods that need two hidden layers.

    They have 16 and 128 combinations of signs.
    """

    def drawn(hidden: tuple[int, ...], steps: int) -> Iterator[SmallProblem]:
        for own in seeds_in_turn(seed):
            problem = dyadic_problem(hidden, steps=steps, seed=own, samples=1)
            yield off_the_grid(problem, own)

    return next(filter(_steady, drawn((2,), 2))), next(filter(lively, drawn((4, 3), 1)))


def _steady(problem: SmallProblem) -> bool:
    """Whether layers are live, and directional derivatives vary little enough for the budget.

    Where the contributions of units and steps cancel, it takes millions of draws.
    """
    method = ForwardGradient(law="rademacher")
    return lively(problem) and relative_variance(method, problem) <= LARGEST_VARIANCE


def bounded_mean(case: Case) -> Iterator[CheckResult]:
    """Compare the mean gradient along its estimand with it."""
    question = gradient_question(case)
    if question is not None:
        yield from _decided(case, question)


def bounded_momentum(case: Case) -> Iterator[CheckResult]:
    """Compare the mean of M's new term along the expected Jacobian with it."""
    question = momentum_question(case)
    if question is not None:
        yield from _decided(case, question)


def _decided(case: Case, question: Question) -> Iterator[CheckResult]:
    """Draw and look until the question is decided or the budget is spent.

    Where the estimand is 0 in every layer there is no direction, and no result.
    """
    ranges = _ranges(case, question)
    if not ranges:
        return
    level = 1 - case.rate / len(ranges)
    most = max(case.settings.budget // BLOCK * BLOCK, FIRST_LOOK)
    drawn: dict[str, Float] = {name: np.zeros(0) for name in ranges}
    count = look = 0
    while True:
        until = min(max(2 * count, FIRST_LOOK), most)
        numbers = range(count // BLOCK, until // BLOCK)
        blocks = [_along(question, draw_block(case, question.given, number)) for number in numbers]
        drawn = {n: np.concatenate([v, *(block[n] for block in blocks)]) for n, v in drawn.items()}
        count, look = until, look + 1
        outcome = _worst(drawn, ranges, level, case.settings.margin)
        if outcome.verdict != "INCONCLUSIVE" or count == most:
            break
    yield _result(case, question, outcome, count, look)


def _along(question: Question, draws: Draws) -> dict[str, Float]:
    """Return each draw's difference from the estimand, along it and relative to it, by layer.

    With and without control variates. A layer whose estimand is 0 has no direction; a small one
    counts as in `layer_look`.
    """
    rows = question.read(draws)
    norms = {name: float(np.linalg.norm(g)) for name, g in question.target.items()}
    everything = math.hypot(*norms.values())
    found: dict[str, Float] = {}
    for name, norm in norms.items():
        if norm > ROUNDING * everything:
            scale = max(norm, SMALLEST_LAYER * everything)
            direction = question.target[name] / (norm * scale)
            found |= {one: rows[one] @ direction for one in (name, f"{name}{PLAIN}")}
    return found


def _ranges(case: Case, question: Question) -> dict[str, tuple[float, float]]:
    """Return the smallest and the largest value of each layer over all signs."""
    model, problem, given = noise_model(case.estimator), case.problem, question.given
    signs = all_signs(problem.network, model)
    count = next(iter(signs.values())).shape[1]
    found: dict[str, list[Float]] = {}
    for start in range(0, count, BLOCK):
        # the last block is filled up from the start
        part = np.arange(start, start + BLOCK) % count
        noise = Noise(model.scale, {n: z[:, part] for n, z in signs.items()}, model.position)
        backend, key, replicates = ReferenceBackend(), case.key / "range", range(BLOCK)
        estimate = case.estimator.estimate(
            backend,
            problem.network,
            given.params,
            given.batch,
            given.state,
            key,
            replicates=replicates,
            noise=noise,
        )
        for name, values in _along(question, Draws(estimate, noise)).items():
            found.setdefault(name, []).append(values)
    return {name: _widened(np.concatenate(values)) for name, values in found.items()}


def _widened(values: Float) -> tuple[float, float]:
    """Return a range that holds the values, rounding, and 0."""
    slack = ROUNDING * (1 + float(np.abs(values).max()))
    low, high = float(values.min()) - slack, float(values.max()) + slack
    return min(low, -NARROWEST), max(high, NARROWEST)


@dataclass(frozen=True)
class LayerOutcome:
    """What a look says: the layer, the interval of its bias, the verdict, and why it failed."""

    layer: str
    bias: Interval
    verdict: Verdict
    detail: str = ""


def _worst(
    drawn: Mapping[str, Float],
    ranges: Mapping[str, tuple[float, float]],
    level: float,
    margin: float,
) -> LayerOutcome:
    """Return the outcome of the layer with a proven fault, or whose bias may be largest."""
    found = []
    for name, ends in ranges.items():
        plain, layer = name.endswith(PLAIN), name.removesuffix(PLAIN)
        one = _outcome(layer, drawn[name], ends, level, margin, plain=plain)
        if one.verdict == "FAIL" or not plain:
            found.append(one)
    return max(found, key=lambda one: (SEVERITY[one.verdict], _size(one.bias)))


def _size(bias: Interval) -> float:
    """Return how large the bias may be."""
    return max(abs(bias.low), abs(bias.high))


def _outcome(
    layer: str,
    values: Float,
    ends: tuple[float, float],
    level: float,
    margin: float,
    *,
    plain: bool,
) -> LayerOutcome:
    """Return what one layer's draws say.

    Without control variates the interval is wide: there only a bias beyond the margin counts, which
    variates made from noise of a wrong law may hide.
    """
    mean = float(values.mean())
    outside = values[(values < ends[0]) | (values > ends[1])]
    if len(outside):
        told = f"{layer}: a draw of {1 + outside[0]:.4g} times the estimand, which no signs give"
        return LayerOutcome(layer, Interval(mean, mean, mean, level), "FAIL", told)
    lower, upper = betting_sequence(values, level, low=ends[0], high=ends[1])
    bias = Interval(mean, float(lower[-1]), float(upper[-1]), level)
    verdict = equivalence(bias, margin_low=-margin, margin_high=margin, null=0.0)
    if plain:
        verdict = "FAIL" if bias.low > margin or bias.high < -margin else "PASS"
    interval = f"[{1 + bias.low:.4g}, {1 + bias.high:.4g}]"
    told = f"{layer}: {1 + mean:.4g} times the estimand {interval}"
    return LayerOutcome(layer, bias, verdict, "" if verdict == "PASS" else told)


def _result(
    case: Case, question: Question, outcome: LayerOutcome, count: int, look: int
) -> CheckResult:
    """Return the row."""
    bias, failed = outcome.bias, outcome.verdict == "FAIL"
    ends = sorted((abs(bias.low), abs(bias.high)))
    return CheckResult(
        subject=case.subject,
        problem=case.problem.name,
        check=case.check.name,
        level=case.check.level,
        claim=f"{question.claim}, along it (random signs)",
        verdict=outcome.verdict,
        measured=abs(bias.value),
        low=0.0 if bias.covers(0.0) else ends[0],
        high=ends[1],
        bound=case.settings.margin,
        detail=outcome.detail,
        evaluations=count,
        seed=case.settings.seed,
        quantity="bias along the estimand, relative to it",
        false_alarm_rate=case.rate,
        budget=case.settings.budget,
        look=look,
        causes=usual_causes({outcome.layer: 1 + bias.value}) if failed else "",
    )


BOUNDED = Check("bounded_mean", 2, bounded_mean)
BOUNDED_MOMENTUM = Check("bounded_momentum", 2, bounded_momentum)
