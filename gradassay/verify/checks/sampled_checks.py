"""Level 2: mean and variance of an estimator's own draws, sampled until the question is decided.

The draws are looked at after 2,048 replicates and after every doubling. At a look, with D the
estimate less its estimand, three statistics are taken layer by layer: the bias along the estimand,
the squared norm of the bias (a U-statistic), and the largest t of all entries, which names the
entry. Each has its share of the case's false-alarm rate, and spends of it look by look
(`gradassay.verify.statistics.looks`), so that looking often costs nothing in error rate.

PASS: in every layer the upper end of the bias's norm is within the margin. FAIL: some statistic
proves a bias, and the layer is not within the margin; or the bias along the estimand is proven to
be larger than the margin. INCONCLUSIVE: the budget is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradassay.core.claims import MomentumFeedback
from gradassay.core.estimator import Estimator
from gradassay.core.layers import Linear
from gradassay.core.records import CheckResult, Verdict
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import Case, Check, Given, Settings, cached_problems, claims_of
from gradassay.verify.checks.causes import usual_causes
from gradassay.verify.checks.control_variates import (
    control_variate,
    momentum_control_variate,
    weight_control_variate,
)
from gradassay.verify.checks.identity_checks import accepts
from gradassay.verify.checks.layer_looks import SUPERBLOCKS, LayerLook, layer_look
from gradassay.verify.checks.options import noise_or_none
from gradassay.verify.checks.sampling import BLOCK, BlockMeans, Draws, Vectors, draw_block
from gradassay.verify.oracles.means import momentum_mean, oracle_mean
from gradassay.verify.oracles.sampled_problems import sampled_problems
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.looks import Looks
from gradassay.verify.statistics.moments import Float

FIRST_LOOK = BLOCK * SUPERBLOCKS
TOGETHER = "all parameters"
Shapes = Mapping[str, Mapping[str, tuple[int, ...]]]
UNDECIDED: Verdict = "INCONCLUSIVE"


def sampled_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the checks of an estimator's own draws, where it draws any."""
    draws = noise_or_none(estimator) is not None
    momentum = any(isinstance(claim, MomentumFeedback) for claim in claims_of(estimator))
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


@dataclass(frozen=True)
class Question:
    """Whether the mean of some vectors is what it should be.

    Parameters
    ----------
    claim : str
        For people.
    target : mapping from name to array, shape (p,)
        What the means should be.
    shapes : mapping
        Shapes of the arrays in each vector, by name.
    read : callable
        Gives a block's differences from the target, as `layer_look` wants them.
    given : Given
        Parameters, batch and state.
    """

    claim: str
    target: Vectors
    shapes: Shapes
    read: Callable[[Draws], Vectors]
    given: Given


def unbiased(case: Case) -> Iterator[CheckResult]:
    """Compare the mean of the estimator's own draws with its estimand."""
    question = _of_gradient(case)
    if question is not None:
        yield _decided(case, question)


def momentum_unbiased(case: Case) -> Iterator[CheckResult]:
    """Compare the mean of the new term of the feedback matrices with the expected Jacobian."""
    question = _of_momentum(case)
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
    question = (_of_gradient if case.check == UNBIASED else _of_momentum)(case)
    if question is None:
        return None
    blocks = BlockMeans(question.read)
    for number in range(SUPERBLOCKS):
        blocks.add(draw_block(case, question.given, number, "pilot"))
    looks = _looks(case, question)
    found = _found(case, question, blocks, looks.rate(0))
    return max(one.planned(case.settings.margin) for one in found.values())


def _of_gradient(case: Case) -> Question | None:
    """Return the question about the gradient; None without an oracle."""
    given = Given.of(case, ReferenceBackend())
    oracle = oracle_mean(case.estimator, case.problem, given.state)
    if oracle is None:
        return None
    shapes = _groups(case)
    target = _vectors(shapes, oracle.mean, folded=False)
    control, in_weights = control_variate(case, given.state), None
    if TOGETHER in target:
        in_weights = weight_control_variate(case, target[TOGETHER])

    def read(draws: Draws) -> Vectors:
        rows = _vectors(shapes, draws.estimate.gradient, folded=True)
        plain = {name: rows[name] - target[name] for name in target}
        variate = control(draws) if control else {}
        if in_weights:
            variate = {TOGETHER: in_weights(draws)}
        return {
            **{f"{name} plain": array for name, array in plain.items()},
            **{name: array - variate.get(name, 0.0) for name, array in plain.items()},
        }

    return Question(f"mean of its own draws = {oracle.says}", target, shapes, read, given)


