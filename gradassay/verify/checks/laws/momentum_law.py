"""Momentum feedback over its updates: mean, variance and direction of M_k at fixed weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.verify.checks.blocks import Vectors
from gradassay.verify.checks.case import Case, Check, Settings
from gradassay.verify.checks.laws.deciding import (
    VARIANCE_MARGIN,
    Answer,
    answered,
    bias_norm,
    decide,
    drawn_blocks,
    variance_ratio,
    worst_variance,
)
from gradassay.verify.checks.laws.momentum_chain import LAYER, chain, momentum_after
from gradassay.verify.checks.laws.subjects import has_momentum_law, unfrozen
from gradassay.verify.checks.options import accepts, fresh_state, varied
from gradassay.verify.oracles.declared import momentum_claim
from gradassay.verify.oracles.law_problems import Size, law_problem
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float

UPDATES = (1, 3, 8)
# at the default of nearly 1, eight updates do not tell an average with memory from a plain one
SHORT_MEMORY = 0.6
CAUSES = """\
1 the factor 1 - lambda, or the correction of the start, missing or there twice
2 M updated twice, not at all, or used on the wrong side of its update
3 noise shared by samples or steps, or pairs that do not cancel: the variance's offset term
4 replicates that share a feedback: a variance too small"""


def momentum_problem(estimator: Estimator, size: Size, seed: int) -> SmallProblem | None:
    """Return the problem of a size, or one with the loss of a sequence of one step, or None."""
    sizes = (size, Size(size.units, size.classes, size.samples, 1, "sequence"))
    problems = (law_problem(one, seed) for one in sizes)
    return next((p for p in problems if accepts(estimator, p) and _learns(estimator, p)), None)


def _learns(estimator: Estimator, problem: SmallProblem) -> bool:
    """Whether the state holds the matrix that is claimed."""
    state = fresh_state(estimator, problem) or {}
    shape = (problem.network.spiking[0].units, problem.network.classes)
    return LAYER in state and np.shape(state[LAYER]) == shape


def momentum_law_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check with the method's own lambda, and with one that forgets."""
    if not has_momentum_law(estimator):
        return
    subject = unfrozen(estimator)
    problem = momentum_problem(subject, Size(), settings.seed)
    if problem is None:
        return
    yield Case(name, subject, problem, MOMENTUM_LAW, settings)
    forgetful = varied(subject, momentum=SHORT_MEMORY)
    if forgetful is not None:
        options = {"momentum": SHORT_MEMORY}
        yield Case(name, forgetful, problem, MOMENTUM_LAW, settings, options)


def momentum_law(case: Case) -> Iterator[CheckResult]:
    """Compare mean and variance of ``M_k e`` over independent chains with the closed forms."""
    subject, problem, key = case.estimator, case.problem, case.key / "chain"
    cosines: dict[int, list[Float]] = {}

    def draw(numbers: range) -> Vectors:
        found = chain(subject, problem, key, numbers, UPDATES)
        for update, rows in found.items():
            cosines.setdefault(update, []).append(_cosines(rows, laws[update].mean))
        return {str(update): rows for update, rows in found.items()}

    laws = {k: momentum_after(subject, problem, k, key) for k in UPDATES}
    margin = case.settings.margin
    last, mean = str(UPDATES[-1]), laws[UPDATES[-1]].mean
    tests = [variance_ratio(str(k), law.variance) for k, law in laws.items()]
    tests.append(bias_norm(last, mean, float(np.linalg.norm(mean)), margin))
    blocks = drawn_blocks(draw)
    *variances, bias = decide(case, [(blocks, test) for test in tests])
    told = _told(case, {k: float(np.concatenate(c).mean()) for k, c in cosines.items()})
    yield answered(
        case,
        bias,
        claim=f"mean of M_k e = momentum_mean, k = {last}; {told}",
        quantity="norm of the bias relative to the law's mean",
        bound=margin,
        detail=f"off by {bias.interval.value:.4g} of it",
        causes=CAUSES,
    )
    yield _worst_variance(case, variances, f"variance of M_k e = momentum_variance; {told}")


def _cosines(rows: Float, mean: Float) -> Float:
    """Return the cosine of each row and the mean."""
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(mean)
    cosines: Float = rows @ mean / np.where(norms == 0, 1.0, norms)
    return cosines


def _told(case: Case, cosines: dict[int, float]) -> str:
    """Return lambda and the mean cosines after each number of updates."""
    momentum = momentum_claim(case.estimator).momentum
    found = ", ".join(f"{cosine:.3g}" for cosine in cosines.values())
    return f"lambda {momentum:g}, k = 1, 3, 8: cosine of M_k e with J^T e {found}"


def _worst_variance(case: Case, answers: list[Answer], claim: str) -> CheckResult:
    """Return the row of the number of updates at which the variance is farthest from its law."""
    times = ", ".join(f"{a.interval.value:.4g}" for a in answers)
    return answered(
        case,
        worst_variance(answers),
        claim=claim,
        quantity="variance over the closed form",
        bound=1 + VARIANCE_MARGIN,
        detail=f"after {', '.join(map(str, UPDATES))} updates {times} times the closed form",
        causes=CAUSES,
    )


MOMENTUM_LAW = Check("momentum_law", 3, momentum_law)
