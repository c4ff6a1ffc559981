"""Level 1: what a method learns with one estimate against the rule that it claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from gradassay.core.claims import Learns
from gradassay.core.estimator import Estimator, State
from gradassay.core.noise import Noise, draw_noise
from gradassay.core.params import Params
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
from gradassay.verify.oracles.declared import warm_ups
from gradassay.verify.oracles.learning import learnt_state
from gradassay.verify.oracles.small_problems import agreement_problems

# on the matrices of a state
FAR = 64


def learning_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check on dense, convolutional and residual problems, where a rule is claimed."""
    claimed = claims_of_kind(estimator, Learns)
    subject = with_dyadic_signs(estimator)
    for problem in cached_problems(agreement_problems, settings.seed):
        if claimed and accepts(subject, problem):
            yield Case(name, subject, problem, LEARNS, settings)
        if warm_ups(estimator) and accepts(subject, problem):
            yield Case(name, subject, problem, RESTS, settings)


def learns_as_claimed(case: Case) -> Iterator[CheckResult]:
    """Compare the state after an estimate with the rule's, and `advance` with `estimate`.

    From the state of a few estimates, from one far from it, where a limit on its size shows, and
    from those just before and after the update at which it is said to freeze.
    """
    given = Given.of(case, ReferenceBackend())
    yield _learns(case, given)
    far = {name: FAR * array if array.ndim >= 2 else array for name, array in given.state.items()}
    yield _learns(case, replace(given, state=far))
    for claim in claims_of_kind(case.estimator, Learns):
        for count in (claim.freeze_after - 1, claim.freeze_after) if claim.freeze_after else ():
            state = _counting(given.state, {f"{claim.under}updates": count})
            yield _learns(case, replace(given, state=state))


def rests_while_warming_up(case: Case) -> Iterator[CheckResult]:
    """Look at the gradient one update before the end of the warm-up, and at its end."""
    backend, given = ReferenceBackend(), Given.of(case, ReferenceBackend())
    rests = warm_ups(case.estimator)

    def gradient(early: int) -> Params:
        """Return the gradient so many updates before the end of all warm-ups."""
        counts = {name: count - early for name, count in rests.items()}
        told = (backend, case.problem.network, given.params, given.batch)
        state = _counting(given.state, counts)
        return case.estimator.estimate(*told, state, case.key / "estimate").gradient

    before, after = gradient(1), gradient(0)
    moves = any(bool(np.asarray(array).any()) for array in after.values())
    yield case.result(
        f"the gradient is 0 until {max(rests.values())} updates, and then no more",
        {**before, "moves then": np.array(float(moves))},
        {**before.map(np.zeros_like), "moves then": np.array(1.0)},
        bound=0.0,
        evaluations=2,
    )


def _counting(state: State, counts: Mapping[str, int]) -> State:
    """Return the state with other counts of updates."""
    return {name: counts[name] + 0 * a if name in counts else a for name, a in state.items()}


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


RESTS = Check("rests_while_warming_up", 1, rests_while_warming_up)
LEARNS = Check("learns_as_claimed", 1, learns_as_claimed)
