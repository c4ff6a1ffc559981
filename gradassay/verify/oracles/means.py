"""The exact mean of one estimate on a small problem, for every estimand of the zoo."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gradassay.core.claims import Estimand, MomentumFeedback
from gradassay.core.estimator import Estimator, State
from gradassay.core.noise import NoiseModel
from gradassay.core.params import Params
from gradassay.estimators.feedback import READOUT
from gradassay.estimators.hybrid import Hybrid
from gradassay.verify.oracles.declared import (
    as_declared,
    claimed_estimand,
    claimed_momentum,
    is_asleep,
)
from gradassay.verify.oracles.enumeration import MOST_SIGNS
from gradassay.verify.oracles.estimands import expected_central_difference
from gradassay.verify.oracles.exact_oracles import exact_oracle
from gradassay.verify.oracles.feedback_means import DETERMINISTIC
from gradassay.verify.oracles.membrane_cells import membrane_grid
from gradassay.verify.oracles.momentum_means import (
    MomentumOptions,
    intermediate_mean,
    mean_term,
    momentum_gradients,
    needs_joint_noise,
)
from gradassay.verify.oracles.noise_grid import NO_NOISE, NoiseGrid
from gradassay.verify.oracles.one_sample import OneSample
from gradassay.verify.oracles.sign_tables import sign_table
from gradassay.verify.oracles.small_problems import SmallProblem, samples_of
from gradassay.verify.oracles.smoothed_means import smoothed_jacobian_mean, smoothed_loss_mean
from gradassay.verify.oracles.spike_grids import sign_grid, spike_grid
from gradassay.verify.oracles.weight_means import smoothed_in_weights
from gradassay.verify.statistics.moments import Float

IN_WEIGHTS = ("expected_central_difference_in_weights", "smoothed_loss_in_weights")
BY_SAMPLE: dict[str, tuple[str, Callable[[OneSample, NoiseGrid], Params]]] = {
    **DETERMINISTIC,
    "smoothed_loss": ("gradient of the noise-smoothed loss", smoothed_loss_mean),
    "smoothed_jacobian": ("smoothed Jacobian times the clean error", smoothed_jacobian_mean),
}


@dataclass(frozen=True)
class Oracle:
    """The exact mean of an estimate.

    Parameters
    ----------
    says : str
        What it is, for people.
    mean : Params
        NumPy float64.
    """

    says: str
    mean: Params


def oracle_mean(estimator: Estimator, problem: SmallProblem, state: State) -> Oracle | None:
    """Return the exact mean of one estimate, or None where it cannot be computed.

    Parameters
    ----------
    estimator : Estimator
        Its claims and options count, and nothing that a subclass of a zoo's method overrides.
    problem : SmallProblem
        B samples. The noise is each sample's own, so that the mean is an average over samples; on
        the weights it is shared.
    state : State
        Feedback state before the estimate, NumPy.

    Notes
    -----
    By autograd where the method draws nothing or its mean is a derivative, by enumeration of signs
    under Rademacher noise, else by quadrature over the noise. The relative error left is below
    1e-10, and below 1e-8 for Laplace noise; where quadrature would need more than
    half a million nodes there is no oracle.

    Examples
    --------
    >>> from gradassay.estimators import make_estimator
    >>> from gradassay.verify.oracles.sampled_problems import sampled_problems
    >>> found = oracle_mean(make_estimator("zo_single_point"), sampled_problems(0)[0], {})
    >>> found.says
    'gradient of the noise-smoothed loss'
    """
    method = as_declared(estimator)
    if isinstance(method, Hybrid):
        return _sum_of_means(method, problem, state)
    return _mean(method, method.noise, problem, state)


def mean_momentum_after(
    estimator: Estimator, problem: SmallProblem, state: State
) -> dict[str, Float] | None:
    """Return the exact mean of the state's M_l after one update, or None.

    ``lambda M_l + (1 - lambda) gain E Z_l``, Z_l averaged over samples; M_l where it is frozen.

    Parameters
    ----------
    estimator, problem, state
        As in `oracle_mean`; the method must claim `MomentumFeedback`.

    Returns
    -------
    dict from hidden spiking layer's name to array, shape (n, m), or None
    """
    method = as_declared(estimator)
    claim, estimand = claimed_momentum(method), claimed_estimand(method)
    if claim is None or estimand is None or method.noise is None:
        return None
    cases = [OneSample(method, estimand, one, state, method.noise) for one in samples_of(problem)]
    momentum = MomentumOptions.of(cases[0], claim)
    grids = [_grid(case, joint=momentum.whole_sequence) for case in cases]
    found = [grid for grid in grids if grid is not None]
    if len(found) < len(grids):
        return None
    terms = [mean_term(c, grid, momentum) for c, grid in zip(cases, found, strict=True)]
    after = {}
    for name in terms[0]:
        before = np.asarray(state[name])
        mean = sum(term[name] for term in terms) / len(terms)
        moved = claim.momentum * before + (1 - claim.momentum) * mean
        after[name] = before if momentum.frozen else moved
    return after


def _sum_of_means(method: Hybrid, problem: SmallProblem, state: State) -> Oracle | None:
    """Return the sum of the parts' means; the exact gradient above all neurons is in it once."""
    total: dict[str, np.ndarray] = {}
    said, resting = [], False
    for part, coefficient in zip(method.parts, method.coefficients, strict=True):
        start = f"{part.name}/"
        own = {n.removeprefix(start): a for n, a in state.items() if n.startswith(start)}
        found = _mean(as_declared(part), method.noise, problem, own)
        if found is None:
            return None
        said.append(f"{coefficient:g} x {found.says}")
        for name, array in found.mean.items():
            if not problem.network.below_neurons(name.rpartition(".")[0]):
                total.setdefault(name, array)
            else:
                total[name] = total.get(name, 0.0) + coefficient * array
        resting = resting or is_asleep(part, own)
    mean = Params(total)
    return Oracle(" + ".join(said), mean.zeros_like() if resting else mean)


