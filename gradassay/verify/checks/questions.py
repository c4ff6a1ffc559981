"""What a sampled check asks: whether the mean of some vectors is what it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.blocks import Vectors
from gradassay.verify.checks.case import Case, Given
from gradassay.verify.checks.control_variates import (
    control_variate,
    momentum_control_variate,
    weight_control_variate,
)
from gradassay.verify.checks.sampling import Draws
from gradassay.verify.oracles.declared import momentum_claim
from gradassay.verify.oracles.means import mean_momentum_after, oracle_mean
from gradassay.verify.statistics.moments import Float

TOGETHER = "all parameters"
Shapes = Mapping[str, Mapping[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Question:
    """Whether the mean of some vectors is what it should be.

    Parameters
    ----------
    claim : str
        For people.
    target : mapping from name to array, shape (p,)
        What the means should be.
    shapes : mapping
        Shapes of the arrays in each vector, by name.
    read : callable
        Gives a block's differences from the target, as `layer_look` wants them.
    given : Given
        Parameters, batch and state.
    """

    claim: str
    target: Vectors
    shapes: Shapes
    read: Callable[[Draws], Vectors]
    given: Given


def gradient_question(case: Case) -> Question | None:
    """Return the question about the gradient; None without an oracle."""
    given = Given.of(case, ReferenceBackend())
    oracle = oracle_mean(case.estimator, case.problem, given.state)
    if oracle is None:
        return None
    shapes = _groups(case)
    target = _vectors(shapes, oracle.mean, folded=False)
    control, in_weights = control_variate(case, given.state), None
    if TOGETHER in target:
        in_weights = weight_control_variate(case, target[TOGETHER])

    def read(draws: Draws) -> Vectors:
        rows = _vectors(shapes, draws.estimate.gradient, folded=True)
        plain = {name: rows[name] - target[name] for name in target}
        variate = control(draws) if control else {}
        if in_weights:
            variate = {TOGETHER: in_weights(draws)}
        return {
            **{f"{name} plain": array for name, array in plain.items()},
            **{name: array - variate.get(name, 0.0) for name, array in plain.items()},
        }

    return Question(f"mean of its own draws = {oracle.says}", target, shapes, read, given)


def _groups(case: Case) -> Shapes:
    """Return the parameters that are looked at together: a layer's, or all where z is on all."""
    network, model = case.problem.network, case.estimator.noise
    if model is not None and model.position == "weights":
        return {TOGETHER: network.shapes}
    return {layer.name: layer.shapes for layer in network.weighted}


def _vectors(groups: Shapes, gradient: Mapping[str, Float], *, folded: bool) -> Vectors:
    """Return each group's gradient as vectors: (R, p), or (p,) where not folded."""
    found = {}
    for name, shapes in groups.items():
        parts = [np.asarray(gradient[parameter]) for parameter in shapes]
        lead = (len(parts[0]), -1) if folded else (-1,)
        found[name] = np.concatenate([part.reshape(lead) for part in parts], axis=-1)
    return found


def momentum_question(case: Case) -> Question | None:
    """Return the question about the new term of M; None without an oracle."""
    given = Given.of(case, ReferenceBackend())
    after = mean_momentum_after(case.estimator, case.problem, given.state)
    if after is None:
        return None
    claim = momentum_claim(case.estimator)
    kept, share = claim.momentum, 1 - claim.momentum
    before = {name: np.asarray(given.state[name]) for name in after}
    target = {name: np.ravel(m - kept * before[name]) / share for name, m in after.items()}
    frozen = all(np.array_equal(after[name], before[name]) for name in after)
    control = momentum_control_variate(case, 0.0 if frozen else claim.gain)

    def read(draws: Draws) -> Vectors:
        rows: dict[str, Float] = {}
        for name, variate in control(draws).items():
            term = (np.asarray(draws.estimate.state[name]) - kept * before[name]) / share
            rows[f"{name} plain"] = term.reshape(len(term), -1) - target[name]
            rows[name] = rows[f"{name} plain"] - variate
        return rows

    shapes = {name: {f"M of {name}": m.shape} for name, m in after.items()}
    claimed = "mean of the new term of M = expected Jacobian, transposed"
    return Question(claimed, target, shapes, read, given)
