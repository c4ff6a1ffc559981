"""Level 1: what a method learns with one estimate against the rule that it claims."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradassay.core.claims import Learns
from gradassay.core.estimator import Estimator
from gradassay.core.noise import Noise, draw_noise
from gradassay.core.records import CheckResult
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks import bounds
from gradassay.verify.checks.case import (
    Case,
    Check,
    Given,
    Settings,
    cached_problems,
    claims_of_kind,
)
from gradassay.verify.checks.options import accepts, with_dyadic_signs
from gradassay.verify.oracles.learning import learnt_state
from gradassay.verify.oracles.small_problems import agreement_problems

# on the matrices of a state
FAR = 64


def learning_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check on dense, convolutional and residual problems, where a rule is claimed."""
    claimed = claims_of_kind(estimator, Learns)
    subject = with_dyadic_signs(estimator)
    for problem in cached_problems(agreement_problems, settings.seed) if claimed else ():
        if accepts(subject, problem):
            yield Case(name, subject, problem, LEARNS, settings)


def learns_as_claimed(case: Case) -> Iterator[CheckResult]:
    """Compare the state after an estimate with the rule's, and `advance` with `estimate`.

    From the state of a few estimates, and from one far from it, where a limit on its size shows.
    """
    given = Given.of(case, ReferenceBackend())
    yield _learns(case, given)
    far = {name: FAR * array if array.ndim >= 2 else array for name, array in given.state.items()}
    yield _learns(case, replace(given, state=far))


def _learns(case: Case, given: Given) -> CheckResult:
    """Return the comparison for one state before the estimate."""
    backend = ReferenceBackend()
    claims = claims_of_kind(case.estimator, Learns)
    network, noise = case.problem.network, _noise(case)
    told = (backend, network, given.params, given.batch, given.state, case.key / "estimate")
    learnt = case.estimator.estimate(*told, noise=noise).state
    own, advanced = case.estimator.estimate(*told).state, case.estimator.advance(*told)
    model = case.estimator.noise
    injected = noise if model is not None and model.injected else None
    return case.result(
        f"{'; '.join(map(str, claims))}; advance gives the state that estimate gives",
        {
            **{name: np.asarray(array) for name, array in learnt.items()},
            **{f"advanced {name}": np.asarray(array) for name, array in advanced.items()},
        },
        {
            **learnt_state(claims, case.problem, given.state, injected),
            **{f"advanced {name}": np.asarray(array) for name, array in own.items()},
        },
        bound=bounds.AUTOGRAD,
        evaluations=3,
    )


def _noise(case: Case) -> Noise | None:
    """Return the noise that both the estimate and the rule are given, for one replicate."""
    model = case.estimator.noise
    if model is None:
        return None
    samples = case.problem.batch.size
    return draw_noise(model, case.problem.network, samples, case.key / "given noise")


LEARNS = Check("learns_as_claimed", 1, learns_as_claimed)