def _groups(case: Case) -> Shapes:
    """Return the parameters that are looked at together: a layer's, or all where z is on all."""
    network, model = case.problem.network, case.estimator.noise
    if model is not None and model.position == "weights":
        return {TOGETHER: network.shapes}
    return {layer.name: layer.shapes for layer in network.weighted}


def _vectors(groups: Shapes, gradient: Mapping[str, Float], *, folded: bool) -> Vectors:
    """Return each group's gradient as vectors: (R, p), or (p,) where not folded."""
    found = {}
    for name, shapes in groups.items():
        parts = [np.asarray(gradient[parameter]) for parameter in shapes]
        lead = (len(parts[0]), -1) if folded else (-1,)
        found[name] = np.concatenate([part.reshape(lead) for part in parts], axis=-1)
    return found


def _of_momentum(case: Case) -> Question | None:
    """Return the question about the new term of M; None without an oracle."""
    given = Given.of(case, ReferenceBackend())
    after = momentum_mean(case.estimator, case.problem, given.state)
    if after is None:
        return None
    claim = next(c for c in case.estimator.claims if isinstance(c, MomentumFeedback))
    kept, share = claim.momentum, 1 - claim.momentum
    before = {name: np.asarray(given.state[name]) for name in after}
    target = {name: np.ravel(m - kept * before[name]) / share for name, m in after.items()}
    frozen = all(np.array_equal(after[name], before[name]) for name in after)
    control = momentum_control_variate(case, 0.0 if frozen else claim.gain)

    def read(draws: Draws) -> Vectors:
        rows: dict[str, Float] = {}
        for name, variate in control(draws).items():
            term = (np.asarray(draws.estimate.state[name]) - kept * before[name]) / share
            rows[f"{name} plain"] = term.reshape(BLOCK, -1) - target[name]
            rows[name] = rows[f"{name} plain"] - variate
        return rows

    shapes = {name: {f"M of {name}": m.shape} for name, m in after.items()}
    claimed = "mean of the new term of M = expected Jacobian, transposed"
    return Question(claimed, target, shapes, read, given)


def _looks(case: Case, question: Question) -> Looks:
    """Return when to look, and each layer's rates."""
    most = max(case.settings.budget, FIRST_LOOK)
    return Looks(FIRST_LOOK, most, case.rate / len(question.target))


def _found(case: Case, question: Question, blocks: BlockMeans, rate: float) -> dict[str, LayerLook]:
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
    blocks, looks = BlockMeans(question.read), _looks(case, question)
    found: dict[str, LayerLook] = {}
    count = look = 0
    for look, until in enumerate(looks.counts):
        for number in range(count // BLOCK, until // BLOCK):
            blocks.add(draw_block(case, question.given, number))
        count = until
        found = _found(case, question, blocks, looks.rate(look))
        verdicts = {one.verdict(case.settings.margin) for one in found.values()}
        if "FAIL" in verdicts or verdicts == {"PASS"}:
            break
    claim = question.claim + _reduction(blocks, question.target)
    return _result(case, claim, found, count, look + 1)


def _reduction(blocks: BlockMeans, target: Vectors) -> str:
    """Say how much control variates cut the variance, if they did."""
    plain = sum(float(blocks.variance(f"{name} plain").mean()) for name in target)
    controlled = sum(float(blocks.variance(name).mean()) for name in target)
    if plain <= 1.05 * controlled:
        return ""
    if controlled < 1e-12 * plain:
        return "; control variates take all the variance"
    return f"; control variates cut the variance {plain / controlled:.3g} times"


def _result(
    case: Case, claim: str, found: Mapping[str, LayerLook], count: int, look: int
) -> CheckResult:
    """Return the row: that of the layer whose bias may be largest."""
    margin = case.settings.margin
    verdicts: dict[str, Verdict] = {n: one.verdict(margin) for n, one in found.items()}
    verdict = _worst(list(verdicts.values()))
    worst = max(found.values(), key=lambda one: one.norm.high)
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


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return FAIL before INCONCLUSIVE before PASS."""
    return "FAIL" if "FAIL" in verdicts else verdicts[0] if len(set(verdicts)) == 1 else UNDECIDED


def ratios(found: Mapping[str, LayerLook]) -> dict[str, float]:
    """Return each layer's mean along its estimand, over the estimand; 1 where it is not wrong."""
    return {
        name: 1.0 if one.plain.covers(0.0) else 1 + one.plain.value for name, one in found.items()
    }


UNBIASED = Check("unbiased", 2, unbiased)
MOMENTUM = Check("momentum_unbiased", 2, momentum_unbiased)
