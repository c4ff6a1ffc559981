"""Gradients that a measured mean is compared with, besides spatial backpropagation's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradassay.core.claims import Deterministic
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.params import Params
from gradassay.estimators.bptt import BPTT
from gradassay.estimators.dfa import DFA
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.verify.measuring.feedback import feedback_of
from gradassay.verify.measuring.jacobians import average_jacobians
from gradassay.verify.measuring.problem import Problem
from gradassay.verify.statistics.moments import Float

THROUGH_TIME, MEAN_JACOBIAN, OWN = "bptt", "mean_jacobian", "own_estimand"
CHUNK = 128


@dataclass(frozen=True)
class FurtherOracles:
    """The further oracles of a problem.

    ================= =============================================================================
    ``bptt``          surrogate gradient through time, the gradient through the reset cut; exact
    ``mean_jacobian`` what direct feedback by the population's mean Jacobian gives: the error goes
                      through ``E J^T`` and not ``J^T`` of its own sample and step, so that its
                      distance to the surrogate gradient is the covariance of Jacobian and error. Of
                      estimators with direct feedback matrices
    ``own_estimand``  the estimator's own gradient of the whole population: of those that are
                      deterministic and have no state, whose mean over mini-batches it is exactly
    ================= =============================================================================

    Each is one gradient of the population; the mean Jacobian takes a backward pass a class besides.
    """

    problem: Problem

    def of(self, estimator: Estimator, state: State) -> dict[str, Params]:
        """Return those that say something about an estimator, by name."""
        found = {THROUGH_TIME: self.through_time}
        if feedback_of(state, self.problem.network):
            found[MEAN_JACOBIAN] = self.mean_jacobian
        deterministic = any(isinstance(claim, Deterministic) for claim in estimator.claims)
        if deterministic and not state and estimator not in (SpatialBP(), BPTT()):
            found[OWN] = self.problem.population_gradient(estimator, Key(0))
        return found

    @cached_property
    def through_time(self) -> Params:
        """The surrogate gradient through time."""
        return self.problem.population_gradient(BPTT(), Key(0))

    @cached_property
    def mean_jacobian(self) -> Params:
        """The gradient of direct feedback by the mean Jacobian."""
        feedback = DFA(feedback=population_jacobians(self.problem))
        return self.problem.population_gradient(feedback, Key(0))


def population_jacobians(problem: Problem) -> dict[str, Float]:
    """Return the mean Jacobian over the population of each hidden spiking layer, (n_l, m).

    Float64, a mean over chunks weighted by their sizes; see `average_jacobians`.
    """
    total: dict[str, Float] = {}
    for start in range(0, problem.size, CHUNK):
        indices = np.arange(start, min(start + CHUNK, problem.size))
        batch = problem.batch([indices])
        share = len(indices) / problem.size
        found = average_jacobians(problem.backend, problem.network, problem.params, batch)
        for name, matrix in found.items():
            part = problem.backend.to_numpy(matrix).astype(np.float64) * share
            total[name] = total[name] + part if name in total else part
    return total
