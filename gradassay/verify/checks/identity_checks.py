"""Level 0: identities that hold draw by draw, given the same randomness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Deterministic, Passes, UnbiasedFor
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimate, Estimator, State
from gradassay.core.keys import Key
from gradassay.core.params import Params
from gradassay.core.records import CheckResult
from gradassay.cost.counting import CountingBackend
from gradassay.reference_snn import ReferenceBackend, online_gradient
from gradassay.torch_snn import TorchBackend
from gradassay.verify.checks.options import with_options
from gradassay.verify.checks.results import check_result
from gradassay.verify.oracles.exact_oracles import TEMPORAL, surrogate_gradient
from gradassay.verify.oracles.small_problems import SmallProblem, agreement_problems

SAME_NOISE_BOUND = 1e-12
AUTOGRAD_BOUND = 1e-10


@dataclass(frozen=True)
class Given:
    """What an estimate is given, as arrays of one backend."""

    params: Params
    batch: Batch
    state: State

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return copies of everything, of NumPy arrays."""
        arrays = {
            **{f"given {name}": array for name, array in self.params.items()},
            **{f"given state {name}": array for name, array in self.state.items()},
            "given inputs": self.batch.inputs,
        }
        return {name: np.array(array, copy=True) for name, array in arrays.items()}


@dataclass(frozen=True)
class Subject:
    """An estimator on one small problem, with a state that has seen three batches."""

    name: str
    estimator: Estimator
    problem: SmallProblem
    state: State
    key: Key

    @classmethod
    def build(cls, name: str, estimator: Estimator, problem: SmallProblem, seed: int) -> Subject:
        """Return the subject after three estimates on the reference.

        Signs are scaled by 1/4 here: with weights that are binary fractions, another scale could
        put a membrane potential within rounding of the threshold, where two orders of summation
        may differ.
        """
        if estimator.noise is not None and estimator.noise.law == "rademacher":
            estimator = with_options(estimator, alpha=0.25) or estimator
        key = Key(seed) / "identity" / name / problem.name
        backend = ReferenceBackend()
        state = estimator.init(backend, problem.network, key)
        for step in range(3):
            state = estimator.advance(
                backend, problem.network, problem.params, problem.batch, state, key / step
            )
        return cls(name, estimator, problem, state, key)

    def given(self, backend: Backend) -> Given:
        """Return parameters, batch and state as arrays of a backend."""
        problem = self.problem
        return Given(
            problem.params.map(backend.asarray),
            Batch(backend.asarray(problem.batch.inputs), backend.asarray(problem.batch.targets)),
            {name: backend.asarray(np.asarray(array)) for name, array in self.state.items()},
        )

    def estimate(
        self, backend: Backend, replicates: range | None = None, given: Given | None = None
    ) -> Estimate:
        """Estimate on a backend, with the noise that the key draws in float64."""
        given = given or self.given(backend)
        return self.estimator.estimate(
            backend,
            self.problem.network,
            given.params,
            given.batch,
            given.state,
            self.key / "estimate",
            replicates=replicates,
        )

    def result(
        self,
        check: str,
        claim: str,
        found: Params,
        expected: Params,
        bound: float,
        evaluations: int,
    ) -> CheckResult:
        """Return the row of one check."""
        return check_result(
            subject=self.name,
            problem=self.problem,
            check=check,
            level=0,
            claim=claim,
            found=found,
            expected=expected,
            bound=bound,
            evaluations=evaluations,
            seed=self.key.seed,
        )


def identity_checks(name: str, estimator: Estimator, seed: int) -> Iterator[CheckResult]:
    """Yield the level-0 checks of one estimator over depth, T, reset and loss."""
    for problem in agreement_problems(seed):
        if not accepts(estimator, problem):
            continue
        subject = Subject.build(name, estimator, problem, seed)
        yield backends_agree(subject)
        yield folded_equals_looped(subject)
        yield replays(subject)
        yield from matches_autograd(subject)
        yield from feeds_back_its_matrices(subject)
        yield from passes_as_claimed(subject)


