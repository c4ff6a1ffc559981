"""How the bias of a method falls with the scale of its noise, where neurons are smooth."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradassay.core.claims import BiasOrder
from gradassay.core.estimator import Estimator
from gradassay.core.params import Params
from gradassay.core.records import CheckResult, Interval, Verdict
from gradassay.verify.checks.case import Case, Check, Settings, claims_of_kind
from gradassay.verify.checks.laws.deciding import law_result
from gradassay.verify.checks.laws.mean_over_noise import mean_over_noise
from gradassay.verify.checks.options import accepts, noise_or_none, varied
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.exact_oracles import SURROGATE_GRADIENTS, exact_surrogate_gradient
from gradassay.verify.oracles.law_problems import smooth_problem
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float

SCALES = tuple(0.2 * 0.5**j for j in range(5))
# orders are whole numbers
ORDER_MARGIN = 0.25
# a smaller bias, relative to the gradient, is rounding
ROUNDING = 1e-10
CAUSES = """\
1 order 0: a factor, or another estimand than claimed, in the layer that is named
2 order 1: the noise is not symmetric, or a forward difference has psi or traces of the noisy pass
3 order -1 or less: noise that is drawn is not the one that is multiplied with"""


def bias_order_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check where an order of the bias is claimed for an exact gradient."""
    claim = _claim(estimator)
    if claim is None or noise_or_none(estimator) is None:
        return
    if varied(estimator, alpha=SCALES[0]) is None:
        return
    problem = _problem(estimator, claim, settings.seed)
    if accepts(estimator, problem):
        yield Case(name, estimator, problem, BIAS_ORDER, settings)


def _claim(estimator: Estimator) -> BiasOrder | None:
    """Return the claim that can be tested, if there is one."""
    claims = claims_of_kind(estimator, BiasOrder)
    return next((claim for claim in claims if claim.estimand.name in SURROGATE_GRADIENTS), None)


def _problem(estimator: Estimator, claim: BiasOrder, seed: int) -> SmallProblem:
    """Return a problem with four entries of noise, or three weights.

    Two layers of one unit and two steps. A loss of the step, times noise of that step, knows the
    paths in time inside one hidden layer only: there the estimand is the gradient through time.
    """
    if noise_model(estimator).position == "weights":
        return smooth_problem((1,), steps=2, seed=seed, inputs=1, classes=2, bias=False)
    return smooth_problem((2,) if claim.estimand.name == "bptt" else (1, 1), steps=2, seed=seed)


def bias_order(case: Case) -> Iterator[CheckResult]:
    """Fit the exponent of the bias in alpha; the mean is a sum over signs or by a Gauss rule.

    Nothing is drawn. The interval is that of the exponents of neighbouring scales, which tend to
    the order as alpha falls.
    """
    claim = _claim(case.estimator)
    if claim is None:
        raise ValueError(f"{case.estimator.name} claims no order of its bias")
    exact, points, count = exact_surrogate_gradient(claim.estimand, case.problem), 0, 0
    biases = list[Params]()
    for scale in SCALES:
        subject = varied(case.estimator, alpha=scale) or case.estimator
        mean, points = mean_over_noise(subject, case.problem)
        biases.append(mean.map(np.subtract, exact))
        count += points
    norms = np.array([float(bias.norm()) for bias in biases])
    if not np.isfinite(norms).all():
        raise ValueError(f"bias: got norms {norms.tolist()}; expected finite numbers")
    interval = exponents(np.array(SCALES), norms)
    low, high = claim.order - ORDER_MARGIN, claim.order + ORDER_MARGIN
    verdict: Verdict = "PASS" if low <= interval.low and interval.high <= high else "INCONCLUSIVE"
    if interval.high < low or interval.low > high:
        verdict = "FAIL"
    if norms.max() <= ROUNDING * float(exact.norm()):
        verdict, interval = "PASS", Interval.exact(claim.order)
    relative = ", ".join(f"{norm / float(exact.norm()):.2g}" for norm in norms)
    yield law_result(
        case,
        claim=f"{claim}, within {ORDER_MARGIN:g}; bias over the gradient {relative} at alpha"
        f" {SCALES[0]:g} to {SCALES[-1]:g}",
        verdict=verdict,
        interval=interval,
        bound=high,
        quantity="exponent of the bias in alpha",
        detail=_where(biases[-1], exact),
        causes=CAUSES,
        evaluations=count,
    )


def exponents(scales: Float, norms: Float) -> Interval:
    """Return the slope of log norm over log scale, and the range of neighbouring pairs' slopes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        places, logs = np.log(scales), np.log(norms)
        local = np.diff(logs) / np.diff(places)
        slope = float(np.polyfit(places, logs, 1)[0]) if np.isfinite(logs).all() else math.nan
    return Interval(slope, float(local.min()), float(local.max()), 1.0)


def _where(bias: Params, exact: Params) -> str:
    """Return each parameter's bias over its gradient at the smallest scale."""
    parts = [
        f"{name} {np.linalg.norm(bias[name]) / (np.linalg.norm(exact[name]) or 1.0):.2g}"
        for name in bias
    ]
    return f"bias over the gradient at alpha {SCALES[-1]:g}: {', '.join(parts)}"


BIAS_ORDER = Check("bias_order", 3, bias_order)
