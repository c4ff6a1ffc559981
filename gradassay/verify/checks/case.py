"""One check of one estimator on one small problem: the unit of work of a suite."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import Claim
from gradassay.core.errors import ConfigurationError, is_real, is_whole
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.params import Params
from gradassay.core.records import CheckResult
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.results import NO_LEAST, USUAL_BUDGET, check_result
from gradassay.verify.oracles.declared import warm_ups
from gradassay.verify.oracles.small_problems import SmallProblem

Kind = TypeVar("Kind")

# estimates before the state that checks start from
WARM_UP = 3
# a year: longer ones are more than a timer takes
LONGEST_S = 31_536_000


@dataclass(frozen=True)
class Settings:
    """What a whole suite shares.

    Parameters
    ----------
    seed : int
        Of the problems and of all draws.
    margin : float
        Largest relative bias that a sampled check passes, in (0, 1).
    false_alarm_rate : float
        Of the whole suite: probability that anything fails although every estimator is right. It is
        divided over the sampled checks.
    budget : int
        Most replicates of one sampled check.
    time_limit : float
        Seconds of processor time after which a check is given up; five times as many by the clock.

    Raises
    ------
    ConfigurationError
        If a value is impossible.
    """

    seed: int = 0
    margin: float = 0.05
    false_alarm_rate: float = 0.01
    budget: int = USUAL_BUDGET
    time_limit: float = 120.0

    def __post_init__(self) -> None:
        for name in ("margin", "false_alarm_rate"):
            value = getattr(self, name)
            if not (is_real(value) and 0 < value < 1):
                told = name.replace("_", " ")
                raise ConfigurationError(f"{told}: got {value!r}; expected a number in (0, 1).")
        if not is_whole(self.seed) or not -(2**63) <= self.seed < 2**63:
            raise ConfigurationError(
                f"seed: got {self.seed!r}; expected a whole number of 64 bits."
            )
        if not is_whole(self.budget) or self.budget < 1:
            raise ConfigurationError(
                f"budget: got {self.budget!r}; expected a number of replicates, at least 1."
            )
        if not (is_real(self.time_limit) and 0 < self.time_limit <= LONGEST_S):
            raise ConfigurationError(
                f"time limit: got {self.time_limit!r}; expected a positive number of seconds, at"
                f" most {LONGEST_S:,}."
            )


@dataclass(frozen=True)
class Check:
    """A check by name.

    Parameters
    ----------
    name : str
        As it stands in results.
    level : int
        As in `CheckResult`.
    run : callable
        Yields the results of one case.
    """

    name: str
    level: int
    run: Callable[[Case], Iterable[CheckResult]]

    @property
    def sampled(self) -> bool:
        """Whether it spends of the suite's false-alarm rate."""
        return self.level >= 2


@dataclass(frozen=True)
class Case:
    """One check of one estimator on one problem.

    Parameters
    ----------
    subject : str
        The estimator's name in results.
    estimator : Estimator
        What is checked, its options set as `options` say.
    problem : SmallProblem
        Where.
    check : Check
        What is checked.
    settings : Settings
        Of the suite.
    options : mapping
        What differs from the estimator's own options.
    rate : float
        This case's share of the suite's false-alarm rate.
    """

    subject: str
    estimator: Estimator
    problem: SmallProblem
    check: Check
    settings: Settings
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    rate: float = 0.0

    @property
    def key(self) -> Key:
        """Where the streams of this check's draws start."""
        told = self.told
        return Key(self.settings.seed) / self.check.name / self.subject / self.problem.name / told

    @property
    def told(self) -> str:
        """The options, for people."""
        return ", ".join(f"{name} {value}" for name, value in self.options.items())

    def state(self, backend: Backend) -> State:
        """Return the feedback state after a few estimates, made by the reference.

        Where weights rest at first its counts are of as many updates more, so that they do not.
        """
        reference, problem = ReferenceBackend(), self.problem
        key = self.key / "state"
        state = self.estimator.init(reference, problem.network, key)
        for step in range(WARM_UP):
            state = self.estimator.advance(
                reference, problem.network, problem.params, problem.batch, state, key / step
            )
        rests = warm_ups(self.estimator)
        return {
            name: backend.asarray(np.asarray(array) + rests.get(name, 0))
            for name, array in state.items()
        }

    def result(
        self,
        claim: str,
        found: Mapping[str, Array],
        expected: Mapping[str, Array],
        *,
        bound: float,
        evaluations: int,
        least: Mapping[str, float] = NO_LEAST,
    ) -> CheckResult:
        """Return the row of an exact comparison; the options of the variant are told with it.

        `least` is as `check_result` has it.
        """
        return check_result(
            subject=self.subject,
            problem=self.problem,
            check=self.check.name,
            level=self.check.level,
            claim=f"{claim} ({self.told})" if self.options else claim,
            found=found,
            expected=expected,
            bound=bound,
            evaluations=evaluations,
            seed=self.settings.seed,
            least=least,
        )


@dataclass(frozen=True)
class Given:
    """What an estimate is given, as arrays of one backend."""

    params: Params
    batch: Batch
    state: State

    @classmethod
    def of(cls, case: Case, backend: Backend) -> Given:
        """Return a case's parameters, batch and state on a backend."""
        batch = case.problem.batch
        return cls(
            case.problem.params.map(backend.asarray),
            Batch(backend.asarray(batch.inputs), backend.asarray(batch.targets)),
            case.state(backend),
        )

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return copies of everything, of NumPy arrays."""
        arrays = {
            **{f"given {name}": array for name, array in self.params.items()},
            **{f"given state {name}": array for name, array in self.state.items()},
            "given inputs": self.batch.inputs,
            "given targets": self.batch.targets,
        }
        return {name: np.array(array, copy=True) for name, array in arrays.items()}


def claims_of(estimator: Estimator) -> tuple[Claim, ...]:
    """Return an estimator's claims; none where asking for them fails, which a check reports."""
    try:
        return tuple(estimator.claims)
    except Exception:  # a third party's code
        return ()


def claims_of_kind(estimator: Estimator, kind: type[Kind]) -> list[Kind]:
    """Return an estimator's claims of one kind; see `claims_of`."""
    return [claim for claim in claims_of(estimator) if isinstance(claim, kind)]


@functools.lru_cache(maxsize=64)
def cached_problems(
    make: Callable[[int], tuple[SmallProblem, ...]], seed: int
) -> tuple[SmallProblem, ...]:
    """Return the problems of a seed, made once; checks do not change them."""
    return make(seed)