def accepts(estimator: Estimator, problem: SmallProblem) -> bool:
    """Whether the estimator can train the problem's network, as far as it says."""
    try:
        estimator.init(ReferenceBackend(), problem.network, Key(0))
    except ConfigurationError:
        return False
    return True


def backends_agree(subject: Subject) -> CheckResult:
    """Compare the torch backend with the reference, float64, same noise."""
    torch = TorchBackend("float64")
    reference = subject.estimate(ReferenceBackend()).gradient
    return subject.result(
        "backends_agree",
        "torch = NumPy reference in float64, given the same noise",
        subject.estimate(torch).gradient.map(torch.to_numpy),
        reference,
        SAME_NOISE_BOUND,
        2,
    )


def folded_equals_looped(subject: Subject, replicates: int = 3) -> CheckResult:
    """Compare replicates computed at once with the same replicates one by one."""
    backend = ReferenceBackend()
    folded = subject.estimate(backend, range(replicates)).gradient
    looped = [subject.estimate(backend, range(r, r + 1)).gradient for r in range(replicates)]
    return subject.result(
        "folded_equals_looped",
        "replicates at once = replicates one by one",
        folded,
        Params({name: np.concatenate([one[name] for one in looped]) for name in folded}),
        SAME_NOISE_BOUND,
        2 * replicates,
    )


def replays(subject: Subject) -> CheckResult:
    """Compare two estimates with the same key; what they are given must stay as it was."""
    backend = ReferenceBackend()
    given = subject.given(backend)
    before = given.snapshot()
    first = subject.estimate(backend, given=given).gradient
    second = subject.estimate(backend, given=given).gradient
    after = given.snapshot()
    return subject.result(
        "same_key_same_bits",
        "the same key gives the same bits, and nothing given is changed",
        Params({**second, **after}),
        Params({**first, **before}),
        0.0,
        2,
    )


def matches_autograd(subject: Subject) -> Iterator[CheckResult]:
    """Compare with torch autograd where a surrogate gradient is claimed to be exact."""
    if Deterministic() not in subject.estimator.claims:
        return
    for claim in subject.estimator.claims:
        if isinstance(claim, UnbiasedFor) and claim.estimand.name in TEMPORAL:
            yield subject.result(
                "matches_autograd",
                f"{claim.estimand} = torch autograd in float64",
                subject.estimate(ReferenceBackend()).gradient,
                surrogate_gradient(claim.estimand, subject.problem),
                AUTOGRAD_BOUND,
                2,
            )


def feeds_back_its_matrices(subject: Subject) -> Iterator[CheckResult]:
    """Compare with the reference's direct feedback where fixed matrices are claimed."""
    problem = subject.problem
    for claim in subject.estimator.claims:
        online = getattr(subject.estimator, "temporal", "online") == "online"
        if isinstance(claim, UnbiasedFor) and claim.estimand.name == "fixed_feedback" and online:
            matrices = {name: np.asarray(array) for name, array in subject.state.items()}
            yield subject.result(
                "feeds_back_its_matrices",
                "the signal is the state's matrix times the error",
                subject.estimate(ReferenceBackend()).gradient,
                online_gradient(problem.network, problem.params, problem.batch, feedback=matrices),
                SAME_NOISE_BOUND,
                2,
            )


def passes_as_claimed(subject: Subject) -> Iterator[CheckResult]:
    """Count the passes of one estimate."""
    for claim in subject.estimator.claims:
        if isinstance(claim, Passes):
            backend = CountingBackend(ReferenceBackend())
            subject.estimate(backend)
            counts = backend.counts
            yield subject.result(
                "passes_as_claimed",
                f"passes over the network: {claim}",
                Params(
                    {
                        "forward": np.array(float(counts.forward_passes)),
                        "backward": np.array(float(counts.backward_passes)),
                    }
                ),
                Params(
                    {
                        "forward": np.array(float(claim.forward)),
                        "backward": np.array(float(claim.backward)),
                    }
                ),
                0.0,
                1,
            )
