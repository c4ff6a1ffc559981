"""Proposition 4.3: when momentum feedback descends, and the bias that it cannot lose.

With J the Jacobian of one sample's outputs, smoothed over the noise, and e its error,

    E[J^T e] - E[J^T] E[e] = (1/2) E_{x, x'}[(J_x - J_x')^T (e_x - e_x')]

(derived), and M in place of J^T sends down ``E[J^T] E[e]`` on average. Where

    |E[J^T e]| > |E[J^T e] - E[J^T] E[e]| + |(M - E[J^T]) E[e]|

the inner product of ``M E[e]`` with ``E[J^T e]`` is positive. The proposition has
``(1/2) L_J L_e E |x - x'|^2``, with Lipschitz constants, in place of the covariance.

References
----------
Xiao et al., arXiv 2407.12516, Proposition 4.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradassay.core.batch import Batch
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.noise import Noise, NoiseModel
from gradassay.core.records import CheckResult, Interval, Verdict
from gradassay.verify.checks.blocks import Vectors
from gradassay.verify.checks.case import Case, Check, Settings
from gradassay.verify.checks.laws.closed_variance import BACKEND
from gradassay.verify.checks.laws.deciding import (
    answered,
    bias_norm,
    decide,
    drawn_blocks,
    law_result,
)
from gradassay.verify.checks.laws.momentum_chain import LAYER, chain_states, sent_down
from gradassay.verify.checks.laws.subjects import has_momentum_law, unfrozen
from gradassay.verify.checks.options import accepts, fresh_state
from gradassay.verify.oracles.declared import momentum_claim, noise_model
from gradassay.verify.oracles.law_problems import varying_problem
from gradassay.verify.oracles.noise_rules import layer_rule
from gradassay.verify.oracles.small_problems import SmallProblem, samples_of
from gradassay.verify.statistics.moments import Float
from gradassay.verify.statistics.proportions import proportion_interval

UPDATES = 16
# of the rule, in each coordinate of the first layer's noise
NODES = 24
SENT = "sent down"
# of M against the gradient that so many without one rule out, and at what level
LARGEST_SHARE, LEVEL = 0.01, 0.99
CAUSES = """\
1 what is sent down is not M e: a sign, another layer's M, M as it was at another time
2 the noise in M is not the one in the forward pass, or is shared where it should not be
3 the output of another step, or the clean one, in M"""


@dataclass(frozen=True)
class Sides:
    """What the condition is made of.

    Parameters
    ----------
    jacobians : array, shape (B, m, d)
        J of every sample, smoothed.
    errors : array, shape (B, m)
        e of every sample.
    inputs : array, shape (B, n)
        x.
    """

    jacobians: Float
    errors: Float
    inputs: Float

    @property
    def gradient(self) -> Float:
        """``E[J^T e]``."""
        found: Float = np.einsum("bmd,bm->d", self.jacobians, self.errors) / len(self.errors)
        return found

    @property
    def covariance(self) -> Float:
        """``E[J^T e] - E[J^T] E[e]``, from pairs of samples."""
        apart = self.jacobians[:, None] - self.jacobians
        errors = self.errors[:, None] - self.errors
        found: Float = np.einsum("abmd,abm->d", apart, errors) / (2 * len(self.errors) ** 2)
        return found

    @property
    def bound(self) -> float:
        """``(1/2) L_J L_e E |x - x'|^2``, the smallest constants that hold on the samples."""
        squares = ((self.inputs[:, None] - self.inputs) ** 2).sum(axis=-1)
        apart = np.linalg.norm(self.jacobians[:, None] - self.jacobians, 2, axis=(-2, -1))
        errors = np.linalg.norm(self.errors[:, None] - self.errors, axis=-1)
        different = squares > 0
        distances = np.sqrt(squares[different])
        lipschitz = (apart[different] / distances).max() * (errors[different] / distances).max()
        return float(lipschitz * squares.mean() / 2)


def proposition_4_3_cases(name: str, estimator: Estimator, settings: Settings) -> Iterator[Case]:
    """Yield the check for momentum feedback that starts at 0."""
    problem = varying_problem(settings.seed)
    if not has_momentum_law(estimator) or not accepts(estimator, problem):
        return
    subject = unfrozen(estimator)
    state = fresh_state(subject, problem) or {}
    if LAYER in state and not np.asarray(state[LAYER]).any():
        yield Case(name, subject, problem, PROPOSITION, settings)


