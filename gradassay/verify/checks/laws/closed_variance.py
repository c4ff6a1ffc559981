"""What is looked at in an estimate on a law's problem, and its variance in closed form."""

from __future__ import annotations

import numpy as np

from gradassay.core.claims import Estimand, VarianceLaw
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.params import Params
from gradassay.reference_snn import ReferenceBackend
from gradassay.verify.checks.case import claims_of_kind
from gradassay.verify.oracles.closed_forms import (
    quadratic_variance,
    two_point_variance,
)
from gradassay.verify.oracles.declared import claimed_estimand, noise_model
from gradassay.verify.oracles.exact_oracles import exact_surrogate_gradient
from gradassay.verify.oracles.law_problems import CONSTANT_SLOPE
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.oracles.zeroth_order_laws import Form
from gradassay.verify.statistics.moments import Float

BACKEND = ReferenceBackend()
SIGNAL_LAWS = ("single_point_variance", "two_point_variance")
DIFFERENCES = ("smoothed_loss", "expected_central_difference")


def signal_law(estimator: Estimator) -> str:
    """Return the name of the claimed law of a signal's or a gradient's variance; empty if none."""
    claims = claims_of_kind(estimator, VarianceLaw)
    return next((claim.name for claim in claims if claim.name in SIGNAL_LAWS), "")


def seen_in(estimator: Estimator, gradient: Params) -> Float:
    """Return the part of gradients that a law is about, (R, p).

    All parameters where they carry the noise; else the gradient by ``hidden1.bias``: the mean over
    samples of the sum over steps of the signals, times psi.
    """
    if noise_model(estimator).position != "weights":
        return np.asarray(gradient["hidden1.bias"])
    parts = [np.asarray(array) for array in gradient.values()]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def drawn(
    estimator: Estimator, problem: SmallProblem, state: State, key: Key, numbers: range
) -> Float:
    """Return what is looked at in the estimates of some replicates, (R, p)."""
    estimate = estimator.estimate(
        BACKEND,
        problem.network,
        problem.params,
        problem.batch,
        state,
        key,
        replicates=numbers,
    )
    return seen_in(estimator, estimate.gradient)


def signal_variance(estimator: Estimator, problem: SmallProblem) -> float:
    """Return the variance of one draw, the trace of the covariance of what `seen_in` returns.

    ``psi^2 / B^2`` times the sum over samples and steps of `quadratic_variance`; in weight space
    `two_point_variance` of the whole gradient.
    """
    model = noise_model(estimator)
    if model.position == "weights":
        exact = exact_surrogate_gradient(
            Estimand("bptt", "gradient through the reset kept"), problem
        )
        flat = np.concatenate([np.ravel(array) for array in exact.values()])
        return two_point_variance(model.law, flat)
    network, weight = problem.network, problem.params["readout.weight"]
    trace = BACKEND.forward(network, problem.params, problem.batch)
    hessian = 2 / (network.classes * network.steps) * weight.T @ weight
    draws = [
        quadratic_variance(
            model.law, error @ weight, hessian, form=form_of(estimator), alpha=model.scale, offset=c
        )
        for error, c in zip(
            trace.errors.reshape(-1, network.classes), trace.losses.ravel(), strict=True
        )
    ]
    return CONSTANT_SLOPE**2 * sum(draws) / problem.batch.size**2


def form_of(estimator: Estimator) -> Form:
    """Return which of the draws on a quadratic loss the claims describe."""
    estimand = claimed_estimand(estimator)
    if signal_law(estimator) == "single_point_variance":
        return "single"
    forward = estimand is not None and estimand.name in DIFFERENCES and estimand.at == "clean"
    return "forward" if forward else "central"
