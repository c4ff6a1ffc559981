"""Level 0: identities that hold draw by draw, given the same randomness."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.claims import (
    Deterministic,
    MomentumFeedback,
    Online,
    Passes,
    UnbiasedFor,
)
from gradassay.core.estimator import Estimate, Estimator
from gradassay.core.params import Params
from gradassay.core.records import CheckResult
from gradassay.cost.counting import CountingBackend
from gradassay.estimators.layerwise import LayerwiseEstimator
from gradassay.estimators.online import OnlineEstimate
from gradassay.reference_snn import ReferenceBackend, online_gradient
from gradassay.torch_snn import TorchBackend
from gradassay.verify.checks import bounds
from gradassay.verify.checks.case import (
    Case,
    Check,
    Given,
    Settings,
    cached_problems,
    claims_of_kind,
)
from gradassay.verify.checks.coarse_backend import CoarseBackend, size_of_terms
from gradassay.verify.checks.options import accepts, with_dyadic_signs
from gradassay.verify.checks.recording import RecordingBackend
from gradassay.verify.oracles.declared import local_rule
from gradassay.verify.oracles.exact_oracles import SURROGATE_GRADIENTS, exact_surrogate_gradient
from gradassay.verify.oracles.small_problems import SmallProblem, agreement_problems

FOLDED_CAUSES = """1 a sum or mean over the batch axis, which holds all replicates: (T, R*B, n)
2 a draw for all replicates in place of one for each
3 rows of another replicate's mini-batch: `batch.folds` mini-batches lie one after another"""


def identity_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the level-0 checks of one estimator over depth, T, reset and loss."""
    estimator = with_dyadic_signs(estimator)
    for problem in cached_problems(agreement_problems, settings.seed):
        if accepts(estimator, problem):
            for check in CHECKS:
                if _applies(check, estimator, problem):
                    yield Case(name, estimator, problem, check, settings)


def _applies(check: Check, estimator: Estimator, problem: SmallProblem) -> bool:
    """Whether the claims call for a check."""
    estimands = {claim.estimand.name for claim in claims_of_kind(estimator, UnbiasedFor)}
    deterministic = bool(claims_of_kind(estimator, Deterministic))
    if check.name == "matches_autograd":
        return deterministic and bool(estimands & set(SURROGATE_GRADIENTS))
    if check.name == "feeds_back_its_matrices":
        return local_rule(estimator).temporal == "online" and "fixed_feedback" in estimands
    if check.name == "passes_as_claimed":
        return bool(claims_of_kind(estimator, Passes))
    if check.name == "online_as_claimed":
        return bool(claims_of_kind(estimator, Online)) and problem.network.loss.over == "step"
    if check.name == "deterministic_as_claimed":
        return deterministic
    return True


def _estimate(
    case: Case, backend: Backend, replicates: range | None = None, given: Given | None = None
) -> Estimate:
    """Estimate on a backend, with the noise that the key draws in float64."""
    given = given or Given.of(case, backend)
    return case.estimator.estimate(
        backend,
        case.problem.network,
        given.params,
        given.batch,
        given.state,
        case.key / "estimate",
        replicates=replicates,
    )


def well_formed(case: Case) -> Iterator[CheckResult]:
    """Look at names and shapes of gradient and state, and that all numbers are finite.

    A claim of momentum feedback calls for its matrices and the number of updates in the state.
    """
    kind = type(case.estimator.claims)
    if kind is not tuple:
        raise TypeError(f"claims: got a {kind.__name__}; expected a tuple of claims")
    backend = ReferenceBackend()
    given = Given.of(case, backend)
    found = _estimate(case, backend, range(2), given)
    shapes = case.problem.network.shapes
    state = {**{name: np.shape(a) for name, a in given.state.items()}, **_claimed_state(case)}
    yield case.result(
        "gradient and state have the names and shapes of the parameters and of the state before,"
        " and are finite",
        {
            **{name: _nan_where_not_finite(array) for name, array in found.gradient.items()},
            **{
                f"state {name}": _nan_where_not_finite(_one_replicate(array, state.get(name)))
                for name, array in found.state.items()
            },
        },
        {
            **{name: np.zeros((2, *shape)) for name, shape in shapes.items()},
            **{f"state {name}": np.zeros(shape) for name, shape in state.items()},
        },
        bound=0.0,
        evaluations=2,
    )


def _claimed_state(case: Case) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays that a claim says are in the state."""
    network = case.problem.network
    if not claims_of_kind(case.estimator, MomentumFeedback):
        return {}
    matrices = {layer.name: (layer.units, network.classes) for layer in network.spiking}
    return {**matrices, "updates": ()}


