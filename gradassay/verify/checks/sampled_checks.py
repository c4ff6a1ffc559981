"""Level 2: mean and variance of an estimator's own draws, sampled until the question is decided.

The draws are looked at after 4,096 replicates and after every doubling. At a look, with D the
estimate less its estimand, three statistics are taken layer by layer: the bias along the estimand,
the squared norm of the bias (a U-statistic), and the largest t of all entries, which names the
entry. Each has its share of the case's false-alarm rate, and spends of it look by look
(`gradassay.verify.statistics.looks`), so that looking often costs nothing in error rate.

PASS: in every layer the upper end of the bias's norm is within the margin. FAIL: some statistic
proves a bias, and the layer is not within the margin; or the bias along the estimand is proven to
be larger than the margin. INCONCLUSIVE: the budget is spent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradassay.core.claims import MomentumFeedback
from gradassay.core.estimator import Estimator
from gradassay.core.layers import Linear
from gradassay.core.records import CheckResult, Verdict
from gradassay.verify.checks.blocks import Blocks, Vectors
from gradassay.verify.checks.case import Case, Check, Settings, cached_problems, claims_of_kind
from gradassay.verify.checks.causes import usual_causes
from gradassay.verify.checks.layer_looks import SUPERBLOCKS, LayerLook, layer_look, worst_layer
from gradassay.verify.checks.options import accepts, noise_or_none
from gradassay.verify.checks.questions import Question, gradient_question, momentum_question
from gradassay.verify.checks.sampling import BLOCK, drawing
from gradassay.verify.oracles.sampled_problems import sampled_problems
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.looks import Looks

FIRST_LOOK = BLOCK * SUPERBLOCKS
# ratios of the variance with control variates to that without: what is told, and what is rounding
WORTH_TELLING, ALL = 1.05, 1e-12


def sampled_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the checks of an estimator's own draws, where it draws any."""
    draws = noise_or_none(estimator) is not None
    momentum = bool(claims_of_kind(estimator, MomentumFeedback))
    for problem in cached_problems(sampled_problems, settings.seed) if draws else ():
        if _decidable(estimator, problem) and accepts(estimator, problem):
            yield Case(name, estimator, problem, UNBIASED, settings)
            if momentum and _shows_momentum(problem):
                yield Case(name, estimator, problem, MOMENTUM, settings)


def _decidable(estimator: Estimator, problem: SmallProblem) -> bool:
    """Whether the default budget decides the question there, for methods like those of the zoo.

    Noise on the weights needs very few of them. Noise that is not injected has no control variates:
    two units a dense layer. The variance grows with their number, and the mean of a single one's
    gradient may nearly vanish.
    """
    position = estimator.noise.position if estimator.noise else "none"
    few = len(problem.params) == 2 and problem.batch.inputs.shape[-1] == 1
    if position == "weights" or few:
        return position == "weights" and few
    dense = all(isinstance(layer, Linear) for layer in problem.network.weighted)
    pairs = all(layer.units == 2 for layer in problem.network.spiking)
    return position != "none" or (dense and pairs)


def _shows_momentum(problem: SmallProblem) -> bool:
    """Whether the budget decides it for M: one hidden layer, or few units and one step."""
    layers = problem.network.spiking
    few = sum(layer.units for layer in layers) <= 3 and problem.network.steps == 1
    return len(layers) == 1 or few


def unbiased(case: Case) -> Iterator[CheckResult]:
    """Compare the mean of the estimator's own draws with its estimand."""
    question = gradient_question(case)
    if question is not None:
        yield _decided(case, question)


def momentum_unbiased(case: Case) -> Iterator[CheckResult]:
    """Compare the mean of the new term of the feedback matrices with the expected Jacobian."""
    question = momentum_question(case)
    if question is not None:
        yield _decided(case, question)


