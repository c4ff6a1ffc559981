"""What the reference makes of a problem, and how far another's arithmetic may lie from it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimate, Estimator
from gradassay.core.keys import Key
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Recorded, Trace
from gradassay.crosscheck.golden.problems import Arrays, GoldenProblem
from gradassay.crosscheck.golden.rounded import Rounded
from gradassay.crosscheck.golden.rounded_backend import RoundedBackend
from gradassay.estimators import make_estimator, zoo_names
from gradassay.reference_snn import ReferenceBackend

RECORD: frozenset[Recorded] = frozenset({"spikes", "membrane"})
# two evaluations, the pack's and the answer's, and twice as many roundings as counted in each
SAFETY = 4.0
DYADIC_ALPHAS = {"spsa": 1 / 64}
UPDATES = 3.0


@dataclass(frozen=True)
class Expected:
    """An array that is to be answered.

    Parameters
    ----------
    value : array
        Of the reference, float64.
    tolerance : float
        Largest absolute difference of an answer.
    """

    value: np.ndarray
    tolerance: float


@dataclass(frozen=True)
class MethodResult:
    """What an estimator makes of a problem.

    Parameters
    ----------
    name : str
    options : dict
        All options.
    noise : str or None
        Kind of noise, one of `problems.NOISES`.
    scale : float or None
    state : mapping
        Before.
    state_after, gradient : mapping
        To be answered.
    """

    name: str
    options: dict[str, Any]
    noise: str | None
    scale: float | None
    state: Arrays
    state_after: Mapping[str, Expected]
    gradient: Mapping[str, Expected]


def expected_pass(problem: GoldenProblem, bits: int) -> dict[str, dict[str, Expected]]:
    """Return what a pass without noise leaves: by quantity, then by layer (or "").

    Raises
    ------
    UncertainError
        If rounding could change a spike.
    """
    backends = ReferenceBackend(), RoundedBackend(bits)
    exact, bounded = (_forward(cast(Backend, backend), problem) for backend in backends)
    found: dict[str, dict[str, Expected]] = {}
    for kind in ("spikes", "membrane"):
        ours, bounds = getattr(exact, kind), getattr(bounded, kind)
        found[kind] = {name: with_tolerance(ours[name], bounds[name]) for name in ours}
    for kind in ("outputs", "losses", "errors"):
        found[kind] = {"": with_tolerance(getattr(exact, kind), getattr(bounded, kind))}
    return found


def _forward(backend: Backend, problem: GoldenProblem) -> Trace:
    params, batch = _given(backend, problem)
    return backend.forward(problem.network, params, batch, record=RECORD)


def _given(backend: Backend, problem: GoldenProblem) -> tuple[Params, Batch]:
    inputs = backend.asarray(problem.batch.inputs)
    return problem.params.map(backend.asarray), Batch(inputs, problem.batch.targets)


def with_tolerance(value: np.ndarray, bounded: Rounded) -> Expected:
    """Return an expected value with `SAFETY` times the largest bound of its entries.

    Raises
    ------
    ArithmeticError
        If the reference itself lies outside the bound: then the bound is wrong.
    """
    if (np.abs(value - bounded.value) > bounded.error).any():
        raise ArithmeticError("the reference lies outside the bound of its rounding error")
    bound = SAFETY * float(bounded.error.max(initial=0.0))
    # up to three digits, so that the last bits of a bound are no part of a pack
    return Expected(value, float(f"{bound * 1.005:.2e}"))


def expected_methods(
    problem: GoldenProblem, bits: int, key: Key
) -> tuple[list[MethodResult], dict[str, str]]:
    """Return the results of the zoo, and the reasons of those who do not take the network.

    Raises
    ------
    UncertainError
        If rounding could change a spike, or another comparison.
    """
    results, refused = [], {}
    for name in zoo_names():
        try:
            results.append(_method(name, problem, bits, key / name))
        except ConfigurationError as error:
            refused[name] = str(error)
    return results, refused


def _method(name: str, problem: GoldenProblem, bits: int, key: Key) -> MethodResult:
    estimator = _estimator(name, problem.dyadic, bits)
    state = _drawn_state(estimator, problem, key)
    kind, scale = _noise_of(estimator)
    ours, bounded = (
        _estimate(cast(Backend, backend), estimator, problem, state, kind, scale)
        for backend in (ReferenceBackend(), RoundedBackend(bits))
    )
    return MethodResult(
        name,
        options_of(estimator),
        kind,
        scale,
        state,
        {n: with_tolerance(np.asarray(a), bounded.state[n]) for n, a in ours.state.items()},
        {n: with_tolerance(a, bounded.gradient[n]) for n, a in ours.gradient.items()},
    )


def _estimator(name: str, dyadic: bool, bits: int) -> Estimator:
    """Return the default estimator; options in float32 where bits are 24, alpha dyadic if asked."""
    options = options_of(make_estimator(name))
    if dyadic and "alpha" in options:
        options["alpha"] = DYADIC_ALPHAS.get(name, 0.25)
    single = bits == 24
    changed = {
        option: float(np.float32(value)) if single else value
        for option, value in options.items()
        if isinstance(value, float)
    }
    return make_estimator(name, **changed)


def options_of(estimator: Any) -> dict[str, Any]:
    """Return the options of an estimator by name."""
    return {field.name: getattr(estimator, field.name) for field in dataclasses.fields(estimator)}


def _noise_of(estimator: Estimator) -> tuple[str | None, float | None]:
    model = estimator.noise
    if model is None:
        return None, None
    if model.position == "weights":
        return "weights", model.scale
    return "time_pairs" if model.pairing == "time" else "independent", model.scale


def _drawn_state(estimator: Estimator, problem: GoldenProblem, key: Key) -> Arrays:
    """Return a state of which nothing is 0: matrices in multiples of 2^-10, three updates."""
    start = estimator.init(ReferenceBackend(), problem.network, key)
    drawn: dict[str, np.ndarray] = {}
    for name, array in start.items():
        shape: tuple[int, ...] = tuple(array.shape)
        # feedback in place of weights (outputs, inputs, ...) and direct feedback (units, classes)
        across = shape[1:] if len(shape) > 2 else shape[:1]
        normal = (key / name).generator().standard_normal(shape) / math.sqrt(math.prod(across))
        drawn[name] = np.rint(normal * 1024) / 1024 if shape else np.asarray(UPDATES)
    return drawn


def _estimate(
    backend: Backend,
    estimator: Estimator,
    problem: GoldenProblem,
    state: Arrays,
    kind: str | None,
    scale: float | None,
) -> Estimate:
    """Return the estimate on one backend, the problem's noise given."""
    params, batch = _given(backend, problem)
    noise = None
    if kind is not None and scale is not None and estimator.noise is not None:
        given = problem.noise[kind]
        # noise on the weights has an axis of replicates
        values = {n: backend.asarray(z[None] if kind == "weights" else z) for n, z in given.items()}
        noise = Noise(scale, values, estimator.noise.position)
    before = {name: backend.asarray(array) for name, array in state.items()}
    return estimator.estimate(backend, problem.network, params, batch, before, Key(0), noise=noise)