def _nan_where_not_finite(array: Array) -> Array:
    return np.where(np.isfinite(array), 0.0, np.nan)


def _one_replicate(array: Array, shape: tuple[int, ...] | None) -> Array:
    """Return a state's array without its replicate axis, where it has one."""
    return array[0] if shape is not None and np.ndim(array) == len(shape) + 1 else array


def backends_agree(case: Case) -> Iterator[CheckResult]:
    """Compare the torch backend with the reference, float64, same noise.

    Where terms cancel, an array counts as large as they are, which coarse arithmetic shows.
    """
    claim = "torch = NumPy reference in float64, given the same noise"
    torch, bound = TorchBackend("float64"), bounds.SAME_NOISE
    found = _estimate(case, torch).gradient.map(torch.to_numpy)
    exact = _estimate(case, ReferenceBackend()).gradient
    result = case.result(claim, found, exact, bound=bound, evaluations=2)
    if result.verdict != "PASS":
        least = size_of_terms(exact, _estimate(case, CoarseBackend()).gradient)
        result = case.result(claim, found, exact, bound=bound, evaluations=3, least=least)
    yield result


def folded_equals_looped(case: Case) -> Iterator[CheckResult]:
    """Compare replicates computed at once with the same replicates one by one.

    They share a mini-batch first, then each has one of its own.
    """
    backend, replicates = ReferenceBackend(), 3
    given = Given.of(case, backend)
    own = _mini_batches(given.batch, case.problem.network.classes, replicates)
    together: dict[str, Array] = {}
    alone: dict[str, Array] = {}
    for kind, folded, plain in (
        ("", given.batch, [given.batch] * replicates),
        ("own batches ", _folded(own), own),
    ):
        at_once = _estimate(
            case, backend, range(replicates), dataclasses.replace(given, batch=folded)
        )
        one_by_one = [
            _estimate(case, backend, range(r, r + 1), dataclasses.replace(given, batch=batch))
            for r, batch in enumerate(plain)
        ]
        for name, array in at_once.gradient.items():
            together[f"{kind}{name}"] = array
            alone[f"{kind}{name}"] = np.concatenate([one.gradient[name] for one in one_by_one])
    result = case.result(
        "replicates at once = replicates one by one, of one mini-batch and each of its own",
        together,
        alone,
        bound=bounds.SAME_NOISE,
        evaluations=4 * replicates,
    )
    yield result if result.verdict == "PASS" else dataclasses.replace(result, causes=FOLDED_CAUSES)


def _mini_batches(batch: Batch, classes: int, count: int) -> list[Batch]:
    """Return mini-batches that differ in all inputs and all targets."""
    return [Batch(batch.inputs + r / 2, (batch.targets + r) % classes) for r in range(count)]


def _folded(batches: list[Batch]) -> Batch:
    """Return mini-batches as the folds of one batch."""
    return Batch(
        np.concatenate([one.inputs for one in batches], axis=-2),
        np.concatenate([one.targets for one in batches]),
        len(batches),
    )


def same_key_same_bits(case: Case) -> Iterator[CheckResult]:
    """Compare two estimates with the same key; what they are given must stay as it was."""
    backend = ReferenceBackend()
    given = Given.of(case, backend)
    before = given.snapshot()
    first = _estimate(case, backend, given=given).gradient
    kept = {name: np.array(array) for name, array in first.items()}
    second = _estimate(case, backend, given=given).gradient
    yield case.result(
        "the same key gives the same bits, and nothing given is changed",
        {**second, **given.snapshot()},
        {**kept, **before},
        bound=0.0,
        evaluations=2,
    )