def _mean(
    method: Estimator, noise: NoiseModel | None, problem: SmallProblem, state: State
) -> Oracle | None:
    """Return the mean of one method under the noise of the pass."""
    estimand = claimed_estimand(method)
    if estimand is None:
        return None
    if estimand.name in IN_WEIGHTS:
        return _mean_in_weights(estimand, method, problem)
    injected = noise if noise is not None and noise.injected else None
    cases = [OneSample(method, estimand, one, state, injected) for one in samples_of(problem)]
    says, parts = _parts(cases, estimand)
    if not parts:
        return None
    first, *others = parts
    total = first.map(lambda *arrays: np.sum(arrays, axis=0) / len(parts), *others)
    return Oracle(says, total)


def _mean_in_weights(estimand: Estimand, method: Estimator, problem: SmallProblem) -> Oracle | None:
    """Return the mean of a method whose perturbation of the weights the batch shares."""
    if method.noise is None:
        return None
    if estimand.name == "smoothed_loss_in_weights":
        mean = smoothed_in_weights(problem, method.noise)
        return None if mean is None else Oracle("gradient of the loss smoothed over weights", mean)
    oracle = exact_oracle(estimand)
    signs = sum(math.prod(shape) for shape in problem.network.shapes.values())
    if oracle is None or signs > MOST_SIGNS:
        return None
    return Oracle(oracle.says, oracle.gradient(method, problem))


def _parts(cases: Sequence[OneSample], estimand: Estimand) -> tuple[str, list[Params]]:
    """Return what the mean is, and each sample's; no samples where it cannot be computed."""
    if estimand.name == "expected_central_difference":
        return "expected central difference", _enumerated(cases)
    claim, joint = claimed_momentum(cases[0].estimator), False
    if estimand.name != "smoothed_jacobian":
        joint = needs_joint_noise(cases[0], claim)
    grids = [grid for case in cases if (grid := _grid(case, joint=joint)) is not None]
    if len(grids) < len(cases):
        return "", []
    if estimand.name == "expected_jacobian_feedback":
        return "momentum feedback of the noisy error", _fed_back(cases, grids, claim)
    if estimand.name not in BY_SAMPLE:
        return "", []
    says, compute = BY_SAMPLE[estimand.name]
    return says, [compute(case, grid) for case, grid in zip(cases, grids, strict=True)]


def _grid(case: OneSample, *, joint: bool) -> NoiseGrid | None:
    """Return the grid of the noise that the pass takes in; None where there is none."""
    model = case.injected
    if model is None:
        return NO_NOISE
    if model.law == "rademacher":
        return sign_grid(case.problem, model)
    if model.position == "membrane":
        return membrane_grid(case.problem, model)
    return spike_grid(case.problem, model, joint=joint)


def _enumerated(cases: Sequence[OneSample]) -> list[Params]:
    """Return the expected central difference of each sample; none if there are too many signs."""
    network, model = cases[0].problem.network, cases[0].injected
    units = sum(layer.units for layer in network.spiking)
    if model is None or network.steps * units > MOST_SIGNS:
        return []
    found = []
    for case in cases:
        table = sign_table(case.problem, model)
        found.append(expected_central_difference(table, case.estimator, case.estimand.at))
    return found


def _fed_back(
    cases: Sequence[OneSample], grids: Sequence[NoiseGrid], claim: MomentumFeedback | None
) -> list[Params]:
    """Return each sample's part in the mean of feedback from the outputs or a middle readout."""
    if claim is not None:
        return momentum_gradients(cases, grids, claim)
    if any(name.startswith(READOUT) for name in cases[0].state):
        return [intermediate_mean(case, grid) for case, grid in zip(cases, grids, strict=True)]
    return []
