"""Variance of an estimator's own draws over the closed form that it claims."""

from __future__ import annotations

from collections.abc import Iterator

from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.verify.checks.case import Case, Check, Settings
from gradassay.verify.checks.laws.closed_variance import (
    BACKEND,
    drawn,
    signal_law,
    signal_variance,
)
from gradassay.verify.checks.laws.deciding import (
    VARIANCE_MARGIN,
    answered,
    decide,
    drawn_blocks,
    variance_ratio,
)
from gradassay.verify.checks.options import accepts, noise_or_none, varied
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.law_problems import Size, law_problem

SEEN = "signal"
# beyond it a loss is not linear in the weights over the reach of the noise
LARGEST_SCALE_IN_WEIGHTS = 0.01
SMALLEST_IN_WEIGHTS = Size(units=3, classes=2, steps=1, smooth=True)
CAUSES = """\
1 a factor: variance goes with its square (2 alpha for alpha, sum for mean over the batch)
2 noise shared by samples, steps or layers, or of another law than claimed
3 an offset that should cancel, or that should not: the law's term in 1 / alpha^2"""


def has_signal_law(estimator: Estimator) -> bool:
    """Whether a closed form of one draw is claimed that holds on the problems here."""
    model = noise_or_none(estimator)
    if model is None or not signal_law(estimator):
        return False
    return model.position != "membrane" and model.pairing == "none"


def base_size(estimator: Estimator) -> Size:
    """Return the size of the problem on which an estimator's law holds.

    One step where noise of different steps is multiplied by the loss of all of them.
    """
    if noise_model(estimator).position == "weights":
        return SMALLEST_IN_WEIGHTS
    whole = getattr(estimator, "temporal", "online") == "local_bptt"
    return Size(steps=1 if whole else 2)


def small_in_weights(estimator: Estimator) -> tuple[Estimator, dict[str, object]]:
    """Return an estimator with small noise where it is on the weights, and what was changed."""
    model = noise_model(estimator)
    if model.position != "weights" or model.scale <= LARGEST_SCALE_IN_WEIGHTS:
        return estimator, {}
    changed = varied(estimator, alpha=LARGEST_SCALE_IN_WEIGHTS)
    return (changed, {"alpha": LARGEST_SCALE_IN_WEIGHTS}) if changed else (estimator, {})


def variance_law_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check where a closed form of a draw's variance is claimed."""
    if not has_signal_law(estimator):
        return
    subject, options = small_in_weights(estimator)
    problem = law_problem(base_size(subject), settings.seed)
    if accepts(subject, problem):
        yield Case(name, subject, problem, VARIANCE_LAW, settings, options)


def variance_law(case: Case) -> Iterator[CheckResult]:
    """Compare the variance of own draws with the closed form, until it is decided within 10 %."""
    expected = signal_variance(case.estimator, case.problem)
    state = case.estimator.init(BACKEND, case.problem.network, case.key / "init")
    blocks = drawn_blocks(
        lambda numbers: {
            SEEN: drawn(case.estimator, case.problem, state, case.key / "draw", numbers)
        }
    )
    (answer,) = decide(case, [(blocks, variance_ratio(SEEN, expected))])
    where = noise_model(case.estimator).position
    seen = "gradient" if where == "weights" else "signal"
    yield answered(
        case,
        answer,
        claim=f"variance of the {seen} = {signal_law(case.estimator)}, {expected:.4g}",
        quantity="variance over the closed form",
        bound=1 + VARIANCE_MARGIN,
        detail=f"{answer.interval.value:.4g} times the closed form",
        causes=CAUSES,
    )


VARIANCE_LAW = Check("variance_law", 3, variance_law)
