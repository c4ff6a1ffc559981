"""How often a small step along minus an estimate lowers the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.core.records import CheckResult, Interval, Verdict
from gradassay.verify.checks.case import Case, Check, Settings, claims_of
from gradassay.verify.checks.laws.closed_variance import BACKEND
from gradassay.verify.checks.laws.deciding import law_result
from gradassay.verify.checks.options import accepts
from gradassay.verify.oracles.declared import claimed_estimand
from gradassay.verify.oracles.law_problems import drawn_problem
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.looks import Looks
from gradassay.verify.statistics.planning import replicates_for_mean
from gradassay.verify.statistics.proportions import proportion_interval

GRADIENTS = ("online_bp", "spatial_bp", "bptt", "smoothed_loss", "expected_central_difference")
# trials at the first look, at the last, and where no verdict depends on them
FIRST, MOST, REPORTED = 128, 8192, 512
# of the feedback before a trial
UPDATES = 8
# length of a step: curvature changes the loss by its square, rounding by 1e-16
STEP = 1e-5
CAUSES = """\
1 a sign: of the error, of one of two points, of the signal in some layer
2 noise that is not the one in the forward pass, or is that of another layer
3 an offset so large beside alpha times the gradient that the sign of a draw is a coin's"""


def descent_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check; a verdict hangs on it where the mean is the gradient of a loss."""
    if not claims_of(estimator):
        return
    problem = drawn_problem(Key(settings.seed))
    if accepts(estimator, problem):
        yield Case(name, estimator, problem, DESCENT, settings)


def is_gradient(estimator: Estimator) -> bool:
    """Whether the claimed estimand is the gradient of a loss where neurons are smooth."""
    estimand = claimed_estimand(estimator)
    return estimand is not None and estimand.name.removesuffix("_in_weights") in GRADIENTS


def descent(case: Case) -> Iterator[CheckResult]:
    """Count steps that fail to lower the loss, each with parameters, data and noise of its own.

    The interval is Clopper and Pearson's, looked at after 128 trials and every doubling.
    """
    tested = is_gradient(case.estimator)
    most = min(MOST, max(case.settings.budget, FIRST)) if tested else REPORTED
    looks = Looks(FIRST if tested else REPORTED, most, case.rate)
    raised = done = look = 0
    interval = Interval(0.5, 0.0, 1.0, 1.0)
    verdict: Verdict = "INCONCLUSIVE"
    for look, until in enumerate(looks.counts):
        raised += sum(not _lowers(case, number) for number in range(done, until))
        done = until
        interval = proportion_interval(raised, done, 1 - looks.rate(look))
        verdict = _verdict(interval) if tested else "PASS"
        if verdict != "INCONCLUSIVE":
            break
    distance, rate = max(abs(interval.value - 0.5), 1 / math.sqrt(most)), case.rate
    planned = replicates_for_mean(0.5, distance, false_alarm_rate=rate, miss_rate=rate)
    claim = "a small step of the hidden layers against the estimate lowers a smooth loss"
    ending = (
        " more often than not" if tested else ": how often not, measured; no verdict depends on it"
    )
    yield law_result(
        case,
        claim=claim + ending,
        verdict=verdict,
        interval=interval,
        bound=0.5 if tested else 1.0,
        quantity="share of steps that do not lower the loss",
        detail=f"{raised} of {done} steps do not lower the loss",
        causes=CAUSES,
        evaluations=done,
        rate=rate if tested else 0.0,
        planned=planned if tested else 0,
        look=look + 1 if tested else 0,
    )


def _verdict(interval: Interval) -> Verdict:
    if interval.high < 0.5:
        return "PASS"
    return "FAIL" if interval.low > 0.5 else "INCONCLUSIVE"


def _lowers(case: Case, number: int) -> bool:
    """Whether one step of its own lowers the loss."""
    key = case.key / number
    problem = drawn_problem(key)
    direction = hidden_part(problem.network, _estimate(case.estimator, problem, key))
    norm = float(direction.norm())
    if norm == 0 or not math.isfinite(norm):
        return False
    step = STEP / norm
    moved = problem.params.map(lambda w, g: w - step * g, direction)
    return _loss(problem, moved) < _loss(problem, problem.params)


def _estimate(estimator: Estimator, problem: SmallProblem, key: Key) -> Params:
    """Return an estimate after some updates of the feedback, where there is one."""
    given = (BACKEND, problem.network, problem.params, problem.batch)
    state: State = estimator.init(BACKEND, problem.network, key / "init")
    for update in range(UPDATES if state else 0):
        state = estimator.advance(*given, state, key / update)
    return estimator.estimate(*given, state, key / "estimate").gradient


def hidden_part(network: Network, gradient: Params) -> Params:
    """Return a gradient with 0 for the layers above all neurons: their gradient is exact."""
    return Params(
        {
            name: np.asarray(array) * network.below_neurons(name.rpartition(".")[0])
            for name, array in gradient.items()
        }
    )


def _loss(problem: SmallProblem, params: Params) -> float:
    losses = BACKEND.forward(problem.network, params, problem.batch).losses
    return float(losses.sum()) / problem.batch.size


DESCENT = Check("descent", 3, descent)