def matches_autograd(case: Case) -> Iterator[CheckResult]:
    """Compare with torch autograd where a surrogate gradient is claimed to be exact."""
    for claim in claims_of_kind(case.estimator, UnbiasedFor):
        if claim.estimand.name in SURROGATE_GRADIENTS:
            yield case.result(
                f"{claim.estimand} = torch autograd in float64",
                _estimate(case, ReferenceBackend()).gradient,
                exact_surrogate_gradient(claim.estimand, case.problem),
                bound=bounds.AUTOGRAD,
                evaluations=2,
            )


def feeds_back_its_matrices(case: Case) -> Iterator[CheckResult]:
    """Compare with the reference's direct feedback where fixed matrices are claimed."""
    problem, given = case.problem, Given.of(case, ReferenceBackend())
    matrices = {name: np.asarray(array) for name, array in given.state.items()}
    yield case.result(
        "the signal is the state's matrix times the error",
        _estimate(case, ReferenceBackend(), given=given).gradient,
        online_gradient(problem.network, problem.params, problem.batch, feedback=matrices),
        bound=bounds.SAME_NOISE,
        evaluations=2,
    )


def passes_as_claimed(case: Case) -> Iterator[CheckResult]:
    """Count the passes of one estimate."""
    claim = claims_of_kind(case.estimator, Passes)[0]
    backend = CountingBackend(ReferenceBackend())
    _estimate(case, backend, given=Given.of(case, ReferenceBackend()))
    counts = backend.counts
    found = {"forward": counts.forward_passes, "backward": counts.backward_passes}
    yield case.result(
        f"passes over the network: {claim}",
        Params({name: np.array(float(number)) for name, number in found.items()}),
        Params({name: np.array(float(getattr(claim, name))) for name in found}),
        bound=0.0,
        evaluations=1,
    )


def deterministic_as_claimed(case: Case) -> Iterator[CheckResult]:
    """Compare two estimates with different keys."""
    backend = ReferenceBackend()
    given = Given.of(case, backend)
    first, second = (
        case.estimator.estimate(
            backend,
            case.problem.network,
            given.params,
            given.batch,
            given.state,
            case.key / number,
        ).gradient
        for number in range(2)
    )
    yield case.result("another key gives the same bits", second, first, bound=0.0, evaluations=2)


def online_as_claimed(case: Case) -> Iterator[CheckResult]:
    """Compare the gradients of single steps, one after another, with that of the whole sequence.

    A method that is not made layer by layer must keep nothing of its forward passes.
    """
    backend = ReferenceBackend()
    given = Given.of(case, backend)
    if not isinstance(case.estimator, LayerwiseEstimator):
        yield _keeps_nothing(case, given)
        return
    network, key = case.problem.network, case.key / "estimate"
    under_way = OnlineEstimate(
        case.estimator, backend, network, given.batch, given.state, key, replicates=range(2)
    )
    steps = [under_way.advance(given.params).gradient for _ in range(network.steps)]
    whole = _estimate(case, backend, range(2), given)
    yield case.result(
        "the steps' gradients, taken one by one, add up to that of the sequence; so does the state",
        {
            **{name: sum(step[name] for step in steps) for name in whole.gradient},
            **{f"state {name}": array for name, array in under_way.state.items()},
        },
        {
            **whole.gradient,
            **{f"state {name}": array for name, array in whole.state.items()},
        },
        bound=bounds.STEPS,
        evaluations=2 * network.steps,
    )


def _keeps_nothing(case: Case, given: Given) -> CheckResult:
    """Look at what the forward passes were told to keep of every step."""
    backend = RecordingBackend()
    _estimate(case, backend, range(2), given)
    return case.result(
        "the forward passes keep no activity of single steps",
        {"kinds of activity kept": np.array(float(len(backend.recorded)))},
        {"kinds of activity kept": np.array(0.0)},
        bound=0.0,
        evaluations=2,
    )


CHECKS = tuple(
    Check(function.__name__, 0, function)
    for function in (
        well_formed,
        backends_agree,
        folded_equals_looped,
        same_key_same_bits,
        matches_autograd,
        feeds_back_its_matrices,
        passes_as_claimed,
        deterministic_as_claimed,
        online_as_claimed,
    )
)
