"""What the mean over all signs should be, for each estimand that can be computed exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from gradassay.core.claims import Estimand
from gradassay.core.estimator import Estimator
from gradassay.core.keys import Key
from gradassay.core.neuron import Surrogate
from gradassay.core.params import Params
from gradassay.estimators.spatial_bp import SpatialBP
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.oracles.autograd_oracle import autograd_gradient
from gradassay.verify.oracles.declared import noise_model
from gradassay.verify.oracles.enumeration import all_signs
from gradassay.verify.oracles.estimands import expected_central_difference, smoothed_jacobian
from gradassay.verify.oracles.sign_tables import sign_table
from gradassay.verify.oracles.small_problems import SmallProblem

SURROGATE_GRADIENTS = {"online_bp": "online", "spatial_bp": "spatial", "bptt": "through_time"}


@dataclass(frozen=True)
class ExactOracle:
    """An estimand that can be computed.

    Parameters
    ----------
    says : str
        What it is, for people.
    gradient : callable
        ``gradient(estimator, problem)``, NumPy float64.
    """

    says: str
    gradient: Callable[[Estimator, SmallProblem], Params]


def exact_oracle(estimand: Estimand) -> ExactOracle | None:
    """Return the oracle of an estimand under Rademacher noise; None if there is none."""
    if estimand.name == "expected_central_difference":
        return ExactOracle(
            "expected central difference",
            lambda e, p: expected_central_difference(sign_table(p, noise_model(e)), e, estimand.at),
        )
    if estimand.name == "smoothed_jacobian":
        return ExactOracle(
            "expected central difference of the output, applied to the clean error",
            lambda e, p: smoothed_jacobian(sign_table(p, noise_model(e)), e),
        )
    if estimand.name == "expected_surrogate":
        return ExactOracle("spatial BP with the expected surrogate", _expected_surrogate)
    if estimand.name == "expected_central_difference_in_weights":
        return ExactOracle("expected central difference in each weight", _weight_differences)
    if estimand.name in SURROGATE_GRADIENTS:
        return ExactOracle(
            "surrogate gradient by torch autograd",
            lambda e, p: exact_surrogate_gradient(estimand, p),
        )
    return None


def exact_surrogate_gradient(estimand: Estimand, problem: SmallProblem) -> Params:
    """Return an exact surrogate gradient by autograd: ``online_bp``, ``spatial_bp``, ``bptt``."""
    return autograd_gradient(
        problem.network,
        problem.params,
        problem.batch,
        temporal=SURROGATE_GRADIENTS[estimand.name],  # type: ignore[arg-type]
        reset_gradient="kept" in estimand.options,
    )


def _expected_surrogate(estimator: Estimator, problem: SmallProblem) -> Params:
    """Return spatial BP with a rectangle, the mean of LocalZO's surrogate over signs."""
    rectangle = Surrogate("rectangle", 1 / (2 * noise_model(estimator).scale))
    neuron = msgspec.structs.replace(problem.network.neuron, surrogate=rectangle)
    network = problem.network.replace(neuron=neuron)
    exact = SpatialBP(temporal=getattr(estimator, "temporal", "online"))
    backend = ReferenceBackend()
    return exact.estimate(backend, network, problem.params, problem.batch, {}, Key(0)).gradient


def _weight_differences(estimator: Estimator, problem: SmallProblem) -> Params:
    """Return, for each weight, the mean over the others' signs of the central difference.

    ``E_z (L(w_i + alpha, w_-i + alpha z_-i) - L(w_i - alpha, w_-i + alpha z_-i)) / (2 alpha)``.
    """
    model, params = noise_model(estimator), problem.params
    values = all_signs(problem.network, model)
    rows = np.concatenate([z.reshape(len(z), -1) for z in values.values()], axis=1)
    flat = np.concatenate([np.ravel(params[name]) for name in values])
    losses = np.array([_loss(problem, flat + model.scale * signs) for signs in rows])
    numbers = np.arange(len(rows))
    slopes = [
        float(((losses - losses[numbers ^ (1 << i)]) * rows[:, i]).mean()) / (2 * model.scale)
        for i in range(len(flat))
    ]
    return _unflattened(np.array(slopes), params)


def _loss(problem: SmallProblem, flat: np.ndarray) -> float:
    """Return the mean loss at some parameters, given as a vector."""
    moved = _unflattened(flat, problem.params)
    losses = ReferenceBackend().forward(problem.network, moved, problem.batch).losses
    return float(losses.sum()) / problem.batch.size


def _unflattened(flat: np.ndarray, params: Params) -> Params:
    """Return a vector as arrays of the parameters' shapes."""
    arrays, start = {}, 0
    for name, array in params.items():
        arrays[name] = flat[start : start + array.size].reshape(array.shape)
        start += array.size
    return Params(arrays)
