"""Exact variance over all signs where the signal is noise times a number of each draw.

With ``g_l[t] = z_l[t] c[t]``, c the same for all layers and units of a step,

==================== ============================================== ===================
estimate             c[t]                                           psi and traces
==================== ============================================== ===================
single point         ``L(z) / alpha``                               of the noisy pass
central difference   ``(L(z) - L(-z)) / (2 alpha)``                 of the pass with z
forward difference   ``(L(z) - L(0)) / alpha``                      of the clean pass
pseudo-zeroth order  ``(o~[t] - o[t]) . e[t] / alpha``              of the clean pass
forward gradient     ``sum_l z_l[t] . (W_{l+1}^T delta_{l+1}[t])``  of the pass
==================== ============================================== ===================

L is the loss of the step or of the sequence. The numbers are read off the table of signs; those of
the last row hold an exact derivative, taken by autograd.
"""

from __future__ import annotations

import numpy as np
import torch

from gradassay.core.claims import Estimand, VarianceLaw
from gradassay.core.estimator import Estimator
from gradassay.core.layers import Linear
from gradassay.core.params import Params
from gradassay.core.trace import Trace
from gradassay.verify.oracles.autograd_oracle import as_tensor
from gradassay.verify.oracles.declared import LocalRule, claimed_estimand, local_rule
from gradassay.verify.oracles.guided_network import Guide, run_guided
from gradassay.verify.oracles.sign_tables import SignTable
from gradassay.verify.oracles.small_problems import SmallProblem
from gradassay.verify.statistics.moments import Float

LAWS = ("single_point_variance", "two_point_variance")
DIFFERENCES = ("expected_central_difference", "smoothed_jacobian")
SLOPES = ("online_bp", "spatial_bp")


def has_sign_variance(estimator: Estimator, problem: SmallProblem) -> bool:
    """Whether the variance can be read off the table: dense layers, a signal as in the module.

    Noise on the weights makes no signal.
    Where derivatives go through time, a hard reset makes the local rule another one.
    """
    laws = {claim.name for claim in estimator.claims if isinstance(claim, VarianceLaw)}
    estimand, network, model = claimed_estimand(estimator), problem.network, estimator.noise
    dense = all(isinstance(layer, Linear) for layer in network.weighted)
    through_time = local_rule(estimator).temporal == "local_bptt"
    if estimand is None or model is None or model.position == "weights":
        return False
    if not (dense and laws & set(LAWS)):
        return False
    known = estimand.name in (*DIFFERENCES, *SLOPES)
    return known and not (through_time and network.neuron.reset == "hard")


def sign_variance(
    table: SignTable, estimator: Estimator, problem: SmallProblem, mean: Params
) -> float:
    """Return the exact trace of the covariance of an estimate.

    ``E |G|^2 - |E G|^2`` with, for the weights of one layer,
    ``|G|^2 = sum_{s,t} (delta[s] . delta[t]) (a[s] . a[t])`` and
    ``delta[t] = psi(u[t]) z[t] c[t]``; a holds the bias's trace too.

    Parameters
    ----------
    table : SignTable
        All signs.
    estimator : Estimator
        Its claims say which estimate it is, its options which local rule; see `has_sign_variance`.
    problem : SmallProblem
        Of the table.
    mean : Params
        E G.
    """
    estimand = claimed_estimand(estimator)
    if estimand is None:
        raise ValueError(f"{estimator.name} claims no estimand")
    numbers, rule = _numbers(table, estimand, problem), local_rule(estimator)
    trace = table.clean if estimand.at == "clean" else table.observed.trace
    network = table.network
    second = _squared(trace.errors, _seen(trace, network.readout, rule))
    for weighted, spiking in zip(network.weighted, network.spiking, strict=False):
        signal = table.values[spiking.name] * numbers[..., None]
        delta = trace.derivative[spiking.name] * signal
        second += _squared(delta, _seen(trace, weighted, rule))
    return second / numbers.shape[1] - float(mean.dot(mean))


def _numbers(table: SignTable, estimand: Estimand, problem: SmallProblem) -> Float:
    """Return c of every step and combination, (T, 2^count)."""
    if estimand.name in SLOPES:
        return _slopes(table, problem)
    if estimand.name == "smoothed_jacobian":
        changed = table.observed.trace.outputs - table.clean.outputs
        products: Float = np.einsum("tcm,tcm->tc", changed, table.clean.errors) / table.scale
        return products
    losses = _met(table, table.losses)
    if estimand.at == "clean":
        return (losses - _met(table, table.clean.losses)) / table.scale
    if estimand.at == "first":
        opposite = np.stack([table.opposite(of_step) for of_step in losses])
        return (losses - opposite) / (2 * table.scale)
    return losses / table.scale


def _met(table: SignTable, losses: Float) -> Float:
    """Return the losses that noise of each step is multiplied with, (T, 2^count)."""
    if table.network.loss.over == "sequence":
        return np.broadcast_to(losses.sum(axis=0), losses.shape)
    return losses


def _slopes(table: SignTable, problem: SmallProblem) -> Float:
    """Return the derivative of each step's loss along the signs of that step, (T, 2^count)."""
    weights = {name: as_tensor(a).requires_grad_() for name, a in problem.params.items()}
    guide = Guide(LocalRule("spatial"), direct=False)
    with torch.enable_grad():
        seen = run_guided(problem.network, weights, problem.batch, guide)
        by_layer = {name: seen.by_sent(name, seen.losses)[:, 0].numpy() for name in table.values}
    found: Float = sum(
        (np.einsum("tcn,tn->tc", z, by_layer[name]) for name, z in table.values.items()),
        np.zeros(()),
    )
    return found


def _seen(trace: Trace, layer: object, rule: LocalRule) -> Float:
    """Return what the weights and the bias of a dense layer see, (T, 2^count, inputs + 1)."""
    if not isinstance(layer, Linear):
        raise TypeError("the variance over signs is written for dense layers")
    received = rule.traces == "received"
    kept = trace.received_eligibility if received else trace.eligibility
    if rule.temporal == "spatial":
        kept = trace.received_activity if received else trace.activity
    found = kept[layer.name]
    values = found.values
    if found.weights is not None:
        values = found.weights[:, None, None] * values[None, ...]
    bias = np.broadcast_to(found.bias[:, None, None], (*values.shape[:2], 1))
    return np.concatenate([values, bias if layer.bias else bias * 0], axis=-1)


def _squared(delta: Float, seen: Float) -> float:
    """Return the sum over combinations of ``|sum_t delta[t] a[t]^T|^2``."""
    products = np.einsum("scn,tcn->stc", delta, delta) * np.einsum("scn,tcn->stc", seen, seen)
    return float(products.sum())
