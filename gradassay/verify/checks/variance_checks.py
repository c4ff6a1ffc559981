"""Level 2: the variance of an estimator's own draws with several samples, under random signs.

Over all signs the variance of an estimate of one sample is a sum (`enumerate_estimator`). With B
samples, each with noise of its own, the variance of the mean is the sum of these over B^2; noise
that samples, steps, layers or replicates share makes it another one.

That holds where an estimate of a batch is the mean of its samples' own. A sample whose signal also
depends on the others (a baseline of the batch's losses, batch statistics) is no fault, and has
another variance: the row then says that nothing was compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.claims import MomentumFeedback
from gradassay.core.estimator import Estimator
from gradassay.core.noise import draw_noise
from gradassay.core.params import Params
from gradassay.core.records import CheckResult, Interval, Verdict
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks import bounds
from gradassay.verify.checks.blocks import Vectors
from gradassay.verify.checks.case import (
    Case,
    Check,
    Given,
    Settings,
    cached_problems,
    claims_of_kind,
)
from gradassay.verify.checks.layer_looks import SUPERBLOCKS
from gradassay.verify.checks.options import accepts, varied
from gradassay.verify.checks.results import along, not_measured
from gradassay.verify.checks.sampled_checks import FIRST_LOOK
from gradassay.verify.checks.sampling import BLOCK, Draws, drawing
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.enumeration import MOST_SIGNS, enumerate_estimator
from gradassay.verify.oracles.sampled_problems import sampled_problems
from gradassay.verify.oracles.small_problems import SmallProblem, samples_of
from gradassay.verify.statistics.intervals import mean_interval
from gradassay.verify.statistics.looks import Looks, equivalence, superblocks

# of the ratio of two variances, around 1
MARGIN = 0.1
PROBLEMS = 2
# of one sample; each of several is enumerated
MOST_SAMPLED_SIGNS = MOST_SIGNS - 4
# of the squared mean: a smaller variance is none
ROUNDING = 1e-12
CLAIM = "variance of its own draws = sum of the samples' enumerated ones over B^2 (signs)"
CAUSES = """1 noise shared by samples, steps, layers or replicates (a ratio near B, T, or 0)
2 noise of another scale or law where it is drawn than where it is given
3 a factor on the whole estimate (the ratio is its square)"""


def variance_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check on the problems with most signs that can be enumerated."""
    subject = _with_signs(estimator)
    if subject is None or subject.noise is None or subject.noise.position == "weights":
        return
    if any(claim.use == "after" for claim in claims_of_kind(subject, MomentumFeedback)):
        return  # the product of a batch's mean term and each sample's error is no sum over samples
    problems = [
        problem
        for problem in cached_problems(sampled_problems, settings.seed)
        if _signs(problem) <= MOST_SAMPLED_SIGNS and accepts(subject, problem)
    ]
    for problem in sorted(problems, key=_signs)[-PROBLEMS:]:
        yield Case(name, subject, problem, VARIANCE, settings)


def _with_signs(estimator: Estimator) -> Estimator | None:
    """Return the estimator under Rademacher noise, each sample's and step's its own."""
    found = varied(estimator, law="rademacher")
    return varied(found, pairing="none") or found if found else None


def _signs(problem: SmallProblem) -> int:
    """Return the number of signs of one sample."""
    return problem.network.steps * sum(layer.units for layer in problem.network.spiking)


def variance_as_enumerated(case: Case) -> Iterator[CheckResult]:
    """Compare the variance of own draws with that over all signs of each sample."""
    given = Given.of(case, ReferenceBackend())
    samples = samples_of(case.problem)
    apart = _coupling(case, given, samples)
    if apart > bounds.SAME_NOISE:
        yield _not_compared(case, apart)
        return
    exact = [
        enumerate_estimator(case.estimator, one.network, one.params, one.batch, given.state)[0]
        for one in samples
    ]
    expected = sum(one.variance for one in exact) / len(samples) ** 2
    if expected <= ROUNDING * sum(float(one.mean.dot(one.mean)) for one in exact):
        return  # nothing varies
    blocks = drawing(case, given, _everything)
    looks = Looks(FIRST_LOOK, max(case.settings.budget, FIRST_LOOK), case.rate)
    look = 0
    ratio = Interval.exact(1.0)
    verdict: Verdict = "INCONCLUSIVE"
    for look, until in enumerate(looks.counts):
        blocks.grow(until)
        found = superblocks(blocks.variance("all"), SUPERBLOCKS) / expected
        ratio = mean_interval(found, 1 - looks.rate(look), positive=True)
        verdict = equivalence(ratio, margin_low=1 - MARGIN, margin_high=1 + MARGIN, null=1.0)
        if verdict != "INCONCLUSIVE":
            break
    yield _result(case, ratio, verdict, blocks.count, look + 1)


def _coupling(case: Case, given: Given, samples: list[SmallProblem]) -> float:
    """Return how far, given the noise, an array is from all multiples of its samples' sum.

    The largest of all arrays. A wrong multiple is a fault, which the variance shows.
    """
    estimator, network = case.estimator, case.problem.network
    noise = draw_noise(noise_model(estimator), network, len(samples), case.key / "given noise")

    def estimated(batch: Batch, rows: slice) -> Params:
        own = noise.map(lambda z: z[:, rows])
        return estimator.estimate(
            ReferenceBackend(), network, given.params, batch, given.state, case.key, noise=own
        ).gradient

    together = estimated(given.batch, slice(None))
    each = [estimated(one.batch, slice(row, row + 1)) for row, one in enumerate(samples)]
    return max(along(together[name], sum(one[name] for one in each))[1] for name in together)


def _not_compared(case: Case, apart: float) -> CheckResult:
    """Return the row of an estimator whose variance is no sum over samples."""
    return not_measured(
        subject=case.subject,
        problem=case.problem.name,
        check=case.check.name,
        level=case.check.level,
        claim=CLAIM,
        verdict="INCONCLUSIVE",
        detail="given the same noise, an estimate of the batch is no multiple of its samples' sum"
        f" (relative difference {apart:.2g}): its variance is no sum over samples",
        seed=case.settings.seed,
        low=0.0,
    )


def _everything(draws: Draws) -> Vectors:
    """Return all of a gradient as one vector."""
    parts = [np.asarray(array).reshape(BLOCK, -1) for array in draws.estimate.gradient.values()]
    return {"all": np.concatenate(parts, axis=1)}


def _result(case: Case, ratio: Interval, verdict: Verdict, count: int, look: int) -> CheckResult:
    """Return the row: how far the ratio of the two variances is from 1."""
    ends = sorted((abs(ratio.low - 1), abs(ratio.high - 1)))
    detail = f"{ratio.value:.4g} times the enumerated variance [{ratio.low:.4g}, {ratio.high:.4g}]"
    return CheckResult(
        subject=case.subject,
        problem=case.problem.name,
        check=case.check.name,
        level=case.check.level,
        claim=CLAIM,
        verdict=verdict,
        measured=abs(ratio.value - 1),
        low=0.0 if ratio.covers(1.0) else ends[0],
        high=ends[1],
        bound=MARGIN,
        detail="" if verdict == "PASS" else detail,
        evaluations=count,
        seed=case.settings.seed,
        quantity="relative deviation of the variance",
        false_alarm_rate=case.rate,
        budget=case.settings.budget,
        look=look,
        causes=CAUSES if verdict == "FAIL" else "",
    )


VARIANCE = Check("variance_as_enumerated", 2, variance_as_enumerated)
