"""Whether an estimator's mean is the gradient of anything: the curl of its field over parameters.

A field F of the parameters is a gradient only where its Jacobian is symmetric. That of the
surrogate gradient of a spiking network is not; nor, in general, is that of the expected central
difference of Rademacher noise. Where neurons are smooth and no path is cut, the surrogate gradient
is the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gradassay.core.claims import Deterministic
from gradassay.core.estimator import Estimator
from gradassay.core.neuron import Reset
from gradassay.core.params import Params
from gradassay.core.records import CheckResult, Interval, Verdict
from gradassay.verify.checks.case import Case, Check, Settings, claims_of, claims_of_kind
from gradassay.verify.checks.laws.closed_variance import BACKEND
from gradassay.verify.checks.laws.deciding import law_result
from gradassay.verify.checks.laws.mean_over_noise import mean_over_noise
from gradassay.verify.checks.options import accepts, varied
from gradassay.verify.oracles.declared import claimed_estimand
from gradassay.verify.oracles.exact_oracles import SURROGATE_GRADIENTS
from gradassay.verify.oracles.law_problems import smooth_problem
from gradassay.verify.oracles.small_problems import SmallProblem, dyadic_problem
from gradassay.verify.statistics.moments import Float

# of a central difference: its error is h^2 / 6 of a third derivative, 2e-11, and u / h, 1e-11
STEP = 1e-5
# of the antisymmetric part, relative: third derivatives may be some thousand times the first ones
BOUND = 1e-6
HIDDEN, STEPS = (3, 2), 3
SMALL = (2, 1)
CAUSES = """\
1 a factor, or a surrogate derivative, that one layer's gradient has and another's has not
2 a path that is cut in one layer: of the leak or of the reset
3 a gradient that is clipped, or that depends on something other than the parameters"""


def curl_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check for exact surrogate gradients, and for zeroth order with random signs."""
    estimand, seed = claimed_estimand(estimator) if claims_of(estimator) else None, settings.seed
    if estimand is None:
        return
    if estimand.name in SURROGATE_GRADIENTS and claims_of_kind(estimator, Deterministic):
        whole = estimand.name == "bptt"
        kept: Reset = "soft" if "kept" in estimand.options else "none"
        problems = [
            smooth_problem(HIDDEN, steps=STEPS if whole else 1, seed=seed, samples=2, reset=kept),
            dyadic_problem(HIDDEN, steps=STEPS, seed=seed, inputs=3, samples=2),
        ]
        if not (whole and kept == "soft"):
            problems.insert(1, smooth_problem(HIDDEN, steps=STEPS, seed=seed, samples=2))
        for problem in problems:
            if accepts(estimator, problem):
                yield Case(name, estimator, problem, CURL, settings)
    signs = varied(estimator, law="rademacher")
    if estimand.name in ("smoothed_loss", "expected_central_difference") and signs is not None:
        for problem in (
            smooth_problem(SMALL, steps=1, seed=seed),
            dyadic_problem(SMALL, steps=1, seed=seed, inputs=3, samples=1),
        ):
            if accepts(signs, problem):
                yield Case(name, signs, problem, CURL, settings, {"law": "rademacher"})


def is_true_gradient(estimator: Estimator, problem: SmallProblem) -> bool:
    """Whether the claimed surrogate gradient is the gradient of the loss on a problem."""
    estimand, network = claimed_estimand(estimator), problem.network
    if estimand is None or estimand.name not in SURROGATE_GRADIENTS or not network.neuron.smooth:
        return False
    uncut = network.neuron.reset == "none" or "kept" in estimand.options
    return network.steps == 1 or (estimand.name == "bptt" and uncut)


def curl(case: Case) -> Iterator[CheckResult]:
    """Compare the antisymmetric part of the mean's Jacobian over parameters with the symmetric."""
    subject, problem = case.estimator, case.problem
    drawing = subject.noise is not None

    def field(params: Params) -> Params:
        moved = SmallProblem(problem.name, problem.network, params, problem.batch)
        return mean_over_noise(subject, moved)[0] if drawing else _gradient(case, moved)

    jacobian, names = field_jacobian(field, problem.params)
    apart, even = (jacobian - jacobian.T) / 2, (jacobian + jacobian.T) / 2
    ratio = float(np.linalg.norm(apart) / (np.linalg.norm(even) or 1.0))
    tested = is_true_gradient(subject, problem)
    verdict: Verdict = "FAIL" if tested and not ratio <= BOUND else "PASS"
    row, column = np.unravel_index(int(np.abs(apart).argmax()), apart.shape)
    what = "expected central difference" if drawing else "surrogate gradient"
    tested_as = f"the {what} is a gradient: its curl is 0, but for finite differences"
    reported = f"curl of the {what}, not 0 in general: measured; no verdict depends on it"
    yield law_result(
        case,
        claim=tested_as if tested else reported,
        verdict=verdict,
        interval=Interval.exact(ratio),
        bound=BOUND if tested else max(1.0, ratio),
        quantity="antisymmetric part of the Jacobian over the symmetric one",
        detail=f"largest between {names[int(row)]} and {names[int(column)]}",
        causes=CAUSES,
        evaluations=2 * len(names),
    )


def _gradient(case: Case, problem: SmallProblem) -> Params:
    """Return the estimate, which draws nothing."""
    state = case.estimator.init(BACKEND, problem.network, case.key / "init")
    given = (BACKEND, problem.network, problem.params, problem.batch, state)
    return case.estimator.estimate(*given, case.key / "estimate").gradient


def field_jacobian(field: Callable[[Params], Params], params: Params) -> tuple[Float, list[str]]:
    """Return the Jacobian of a field over parameters by central differences.

    Parameters
    ----------
    field : callable
        From parameters to a gradient.
    params : Params
        Where.

    Returns
    -------
    jacobian : array, shape (p, p)
        Entry i, j is the derivative of the field's entry i by parameter j.
    names : list of str
        The array that each entry is of.
    """
    columns, names = list[Float](), list[str]()
    for name, array in params.items():
        for place in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = array.copy()
                moved[place] += sign * STEP
                ends.append(_flat(field(Params({**params, name: moved}))))
            columns.append((ends[0] - ends[1]) / (2 * STEP))
            names.append(name)
    return np.stack(columns, axis=1), names


def _flat(gradient: Params) -> Float:
    return np.concatenate([np.ravel(np.asarray(array)) for array in gradient.values()])


CURL = Check("curl", 3, curl)