def planned_replicates(case: Case) -> int | None:
    """Return the replicates that a sampled mean needs, from a pilot with draws of its own.

    Parameters
    ----------
    case : Case
        Of `unbiased` or `momentum_unbiased`.

    Returns
    -------
    int or None
        None where there is nothing to compare with.
    """
    question = (gradient_question if case.check == UNBIASED else momentum_question)(case)
    if question is None:
        return None
    blocks = drawing(case, question.given, question.read, "pilot")
    blocks.grow(FIRST_LOOK)
    looks = _looks(case, question)
    found = _found(case, question, blocks, looks.rate(0))
    return max(one.planned(case.settings.margin) for one in found.values())


def _looks(case: Case, question: Question) -> Looks:
    """Return when to look, and each layer's rates."""
    most = max(case.settings.budget, FIRST_LOOK)
    return Looks(FIRST_LOOK, most, case.rate / len(question.target))


def _found(case: Case, question: Question, blocks: Blocks, rate: float) -> dict[str, LayerLook]:
    """Return what a look says about each layer."""
    return {
        name: layer_look(
            blocks,
            question.target,
            name,
            question.shapes[name],
            rate=rate,
            margin=case.settings.margin,
        )
        for name in question.target
    }


def _decided(case: Case, question: Question) -> CheckResult:
    """Draw and look until the question is decided or the budget is spent."""
    blocks, looks = drawing(case, question.given, question.read), _looks(case, question)
    found: dict[str, LayerLook] = {}
    look = 0
    for look, until in enumerate(looks.counts):
        blocks.grow(until)
        found = _found(case, question, blocks, looks.rate(look))
        verdicts = {one.verdict(case.settings.margin) for one in found.values()}
        if "FAIL" in verdicts or verdicts == {"PASS"}:
            break
    claim = question.claim + _reduction(blocks, question.target)
    return _result(case, claim, found, blocks.count, look + 1)


def _reduction(blocks: Blocks, target: Vectors) -> str:
    """Say how much control variates cut the variance, if they did."""
    plain = sum(float(blocks.variance(f"{name} plain").mean()) for name in target)
    controlled = sum(float(blocks.variance(name).mean()) for name in target)
    if plain <= WORTH_TELLING * controlled:
        return ""
    if controlled < ALL * plain:
        return "; control variates take all the variance"
    return f"; control variates cut the variance {plain / controlled:.3g} times"


def _result(
    case: Case, claim: str, found: Mapping[str, LayerLook], count: int, look: int
) -> CheckResult:
    """Return the row: that of the worst layer."""
    margin, worst = case.settings.margin, worst_layer(found, case.settings.margin)
    verdicts: dict[str, Verdict] = {n: one.verdict(margin) for n, one in found.items()}
    verdict = worst.verdict(margin)
    named = [name for name in list(found)[::-1] if verdicts[name] == verdict != "PASS"]
    return CheckResult(
        subject=case.subject,
        problem=case.problem.name,
        check=case.check.name,
        level=case.check.level,
        claim=claim,
        verdict=verdict,
        measured=worst.norm.value,
        low=worst.norm.low,
        high=worst.norm.high,
        bound=margin,
        detail="; ".join(f"{name}: {found[name].told()}" for name in named),
        evaluations=count,
        seed=case.settings.seed,
        quantity="norm of the bias relative to the estimand's",
        false_alarm_rate=case.rate,
        planned=max(one.planned(margin) for one in found.values()),
        budget=case.settings.budget,
        look=look,
        causes=usual_causes(ratios(found)) if verdict == "FAIL" else "",
    )


def ratios(found: Mapping[str, LayerLook]) -> dict[str, float]:
    """Return each layer's mean along its estimand, over the estimand; 1 where it is not wrong."""
    return {
        name: 1.0 if one.plain.covers(0.0) else 1 + one.plain.value for name, one in found.items()
    }


UNBIASED = Check("unbiased", 2, unbiased)
MOMENTUM = Check("momentum_unbiased", 2, momentum_unbiased)