def sides(model: NoiseModel, problem: SmallProblem) -> Sides:
    """Return Jacobians of outputs by the first layer's activity, smoothed by a Gauss rule.

    Noise of the layer above, the last, is added to the outputs and has mean 0.
    """
    nodes, weights = layer_rule(model.law, problem.network.spiking[0].units, NODES)
    noise = Noise(model.scale, {LAYER: nodes[None]})
    jacobians, errors = list[Float](), list[Float]()
    for sample in samples_of(problem):
        tiled = sample.batch.tiled(len(weights))
        outputs = BACKEND.forward(problem.network, problem.params, tiled, noise=noise).outputs[0]
        jacobians.append(np.einsum("k,km,kd->md", weights, outputs, nodes) / model.scale)
        errors.append(BACKEND.forward(problem.network, problem.params, sample.batch).errors[0, 0])
    return Sides(np.stack(jacobians), np.stack(errors), problem.batch.inputs)


def proposition_4_3(case: Case) -> Iterator[CheckResult]:
    """Measure the bias against the covariance, and both sides of the condition for every M."""
    subject, problem, key = case.estimator, case.problem, case.key / "chain"
    found = sides(noise_model(subject), problem)
    gradient, expected = found.gradient, found.gradient - found.covariance
    norm, apart = float(np.linalg.norm(gradient)), float(np.linalg.norm(found.covariance))
    mean_error = found.errors.mean(axis=0)
    excess, products = list[Float](), list[Float]()

    def draw(numbers: range) -> Vectors:
        state = chain_states(subject, problem, key, numbers, (UPDATES,))[UPDATES]
        matrices = np.asarray(state[LAYER]) / _mean_factor(subject, sent=False)
        excess.append(np.linalg.norm(matrices @ mean_error - expected, axis=1))
        sent = _mean_signal(subject, problem, state, key, numbers) / _mean_factor(subject)
        products.append(sent @ gradient)
        return {SENT: sent}

    test = bias_norm(SENT, expected, norm, case.settings.margin)
    (answer,) = decide(case, [(drawn_blocks(draw), test)])
    yield answered(
        case,
        answer,
        claim="bias of what is sent down = minus the covariance of Jacobian and error over data,"
        f" by pairs of samples: {apart / norm:.3g} of the gradient's norm",
        quantity="norm of the bias beyond the covariance, relative to the gradient",
        bound=case.settings.margin,
        detail=f"off by {answer.interval.value:.4g} of the gradient's norm",
        causes=CAUSES,
    )
    yield _condition(
        case, found, norm, apart, excess=np.concatenate(excess), products=np.concatenate(products)
    )


def _condition(
    case: Case, found: Sides, norm: float, apart: float, *, excess: Float, products: Float
) -> CheckResult:
    """Return whether products are positive wherever the condition holds: it follows, always.

    A single one that is not is a FAIL; where the condition holds for few M, nothing is decided.
    """
    holds = norm > apart + excess
    printed = norm > found.bound + excess
    broken, count = int((holds & (products <= 0)).sum()), int(holds.sum())
    sides_told = (
        f"|E J^T e| {norm:.3g}; covariance {apart:.3g}, Lipschitz bound {found.bound:.3g}, error of"
        f" M {excess.mean():.3g} after {UPDATES} updates; holds for {holds.mean():.3g} of M, as"
        f" printed for {printed.mean():.3g}; product positive for {(products > 0).mean():.3g}"
    )
    interval = Interval(0.0, 0.0, 1.0, LEVEL)
    if count:
        interval = proportion_interval(broken, count, LEVEL)
    enough = interval.high <= LARGEST_SHARE
    verdict: Verdict = "FAIL" if broken else "PASS" if enough else "INCONCLUSIVE"
    return law_result(
        case,
        claim=f"where the condition holds the signal descends ({sides_told})",
        verdict=verdict,
        interval=interval,
        bound=LARGEST_SHARE,
        quantity="share of M whose signal ascends although the condition holds",
        detail=f"{broken} of the {count} M for which the condition holds",
        causes=CAUSES,
        evaluations=len(products),
    )


def _mean_factor(estimator: Estimator, *, sent: bool = True) -> float:
    """Return what the mean of M, or of M as it goes down in a pass without noise, is times J^T."""
    claim = momentum_claim(estimator)
    factor = claim.gain * (1 - claim.momentum**UPDATES)
    if not sent:
        return factor
    after = claim.use == "after"
    if claim.corrected:
        factor /= 1 - claim.momentum ** (UPDATES + after)
    return factor * (claim.momentum if after else 1.0)


def _mean_signal(
    estimator: Estimator, problem: SmallProblem, state: State, key: Key, numbers: range
) -> Float:
    """Return the mean over samples of what is sent to the first layer, (R, d)."""
    total: Float = np.zeros((len(numbers), problem.network.spiking[0].units))
    for sample in samples_of(problem):
        network, batch = sample.network, Batch(sample.batch.inputs, sample.batch.targets)
        trace = BACKEND.forward(network, sample.params, batch, record=frozenset({"derivative"}))
        slope = np.asarray(trace.derivative[LAYER])[0, 0]
        total += sent_down(estimator, sample, state, key, numbers) / slope
    return total / problem.batch.size


PROPOSITION = Check("proposition_4_3", 3, proposition_4_3)
